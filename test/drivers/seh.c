/* SPDX-License-Identifier: MIT */
/* A driver for test/unit/pe/seh.c. Every routine returns a number that tells which blocks ran, in
 * order. */
#include "plain.h"

IMPORT void TestRaise(UINT32 Status);
IMPORT UINT64 TestTouch(UINT64 Address);
IMPORT void TestTrace(UINT64 Step);

NTSTATUS DriverEntry(PVOID DriverObject, PVOID RegistryPath);
NTSTATUS DriverEntry(PVOID DriverObject, PVOID RegistryPath)
{
    return 0;
}

#define EXPORT __declspec(dllexport) __declspec(noinline)

static __declspec(noinline) UINT64 Load(UINT64 Address)
{
    return *(volatile UINT64 *)Address;
}

EXPORT UINT64 AccessViolation(UINT64 X)
{
    UINT64 Code = 0;

    __try {
        *(volatile UINT64 *)X = 1;
        Code = 1;
    } __except (Code = (UINT32)_exception_code(), 1) {
        Code += 2;
    }
    return Code;
}

EXPORT UINT64 FinallyOrder(UINT64 X)
{
    __try {
        __try {
            __try {
                TestTrace(1);
                Load(X);
                TestTrace(99);
            } __finally {
                TestTrace(2 + 10 * _abnormal_termination());
            }
        } __finally {
            TestTrace(3);
        }
    } __except (TestTrace(4), 1) {
        TestTrace(5);
    }
    __try {
        TestTrace(6);
    } __finally {
        TestTrace(7 + 10 * _abnormal_termination());
    }
    return 0;
}

#define FRAME(n, next)                                                                             \
    static __declspec(noinline) UINT64 Frame##n(UINT64 X)                                          \
    {                                                                                              \
        volatile UINT64 Local[n * 3];                                                              \
        UINT64 Result = 0;                                                                         \
        Local[0] = X;                                                                              \
        __try {                                                                                    \
            Result = next(X) + Local[0];                                                           \
        } __finally {                                                                              \
            TestTrace(n);                                                                          \
        }                                                                                          \
        return Result;                                                                             \
    }

static __declspec(noinline) UINT64 RaiseIt(UINT64 X)
{
    TestRaise((UINT32)X);
    return 77;
}

FRAME(6, RaiseIt)
FRAME(5, Frame6)
FRAME(4, Frame5)
FRAME(3, Frame4)
FRAME(2, Frame3)
FRAME(1, Frame2)

EXPORT UINT64 SixFrames(UINT64 X)
{
    __try {
        return Frame1(X);
    } __except (_exception_code() == (long)X) {
        return (UINT32)_exception_code() + 1;
    }
}

EXPORT UINT64 Rejected(UINT64 X)
{
    UINT64 Result = 0;

    __try {
        __try {
            RaiseIt(X);
        } __except (TestTrace(1), 0) {
            Result = 100;
        }
    } __except (TestTrace(2), 1) {
        Result += 5;
    }
    return Result;
}

EXPORT UINT64 ReturnThrough(UINT64 X)
{
    __try {
        if (X == 1)
            return 11;
        __try {
            if (X == 2)
                return 22;
            TestTrace(1);
        } __finally {
            TestTrace(2);
        }
    } __finally {
        TestTrace(3);
    }
    return 33;
}

EXPORT UINT64 Loops(UINT64 X)
{
    UINT64 Sum = 0;

    for (UINT64 I = 0; I < 6; I++) {
        __try {
            if (I == 1)
                continue;
            if (I == 4)
                break;
            if (I == 2)
                __leave;
            Sum += 100;
        } __finally {
            Sum += 1;
        }
        Sum += 10;
    }
    return Sum;
}

EXPORT UINT64 DivideBy(UINT64 X)
{
    __try {
        return (UINT64)(100 / (int)X);
    } __except (1) {
        return (UINT32)_exception_code();
    }
}

EXPORT UINT64 RaiseInExcept(UINT64 X)
{
    UINT64 Result = 0;

    __try {
        __try {
            Load(0x10);
        } __except (1) {
            Result = 1;
            RaiseIt(X);
            Result = 50;
        }
    } __except (1) {
        Result += 2;
    }
    return Result;
}

EXPORT UINT64 CatchBreak(UINT64 X)
{
    __try {
        __asm__ volatile("int3");
        return 1;
    } __except (1) {
        return (UINT32)_exception_code();
    }
}

EXPORT double KeepsFloat(double X)
{
    volatile double Result;
    double A = X * 2, B = X * 3, C = X * 5, D = X * 7;

    __asm__ volatile("" : "+x"(A), "+x"(B), "+x"(C), "+x"(D));
    __try {
        Frame1(0xE0000001);
    } __except (1) {
        Result = 1;
    }
    Result = A + B + C + D;
    return Result;
}

