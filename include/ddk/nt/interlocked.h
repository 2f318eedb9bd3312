/* SPDX-License-Identifier: MIT */
/* Interlocked operations, fenced reads and writes: over the compiler's atomics in both worlds. */
#ifndef OPENFLT_NT_INTERLOCKED_H
#define OPENFLT_NT_INTERLOCKED_H

#include "ex_types.h"

NT_BEGIN_C

/* Full barriers throughout: on x64 every locked instruction is one. */
#define NT_INTERLOCKED(type, suffix) \
    FORCEINLINE type InterlockedIncrement##suffix(type volatile *Addend) \
    { \
        return (type)__atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST); \
    } \
    FORCEINLINE type InterlockedDecrement##suffix(type volatile *Addend) \
    { \
        return (type)__atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST); \
    } \
    FORCEINLINE type InterlockedExchange##suffix(type volatile *Target, type Value) \
    { \
        return (type)__atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST); \
    } \
    FORCEINLINE type InterlockedExchangeAdd##suffix(type volatile *Addend, type Value) \
    { \
        return (type)__atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST); \
    } \
    FORCEINLINE type InterlockedAdd##suffix(type volatile *Addend, type Value) \
    { \
        return (type)__atomic_add_fetch(Addend, Value, __ATOMIC_SEQ_CST); \
    } \
    FORCEINLINE type InterlockedAnd##suffix(type volatile *Destination, type Value) \
    { \
        return (type)__atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST); \
    } \
    FORCEINLINE type InterlockedOr##suffix(type volatile *Destination, type Value) \
    { \
        return (type)__atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST); \
    } \
    FORCEINLINE type InterlockedXor##suffix(type volatile *Destination, type Value) \
    { \
        return (type)__atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST); \
    } \
    FORCEINLINE type InterlockedCompareExchange##suffix(type volatile *Destination, type Exchange, \
                                                        type Comparand) \
    { \
        __atomic_compare_exchange_n(Destination, &Comparand, Exchange, 0, __ATOMIC_SEQ_CST, \
                                    __ATOMIC_SEQ_CST); \
        return Comparand; \
    }

NT_INTERLOCKED(LONG, )
NT_INTERLOCKED(LONG64, 64)
NT_INTERLOCKED(SHORT, 16)
NT_INTERLOCKED(CHAR, 8)
#undef NT_INTERLOCKED

FORCEINLINE PVOID InterlockedExchangePointer(PVOID volatile *Target, PVOID Value)
{
    return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);
}

