/* SPDX-License-Identifier: MIT */
/*
 * On Windows this header marks the unbounded string routines as deprecated for the analysis tools of
 * the driver kit. The compilers used here bring their own diagnosis of them, so there is nothing to
 * declare; drivers include the file by name.
 */
#ifndef OPENFLT_DDK_DONTUSE_H
#define OPENFLT_DDK_DONTUSE_H

#endif