static __declspec(noinline) UINT64 BackIn(UINT64 X)
{
    TestTrace(1);
    RaiseIt(X);
    return 5;
}

/* driver -> host -> driver -> host, which raises. */
EXPORT UINT64 AcrossHost(UINT64 X)
{
    UINT64 A = X * 3, B = X ^ 0x5555, C = X + 9;
    UINT64 Result = 1;

    __asm__ volatile("" : "+r"(A), "+r"(B), "+r"(C));
    __try {
        TestCallBack(BackIn, X);
        Result = 2;
    } __except (1) {
        Result = 3;
    }
    return Result == 3 && A == X * 3 && B == (X ^ 0x5555) && C == X + 9;
}

/* The fault happens in the host's code. */
EXPORT UINT64 HostFaults(UINT64 X)
{
    __try {
        return TestTouch(X);
    } __except (1) {
        return (UINT32)_exception_code();
    }
}

EXPORT UINT64 RaiseInFinally(UINT64 X)
{
    UINT64 Result = 0;

    __try {
        __try {
            __try {
                __try {
                    Load(0x20);
                } __finally {
                    TestTrace(1);
                }
            } __finally {
                TestTrace(2);
                RaiseIt(X);
                TestTrace(99);
            }
        } __finally {
            TestTrace(3);
        }
    } __except (1) {
        Result = (UINT32)_exception_code();
    }
    return Result;
}

static __declspec(noinline) void Thrower(UINT64 X)
{
    __try {
        Load(0x30);
    } __finally {
        TestTrace(1);
        RaiseIt(X);
    }
}

/* The second exception collides with the unwind of the first, from another frame. */
EXPORT UINT64 Collided(UINT64 X)
{
    UINT64 Result = 0;

    __try {
        __try {
            Thrower(X);
        } __finally {
            TestTrace(2);
        }
    } __except (1) {
        Result = (UINT32)_exception_code();
    }
    return Result;
}

struct exception_record {
    UINT32 Code, Flags;
    PVOID Next, Address;
};
struct exception_pointers {
    struct exception_record *Record;
    UCHAR *Context;
};

static long Repair(struct exception_pointers *Pointers, UINT64 *Good)
{
    *(UINT64 *)(Pointers->Context + 0x80) = (UINT64)Good; /* Rcx */
    TestTrace(Pointers->Record->Code & 0xffff);
    return -1;
}

EXPORT UINT64 ContinueExecution(UINT64 X)
{
    UINT64 Good = 1234, Result = 0;

    __try {
        __asm__ volatile("movq (%%rcx), %0" : "=r"(Result) : "c"(X));
    } __except (Repair((struct exception_pointers *)_exception_info(), &Good)) {
        Result = 5;
    }
    return Result;
}

EXPORT UINT64 Many(UINT64 X)
{
    UINT64 Caught = 0;

    for (UINT64 I = 0; I < X; I++) {
        __try {
            RaiseIt(0xE0000002);
        } __except (1) {
            Caught++;
        }
    }
    return Caught;
}

EXPORT UINT64 CallNull(UINT64 X)
{
    __try {
        ((void (*)(void))X)();
    } __except (1) {
        return (UINT32)_exception_code();
    }
    return 1;
}

EXPORT UINT64 KernelAddress(UINT64 X)
{
    __try {
        return Load(X);
    } __except (1) {
        return 7;
    }
}

EXPORT UINT64 Unguarded(UINT64 X)
{
    return Frame1(X);
}

IMPORT UINT64 TestGuarded(UINT64 (*Routine)(UINT64), UINT64 Argument);

EXPORT UINT64 GuardInside(UINT64 X)
{
    __try {
        return TestGuarded(BackIn, X);
    } __except (1) {
        return 99;
    }
}

IMPORT void TestExpand(void (*Routine)(PVOID), PVOID Parameter);

static void OnOtherStack(PVOID X)
{
    volatile UCHAR Local[5000];

    Local[0] = 1;
    __try {
        RaiseIt((UINT64)X);
    } __finally {
        TestTrace(Local[0]);
    }
}

EXPORT UINT64 Expanded(UINT64 X)
{
    UINT64 Result = 0;

    for (int I = 0; I < 3; I++) {
        __try {
            TestExpand(OnOtherStack, (PVOID)X);
        } __except (1) {
            Result += (UINT32)_exception_code() & 15;
        }
    }
    /* The old stack is the current one again: a fault on it is an ordinary one. */
    __try {
        Load(0x10);
    } __except (1) {
        Result += 100;
    }
    return Result;
}