FORCEINLINE PVOID InterlockedCompareExchangePointer(PVOID volatile *Destination, PVOID Exchange,
                                                    PVOID Comparand)
{
    __atomic_compare_exchange_n(Destination, &Comparand, Exchange, 0, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    return Comparand;
}

#if !defined(__cplusplus)
/* Pointers to pointers convert to PVOID * in the sources of drivers without a cast. */
#define InterlockedExchangePointer(target, value) \
    InterlockedExchangePointer((PVOID volatile *)(target), (PVOID)(value))
#define InterlockedCompareExchangePointer(destination, exchange, comparand) \
    InterlockedCompareExchangePointer((PVOID volatile *)(destination), (PVOID)(exchange), \
                                      (PVOID)(comparand))
#endif

FORCEINLINE BOOLEAN InterlockedBitTestAndSet(LONG volatile *Base, LONG Bit)
{
    LONG Mask = (LONG)(1u << (Bit & 31));

    return (__atomic_fetch_or(Base + (Bit >> 5), Mask, __ATOMIC_SEQ_CST) & Mask) != 0;
}

FORCEINLINE BOOLEAN InterlockedBitTestAndReset(LONG volatile *Base, LONG Bit)
{
    LONG Mask = (LONG)(1u << (Bit & 31));

    return (__atomic_fetch_and(Base + (Bit >> 5), ~Mask, __ATOMIC_SEQ_CST) & Mask) != 0;
}

FORCEINLINE BOOLEAN InterlockedBitTestAndComplement(LONG volatile *Base, LONG Bit)
{
    LONG Mask = (LONG)(1u << (Bit & 31));

    return (__atomic_fetch_xor(Base + (Bit >> 5), Mask, __ATOMIC_SEQ_CST) & Mask) != 0;
}

FORCEINLINE UCHAR InterlockedCompareExchange128(LONG64 volatile *Destination, LONG64 ExchangeHigh,
                                                LONG64 ExchangeLow, LONG64 *ComparandResult)
{
    UCHAR Equal;

    __asm__ volatile("lock cmpxchg16b %1\n\tsete %0"
                     : "=q"(Equal), "+m"(*(volatile M128A *)Destination),
                       "+a"(ComparandResult[0]), "+d"(ComparandResult[1])
                     : "b"(ExchangeLow), "c"(ExchangeHigh)
                     : "cc", "memory");
    return Equal;
}

#define InterlockedIncrementNoFence      InterlockedIncrement
#define InterlockedIncrementAcquire      InterlockedIncrement
#define InterlockedIncrementRelease      InterlockedIncrement
#define InterlockedIncrementNoFence64    InterlockedIncrement64
#define InterlockedDecrementNoFence      InterlockedDecrement
#define InterlockedDecrementAcquire      InterlockedDecrement
#define InterlockedDecrementRelease      InterlockedDecrement
#define InterlockedDecrementNoFence64    InterlockedDecrement64
#define InterlockedAddNoFence64          InterlockedAdd64
#define InterlockedExchangeNoFence       InterlockedExchange
#define InterlockedExchangeAcquire       InterlockedExchange
#define InterlockedExchangeAddNoFence    InterlockedExchangeAdd
#define InterlockedExchangeAddNoFence64  InterlockedExchangeAdd64
#define InterlockedExchangePointerNoFence InterlockedExchangePointer
#define InterlockedCompareExchangeNoFence InterlockedCompareExchange
#define InterlockedCompareExchangeAcquire InterlockedCompareExchange
#define InterlockedCompareExchangeRelease InterlockedCompareExchange
#define InterlockedCompareExchangeNoFence64 InterlockedCompareExchange64
#define InterlockedCompareExchangePointerNoFence InterlockedCompareExchangePointer
#define InterlockedCompareExchangePointerAcquire InterlockedCompareExchangePointer
#define InterlockedCompareExchangePointerRelease InterlockedCompareExchangePointer
#define InterlockedAndNoFence            InterlockedAnd
#define InterlockedOrNoFence             InterlockedOr
#define InterlockedAndAffinity(t, m)     InterlockedAnd64((LONG64 volatile *)(t), (LONG64)(m))
#define InterlockedOrAffinity(t, m)      InterlockedOr64((LONG64 volatile *)(t), (LONG64)(m))

#define InterlockedExchangeAddSizeT(a, v) \
    ((SIZE_T)InterlockedExchangeAdd64((LONG64 volatile *)(a), (LONG64)(v)))
#define InterlockedIncrementSizeT(a) ((SIZE_T)InterlockedIncrement64((LONG64 volatile *)(a)))
#define InterlockedDecrementSizeT(a) ((SIZE_T)InterlockedDecrement64((LONG64 volatile *)(a)))
#define InterlockedIncrementSizeTNoFence InterlockedIncrementSizeT
#define InterlockedDecrementSizeTNoFence InterlockedDecrementSizeT
#define InterlockedAddPtr(a, v) \
    ((LONG_PTR)InterlockedAdd64((LONG64 volatile *)(a), (LONG64)(v)))

/* Single accesses with the order their name says. */
#define NT_ACCESSORS(type, name) \
    FORCEINLINE type Read##name##NoFence(type const volatile *Source) \
    { \
        return __atomic_load_n(Source, __ATOMIC_RELAXED); \
    } \
    FORCEINLINE type Read##name##Acquire(type const volatile *Source) \
    { \
        return __atomic_load_n(Source, __ATOMIC_ACQUIRE); \
    } \
    FORCEINLINE type Read##name##Raw(type const volatile *Source) \
    { \
        return __atomic_load_n(Source, __ATOMIC_RELAXED); \
    } \
    FORCEINLINE VOID Write##name##NoFence(type volatile *Destination, type Value) \
    { \
        __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); \
    } \
    FORCEINLINE VOID Write##name##Release(type volatile *Destination, type Value) \
    { \
        __atomic_store_n(Destination, Value, __ATOMIC_RELEASE); \
    } \
    FORCEINLINE VOID Write##name##Raw(type volatile *Destination, type Value) \
    { \
        __atomic_store_n(Destination, Value, __ATOMIC_RELAXED); \
    }
