/* SPDX-License-Identifier: MIT */
/*
 * Read before every driver source that `openflt cc` compiles: what the Microsoft compiler and its
 * build files give a driver without any include.
 */
#ifndef OPENFLT_OFDRIVER_H
#define OPENFLT_OFDRIVER_H

#if defined(_WIN32)

#ifndef _KERNEL_MODE
#define _KERNEL_MODE 1
#endif
#ifndef _AMD64_
#define _AMD64_ 1
#endif
#ifndef AMD64
#define AMD64 1
#endif
#ifndef ALLOC_PRAGMA
#define ALLOC_PRAGMA 1
#endif
#ifndef STD_CALL
#define STD_CALL 1
#endif

#include "crt/excpt.h"

/* Sections by declaration instead of by alloc_text. */
#ifndef CODE_SEG
#define CODE_SEG(name) __declspec(code_seg(name))
#endif

#endif

#endif
