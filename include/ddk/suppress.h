/* SPDX-License-Identifier: MIT */
/*
 * On Windows this header names the warnings of the static analysis tools, for use in
 * `#pragma prefast` and `#pragma warning`. No compiler used here reads those pragmas, and the names
 * occur nowhere else, so there is nothing to define; drivers include the file by name.
 */
#ifndef OPENFLT_DDK_SUPPRESS_H
#define OPENFLT_DDK_SUPPRESS_H

#endif
