/* SPDX-License-Identifier: MIT */
#ifndef OPENFLT_TRACE_TRACE_TEXT_H
#define OPENFLT_TRACE_TRACE_TEXT_H

#include "ke/ke.h"

extern bool TrcTextEnabled;
void TrcTextStart(void);
void TrcTextEvent(const KEX_TRACE *Event);
/* "   0.001234 T3 Who: " at the start of a line; returns its length. */
size_t TrcTextPrefix(char *Out, size_t Room, const char *Who);

#endif
