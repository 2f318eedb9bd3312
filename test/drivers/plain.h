/* SPDX-License-Identifier: MIT */
/* The little that drivers of the loader's own tests need; they are built before any other header is
 * trusted. */
#ifndef TEST_PLAIN_H
#define TEST_PLAIN_H

typedef unsigned char UCHAR;
typedef unsigned int UINT32;
typedef unsigned long long UINT64;
typedef void *PVOID;
typedef long NTSTATUS;

#define IMPORT __declspec(dllimport)

IMPORT void TestNote(UINT64 What, UINT64 Value);
IMPORT UINT64 TestCallBack(UINT64 (*Routine)(UINT64), UINT64 Argument);
IMPORT extern UINT64 TestData;

static inline UINT64 ReadCr8(void)
{
    UINT64 value;

    __asm__ volatile("movq %%cr8, %0" : "=r"(value));
    return value;
}

static inline void WriteCr8(UINT64 value)
{
    __asm__ volatile("movq %0, %%cr8" ::"r"(value));
}

#endif
