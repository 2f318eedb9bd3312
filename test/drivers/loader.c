/* SPDX-License-Identifier: MIT */
/* A driver for test/unit/pe: each exported routine shows one duty of the loader. */
#include "plain.h"

UINT64 Value = 41;
UINT64 *Pointer = &Value; /* needs a relocation */
static UINT64 Zeroed[600];

NTSTATUS DriverEntry(PVOID DriverObject, PVOID RegistryPath);
UINT64 OnlyAtStart(UINT64 X);
#pragma alloc_text(INIT, DriverEntry)
#pragma alloc_text(INIT, OnlyAtStart)

__declspec(noinline) UINT64 OnlyAtStart(UINT64 X)
{
    return X * 3;
}

NTSTATUS DriverEntry(PVOID DriverObject, PVOID RegistryPath)
{
    TestNote(1, (UINT64)DriverObject);
    TestNote(2, ++*Pointer);
    TestNote(3, TestData);
    TestNote(4, Zeroed[599]);
    return (NTSTATUS)OnlyAtStart(7);
}

__declspec(dllexport) UINT64 CallInit(UINT64 X)
{
    return OnlyAtStart(X);
}

__declspec(dllexport) UINT64 Irql(UINT64 X)
{
    return ReadCr8() + X;
}

/* Between other work, so that both halves of a patch carry something. */
__declspec(dllexport) UINT64 IrqlMixed(UINT64 X)
{
    UINT64 Sum = X;

    for (UINT64 I = 0; I < 3; I++) {
        Sum += Value;
        Sum += ReadCr8();
        Sum ^= I;
        WriteCr8(I + 1);
        Sum += Value * 2;
    }
    return Sum;
}

/* The read is the target of a jump and ends a block: only a trap can serve some of these. */
__declspec(dllexport) UINT64 IrqlTight(UINT64 X)
{
    UINT64 Result;

    __asm__ volatile("jmp 2f\n"
                     "1: jmp 3f\n"
                     "2: movq %%cr8, %0\n"
                     "jmp 1b\n"
                     "3:\n"
                     : "=r"(Result));
    return Result + X;
}

static __declspec(noinline) UINT64 Store(UINT64 *Where, UINT64 What)
{
    *Where = What; /* FAULT */
    return *Where + 1;
}

static __declspec(noinline) UINT64 Inner(UINT64 X)
{
    return Store((UINT64 *)X, 5) + Value;
}

__declspec(dllexport) UINT64 FaultAt(UINT64 X)
{
    return TestCallBack(Inner, X) + 2;
}

__declspec(dllexport) UINT64 JumpTo(UINT64 X)
{
    return ((UINT64(*)(UINT64))X)(1) + 1;
}

__declspec(dllexport) UINT64 Divide(UINT64 X)
{
    return Value / X;
}

__declspec(dllexport) UINT64 FastFail(UINT64 X)
{
    __asm__ volatile("int $0x29" ::"c"(X));
    return 0;
}

__declspec(dllexport) UINT64 Breakpoint(UINT64 X)
{
    __asm__ volatile("int3");
    return X;
}

__declspec(dllexport) UINT64 Privileged(UINT64 X)
{
    __asm__ volatile("rdmsr" ::"c"(X) : "rax", "rdx");
    return X;
}

__declspec(dllexport) UINT64 SharedTime(UINT64 X)
{
    return *(volatile UINT32 *)(0xFFFFF78000000000ull + X);
}

__declspec(dllexport) UINT64 SharedForms(UINT64 X)
{
    UINT64 Base = 0xFFFFF78000000000ull, Sum = 0, Before = Base, Own = Base;
    UCHAR Equal;

    __asm__ volatile("cmpl %3, (%1,%2)\n sete %0"
                     : "=q"(Equal)
                     : "r"(Base), "r"(X), "r"(0xfeedbeef)
                     : "cc");
    __asm__ volatile("addl 20(%1), %k0" : "+r"(Sum) : "r"(Base) : "cc");
    __asm__ volatile("popcntl 20(%q0), %k0" : "+r"(Own) : : "cc");
    return Sum + Equal + (Before == Base) + (Own == 26);
}

/* Overwrites the whole stack upwards; what it returns to is gone. */
__declspec(dllexport) UINT64 SmashStack(UINT64 Bytes)
{
    volatile UCHAR Local[16];

    for (UINT64 I = 0; I < Bytes; I++)
        Local[I] = 0x41;
    return Local[3];
}

__declspec(dllexport) UINT64 Recurse(UINT64 X)
{
    volatile UCHAR Local[3000];

    Local[X % 3000] = (UCHAR)X;
    return Recurse(X + 1) + Local[(X + 1) % 3000];
}

__declspec(dllexport) UINT64 BigFrame(UINT64 X)
{
    volatile UCHAR Local[40000];

    Local[0] = (UCHAR)X;
    Local[39999] = 2;
    return Local[0] + Local[39999];
}

__declspec(dllexport) UINT64 WildStack(UINT64 X)
{
    __asm__ volatile("movq %0, %%rsp\n movq (%%rsp), %%rax" ::"r"(X) : "rax");
    return 0;
}

__declspec(dllexport) double Float(double X)
{
    return X * 1.5;
}
