/* SPDX-License-Identifier: MIT */
/*
 * The few things that differ between the two compilers' worlds that read these headers.
 *
 * A driver is compiled for the Windows target (clang, x86_64-pc-windows-msvc): calling convention,
 * long, wchar_t and bit-fields are right by themselves. openflt itself is compiled for the host
 * (System V, LP64, -fshort-wchar): there the differences are spelled out once, here, so that both
 * worlds see one set of types with one layout.
 */
#ifndef OPENFLT_NT_TARGET_H
#define OPENFLT_NT_TARGET_H

#include <stddef.h>
#include <stdarg.h>

#if defined(_WIN32)

#define NTAPI              __stdcall
#define NTAPIV             __cdecl
#define DECLSPEC_IMPORT    __declspec(dllimport)
#define DECLSPEC_NORETURN  __declspec(noreturn)
#define DECLSPEC_NOINLINE  __declspec(noinline)
#define DECLSPEC_ALIGN(n)  __declspec(align(n))
#define DECLSPEC_UUID(u)
#define DECLSPEC_NOVTABLE
#define DECLSPEC_SELECTANY __declspec(selectany)
#define DECLSPEC_DEPRECATED
#define DECLSPEC_DEPRECATED_DDK
#define DECLSPEC_DEPRECATED_DDK_WINXP
#define DECLSPEC_DEPRECATED_DDK_WIN2003
#define DECLSPEC_RESTRICT
#define DECLSPEC_NOTHROW
#define DECLSPEC_SAFEBUFFERS
#define FORCEINLINE        __forceinline
#define NT_BITFIELDS

typedef va_list NT_VA_LIST;
#define NT_VA_START(list, last) va_start(list, last)
#define NT_VA_END(list)         va_end(list)
#define NT_VA_COPY(to, from)    va_copy(to, from)
#define NT_VA_ARG(list, type)   va_arg(list, type)

#else

#define NTAPI              __attribute__((ms_abi))
#define NTAPIV             __attribute__((ms_abi))
#define DECLSPEC_IMPORT
#define DECLSPEC_NORETURN  __attribute__((noreturn))
#define DECLSPEC_NOINLINE  __attribute__((noinline))
#define DECLSPEC_ALIGN(n)  __attribute__((aligned(n)))
#define DECLSPEC_SELECTANY __attribute__((weak))
#define FORCEINLINE        static inline __attribute__((always_inline, unused))
/* On structures that hold bit-fields: allocation units as the Microsoft compiler has them. */
#define NT_BITFIELDS       __attribute__((ms_struct))

/* The argument list a driver passes to a variadic export or a v...-routine is the Windows one. */
typedef __builtin_ms_va_list NT_VA_LIST;
#define NT_VA_START(list, last) __builtin_ms_va_start(list, last)
#define NT_VA_END(list)         __builtin_ms_va_end(list)
#define NT_VA_COPY(to, from)    __builtin_ms_va_copy(to, from)
#define NT_VA_ARG(list, type)   __builtin_va_arg(list, type)

#endif

#define FASTCALL           NTAPI
#define CFORCEINLINE       FORCEINLINE
#define DECLSPEC_CACHEALIGN DECLSPEC_ALIGN(SYSTEM_CACHE_ALIGNMENT_SIZE)
#define SYSTEM_CACHE_ALIGNMENT_SIZE 64
#define MEMORY_ALLOCATION_ALIGNMENT 16
#define POINTER_ALIGNMENT  DECLSPEC_ALIGN(8)

/* Who exports a routine; all the same to a driver: an import. */
#define NTKERNELAPI        DECLSPEC_IMPORT
#define NTSYSAPI           DECLSPEC_IMPORT
#define NTHALAPI           DECLSPEC_IMPORT
#define NTSYSCALLAPI       DECLSPEC_IMPORT
#define NTNLSAPI           DECLSPEC_IMPORT

/*
 * An exported variable whose import a driver sees as a pointer to it (the import library has it as
 * CONSTANT: the name stands for the import slot, so a driver writes *PsProcessType). The kernel
 * side defines and uses the variable itself.
 */
#if defined(_WIN32)
#define NT_CONSTANT_IMPORT(type, name) extern type *name
#else
#define NT_CONSTANT_IMPORT(type, name) extern type name
#endif

#if defined(__cplusplus)
#define NT_BEGIN_C extern "C" {
#define NT_END_C   }
#define C_ASSERT(e) static_assert(e, #e)
#else
#define NT_BEGIN_C
#define NT_END_C
#define C_ASSERT(e) _Static_assert(e, #e)
#endif

#endif
