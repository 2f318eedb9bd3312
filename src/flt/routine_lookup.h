/* SPDX-License-Identifier: MIT */
/* routine_lookup.h - what FltGetRoutineAddress has to know from registration. */
#ifndef OPENFLT_FLT_ROUTINE_LOOKUP_H
#define OPENFLT_FLT_ROUTINE_LOOKUP_H

/* Called by FltRegisterFilter when it succeeded. */
void FltxNoteRegistration(void);

#endif