NT_ACCESSORS(LONG, )
NT_ACCESSORS(ULONG, ULong)
NT_ACCESSORS(ULONG64, ULong64)
NT_ACCESSORS(UCHAR, UChar)
NT_ACCESSORS(USHORT, UShort)
NT_ACCESSORS(BOOLEAN, Boolean)
#undef NT_ACCESSORS

FORCEINLINE LONG64 ReadNoFence64(LONG64 const volatile *Source)
{
    return __atomic_load_n(Source, __ATOMIC_RELAXED);
}

FORCEINLINE LONG64 ReadAcquire64(LONG64 const volatile *Source)
{
    return __atomic_load_n(Source, __ATOMIC_ACQUIRE);
}

FORCEINLINE VOID WriteNoFence64(LONG64 volatile *Destination, LONG64 Value)
{
    __atomic_store_n(Destination, Value, __ATOMIC_RELAXED);
}

FORCEINLINE VOID WriteRelease64(LONG64 volatile *Destination, LONG64 Value)
{
    __atomic_store_n(Destination, Value, __ATOMIC_RELEASE);
}

FORCEINLINE PVOID NtReadPointer(const volatile void *Source)
{
    return __atomic_load_n((PVOID const volatile *)Source, __ATOMIC_ACQUIRE);
}

FORCEINLINE VOID NtWritePointer(volatile void *Destination, PVOID Value)
{
    __atomic_store_n((PVOID volatile *)Destination, Value, __ATOMIC_RELEASE);
}

#define ReadPointerAcquire(p)     NtReadPointer(p)
#define ReadPointerNoFence(p)     NtReadPointer(p)
#define ReadPointerRaw(p)         NtReadPointer(p)
#define WritePointerRelease(p, v) NtWritePointer((p), (PVOID)(v))
#define WritePointerNoFence(p, v) NtWritePointer((p), (PVOID)(v))
#define ReadSizeTNoFence(p)       ((SIZE_T)ReadULong64NoFence((ULONG64 const volatile *)(p)))
#define ReadSizeTAcquire(p)       ((SIZE_T)ReadULong64Acquire((ULONG64 const volatile *)(p)))

#define KeMemoryBarrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define KeMemoryBarrierWithoutFence() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#ifndef MemoryBarrier
#define MemoryBarrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif
#define YieldProcessor() __asm__ volatile("pause")

/* Lists without a lock of their own. */
NTKERNELAPI PSLIST_ENTRY NTAPI ExpInterlockedPopEntrySList(PSLIST_HEADER ListHead);
NTKERNELAPI PSLIST_ENTRY NTAPI ExpInterlockedPushEntrySList(PSLIST_HEADER ListHead,
                                                            PSLIST_ENTRY ListEntry);
NTKERNELAPI PSLIST_ENTRY NTAPI ExpInterlockedFlushSList(PSLIST_HEADER ListHead);
NTKERNELAPI USHORT NTAPI ExQueryDepthSList(PSLIST_HEADER SListHead);
NTKERNELAPI VOID NTAPI InitializeSListHead(PSLIST_HEADER SListHead);
#define InterlockedPopEntrySList(head)         ExpInterlockedPopEntrySList(head)
#define InterlockedPushEntrySList(head, entry) ExpInterlockedPushEntrySList(head, entry)
#define InterlockedFlushSList(head)            ExpInterlockedFlushSList(head)
#define QueryDepthSList(head)                  ExQueryDepthSList(head)
#define ExInterlockedPopEntrySList(head, lock) ExpInterlockedPopEntrySList(head)
#define ExInterlockedPushEntrySList(head, entry, lock) ExpInterlockedPushEntrySList(head, entry)
#define ExInterlockedFlushSList(head)          ExpInterlockedFlushSList(head)
#define ExInitializeSListHead(head)            InitializeSListHead(head)

NT_END_C

#endif
