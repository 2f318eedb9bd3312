/* SPDX-License-Identifier: MIT */
/* Executive: pool, lookaside lists, resources, fast mutexes, push locks, rundown, work items. */
#ifndef OPENFLT_NT_EX_H
#define OPENFLT_NT_EX_H

#include "ex_types.h"
#include "io_types.h"
#include "ke.h"

NT_BEGIN_C

/* Pool. */
NTKERNELAPI PVOID NTAPI ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes);
NTKERNELAPI PVOID NTAPI ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes,
                                              ULONG Tag);
NTKERNELAPI PVOID NTAPI ExAllocatePoolWithTagPriority(POOL_TYPE PoolType, SIZE_T NumberOfBytes,
                                                      ULONG Tag, EX_POOL_PRIORITY Priority);
NTKERNELAPI PVOID NTAPI ExAllocatePoolWithQuota(POOL_TYPE PoolType, SIZE_T NumberOfBytes);
NTKERNELAPI PVOID NTAPI ExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes,
                                                   ULONG Tag);
NTKERNELAPI PVOID NTAPI ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag);
NTKERNELAPI PVOID NTAPI ExAllocatePool3(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag,
                                        PCPOOL_EXTENDED_PARAMETER ExtendedParameters,
                                        ULONG ExtendedParametersCount);
NTKERNELAPI VOID NTAPI ExFreePool(PVOID P);
NTKERNELAPI VOID NTAPI ExFreePoolWithTag(PVOID P, ULONG Tag);
NTKERNELAPI VOID NTAPI ExFreePool2(PVOID P, ULONG Tag,
                                   PCPOOL_EXTENDED_PARAMETER ExtendedParameters,
                                   ULONG ExtendedParametersCount);
NTKERNELAPI SIZE_T NTAPI ExQueryPoolBlockSize(PVOID PoolBlock, PBOOLEAN QuotaCharged);

/* Forms for every Windows: memory is zeroed here where the pool does not do it. */
FORCEINLINE PVOID ExAllocatePoolZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    PVOID Allocation =
        ExAllocatePoolWithTag((POOL_TYPE)(PoolType | POOL_ZERO_ALLOCATION), NumberOfBytes, Tag);

#if defined(POOL_ZERO_DOWN_LEVEL_SUPPORT)
    if (Allocation)
        RtlZeroMemory(Allocation, NumberOfBytes);
#endif
    return Allocation;
}

FORCEINLINE PVOID ExAllocatePoolUninitialized(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    return ExAllocatePoolWithTag(PoolType, NumberOfBytes, Tag);
}

FORCEINLINE PVOID ExAllocatePoolQuotaZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    return ExAllocatePoolWithQuotaTag((POOL_TYPE)(PoolType | POOL_ZERO_ALLOCATION), NumberOfBytes,
                                      Tag);
}

FORCEINLINE PVOID ExAllocatePoolQuotaUninitialized(POOL_TYPE PoolType, SIZE_T NumberOfBytes,
                                                   ULONG Tag)
{
    return ExAllocatePoolWithQuotaTag(PoolType, NumberOfBytes, Tag);
}

FORCEINLINE PVOID ExAllocatePoolPriorityZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag,
                                             EX_POOL_PRIORITY Priority)
{
    return ExAllocatePoolWithTagPriority((POOL_TYPE)(PoolType | POOL_ZERO_ALLOCATION),
                                         NumberOfBytes, Tag, Priority);
}

FORCEINLINE PVOID ExAllocatePoolPriorityUninitialized(POOL_TYPE PoolType, SIZE_T NumberOfBytes,
                                                      ULONG Tag, EX_POOL_PRIORITY Priority)
{
    return ExAllocatePoolWithTagPriority(PoolType, NumberOfBytes, Tag, Priority);
}

#if defined(_WIN32) && defined(POOL_NX_OPTIN)
extern POOL_TYPE ExDefaultNonPagedPoolType;
#endif
/* NonPagedPool is executable only where a driver did not opt in; here that makes no difference. */
FORCEINLINE VOID ExInitializeDriverRuntime(ULONG RuntimeFlags)
{
    (void)RuntimeFlags;
}

/* Lookaside lists. */
NTKERNELAPI VOID NTAPI ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside,
                                                       PALLOCATE_FUNCTION Allocate,
                                                       PFREE_FUNCTION Free, ULONG Flags,
                                                       SIZE_T Size, ULONG Tag, USHORT Depth);
NTKERNELAPI VOID NTAPI ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside);
NTKERNELAPI VOID NTAPI ExInitializePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside,
                                                      PALLOCATE_FUNCTION Allocate,
                                                      PFREE_FUNCTION Free, ULONG Flags,
                                                      SIZE_T Size, ULONG Tag, USHORT Depth);
NTKERNELAPI VOID NTAPI ExDeletePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside);
NTKERNELAPI NTSTATUS NTAPI ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX Lookaside,
                                                       PALLOCATE_FUNCTION_EX Allocate,
                                                       PFREE_FUNCTION_EX Free, POOL_TYPE PoolType,
                                                       ULONG Flags, SIZE_T Size, ULONG Tag,
                                                       USHORT Depth);
NTKERNELAPI VOID NTAPI ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX Lookaside);
NTKERNELAPI VOID NTAPI ExFlushLookasideListEx(PLOOKASIDE_LIST_EX Lookaside);

/* Allocation and freeing are inline in every driver: the fields are part of the interface. */
#define NT_LOOKASIDE_ALLOCATE(list, miss) \
    PVOID Entry; \
    (list)->L.TotalAllocates++; \
    Entry = ExpInterlockedPopEntrySList(&(list)->L.ListHead); \
    if (!Entry) { \
        (list)->L.AllocateMisses++; \
        Entry = (miss); \
    } \
    return Entry
#define NT_LOOKASIDE_FREE(list, entry, full) \
    (list)->L.TotalFrees++; \
    if (ExQueryDepthSList(&(list)->L.ListHead) >= (list)->L.Depth) { \
        (list)->L.FreeMisses++; \
        (full); \
    } else { \
        ExpInterlockedPushEntrySList(&(list)->L.ListHead, (PSLIST_ENTRY)(entry)); \
    }

FORCEINLINE PVOID ExAllocateFromNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside)
{
    NT_LOOKASIDE_ALLOCATE(Lookaside, Lookaside->L.Allocate(Lookaside->L.Type, Lookaside->L.Size,
                                                           Lookaside->L.Tag));
}

FORCEINLINE VOID ExFreeToNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry)
{
    NT_LOOKASIDE_FREE(Lookaside, Entry, Lookaside->L.Free(Entry));
}

FORCEINLINE PVOID ExAllocateFromPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside)
{
    NT_LOOKASIDE_ALLOCATE(Lookaside, Lookaside->L.Allocate(Lookaside->L.Type, Lookaside->L.Size,
                                                           Lookaside->L.Tag));
}

FORCEINLINE VOID ExFreeToPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry)
{
    NT_LOOKASIDE_FREE(Lookaside, Entry, Lookaside->L.Free(Entry));
}

FORCEINLINE PVOID ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    NT_LOOKASIDE_ALLOCATE(Lookaside, Lookaside->L.AllocateEx(Lookaside->L.Type, Lookaside->L.Size,
                                                             Lookaside->L.Tag, Lookaside));
}

FORCEINLINE VOID ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PVOID Entry)
{
    NT_LOOKASIDE_FREE(Lookaside, Entry, Lookaside->L.FreeEx(Entry, Lookaside));
}

/* Fast mutexes. */
FORCEINLINE VOID ExInitializeFastMutex(PFAST_MUTEX FastMutex)
{
    FastMutex->Count = FM_LOCK_BIT;
    FastMutex->Owner = NULL;
    FastMutex->Contention = 0;
    KeInitializeEvent(&FastMutex->Event, SynchronizationEvent, FALSE);
}
NTKERNELAPI VOID NTAPI ExAcquireFastMutex(PFAST_MUTEX FastMutex);
NTKERNELAPI VOID NTAPI ExReleaseFastMutex(PFAST_MUTEX FastMutex);
NTKERNELAPI VOID NTAPI ExAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex);
NTKERNELAPI VOID NTAPI ExReleaseFastMutexUnsafe(PFAST_MUTEX FastMutex);
NTKERNELAPI BOOLEAN NTAPI ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex);
NTKERNELAPI VOID NTAPI ExEnterCriticalRegionAndAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex);
NTKERNELAPI VOID NTAPI ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(PFAST_MUTEX FastMutex);

/* Resources. */
NTKERNELAPI NTSTATUS NTAPI ExInitializeResourceLite(PERESOURCE Resource);
NTKERNELAPI NTSTATUS NTAPI ExReinitializeResourceLite(PERESOURCE Resource);
NTKERNELAPI NTSTATUS NTAPI ExDeleteResourceLite(PERESOURCE Resource);
NTKERNELAPI BOOLEAN NTAPI ExAcquireResourceSharedLite(PERESOURCE Resource, BOOLEAN Wait);
NTKERNELAPI BOOLEAN NTAPI ExAcquireResourceExclusiveLite(PERESOURCE Resource, BOOLEAN Wait);
NTKERNELAPI BOOLEAN NTAPI ExAcquireSharedStarveExclusive(PERESOURCE Resource, BOOLEAN Wait);
NTKERNELAPI BOOLEAN NTAPI ExAcquireSharedWaitForExclusive(PERESOURCE Resource, BOOLEAN Wait);
NTKERNELAPI PVOID NTAPI ExEnterCriticalRegionAndAcquireResourceExclusive(PERESOURCE Resource);
NTKERNELAPI PVOID NTAPI ExEnterCriticalRegionAndAcquireResourceShared(PERESOURCE Resource);
NTKERNELAPI PVOID NTAPI ExEnterCriticalRegionAndAcquireSharedWaitForExclusive(
    PERESOURCE Resource);
NTKERNELAPI VOID NTAPI ExReleaseResourceLite(PERESOURCE Resource);
NTKERNELAPI VOID NTAPI ExReleaseResourceForThreadLite(PERESOURCE Resource,
                                                      ERESOURCE_THREAD ResourceThreadId);
NTKERNELAPI VOID NTAPI ExReleaseResourceAndLeaveCriticalRegion(PERESOURCE Resource);
NTKERNELAPI VOID NTAPI ExSetResourceOwnerPointer(PERESOURCE Resource, PVOID OwnerPointer);
NTKERNELAPI VOID NTAPI ExSetResourceOwnerPointerEx(PERESOURCE Resource, PVOID OwnerPointer,
                                                   ULONG Flags);
NTKERNELAPI VOID NTAPI ExConvertExclusiveToSharedLite(PERESOURCE Resource);
NTKERNELAPI ULONG NTAPI ExGetExclusiveWaiterCount(PERESOURCE Resource);
NTKERNELAPI ULONG NTAPI ExGetSharedWaiterCount(PERESOURCE Resource);
NTKERNELAPI BOOLEAN NTAPI ExIsResourceAcquiredExclusiveLite(PERESOURCE Resource);
NTKERNELAPI ULONG NTAPI ExIsResourceAcquiredSharedLite(PERESOURCE Resource);
NTKERNELAPI VOID NTAPI ExDisableResourceBoostLite(PERESOURCE Resource);
#define ExIsResourceAcquiredLite       ExIsResourceAcquiredSharedLite
#define ExGetCurrentResourceThread()   ((ERESOURCE_THREAD)PsGetCurrentThread())
#define ExReleaseResource(resource)    ExReleaseResourceLite(resource)
#define ExInitializeResource           ExInitializeResourceLite
#define ExAcquireResourceShared        ExAcquireResourceSharedLite
#define ExAcquireResourceExclusive     ExAcquireResourceExclusiveLite
#define ExReleaseResourceForThread     ExReleaseResourceForThreadLite
#define ExConvertExclusiveToShared     ExConvertExclusiveToSharedLite
#define ExDeleteResource               ExDeleteResourceLite
#define ExIsResourceAcquiredExclusive  ExIsResourceAcquiredExclusiveLite
#define ExIsResourceAcquiredShared     ExIsResourceAcquiredSharedLite

/* Push locks. */
NTKERNELAPI VOID NTAPI ExInitializePushLock(PEX_PUSH_LOCK PushLock);
NTKERNELAPI VOID NTAPI ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags);
NTKERNELAPI VOID NTAPI ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags);
NTKERNELAPI VOID NTAPI ExAcquirePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags);
NTKERNELAPI VOID NTAPI ExReleasePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags);
NTKERNELAPI VOID NTAPI ExReleasePushLockEx(PEX_PUSH_LOCK PushLock, ULONG Flags);
NTKERNELAPI BOOLEAN NTAPI ExTryAcquirePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags);
NTKERNELAPI BOOLEAN NTAPI ExTryAcquirePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags);
#define ExAcquirePushLockExclusive(l) ExAcquirePushLockExclusiveEx((l), EX_DEFAULT_PUSH_LOCK_FLAGS)
#define ExAcquirePushLockShared(l)    ExAcquirePushLockSharedEx((l), EX_DEFAULT_PUSH_LOCK_FLAGS)
#define ExReleasePushLockExclusive(l) ExReleasePushLockExclusiveEx((l), EX_DEFAULT_PUSH_LOCK_FLAGS)
#define ExReleasePushLockShared(l)    ExReleasePushLockSharedEx((l), EX_DEFAULT_PUSH_LOCK_FLAGS)
#define ExReleasePushLock(l)          ExReleasePushLockEx((l), EX_DEFAULT_PUSH_LOCK_FLAGS)

/* Executive spin locks. */
NTKERNELAPI KIRQL NTAPI ExAcquireSpinLockExclusive(PEX_SPIN_LOCK SpinLock);
NTKERNELAPI VOID NTAPI ExReleaseSpinLockExclusive(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql);
NTKERNELAPI KIRQL NTAPI ExAcquireSpinLockShared(PEX_SPIN_LOCK SpinLock);
NTKERNELAPI VOID NTAPI ExReleaseSpinLockShared(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql);
NTKERNELAPI VOID NTAPI ExAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK SpinLock);
NTKERNELAPI VOID NTAPI ExReleaseSpinLockExclusiveFromDpcLevel(PEX_SPIN_LOCK SpinLock);
NTKERNELAPI VOID NTAPI ExAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK SpinLock);
NTKERNELAPI VOID NTAPI ExReleaseSpinLockSharedFromDpcLevel(PEX_SPIN_LOCK SpinLock);
NTKERNELAPI LOGICAL NTAPI ExTryConvertSharedSpinLockExclusive(PEX_SPIN_LOCK SpinLock);
#define ExAcquireSpinLock(lock, old_irql) KeAcquireSpinLock((lock), (old_irql))
#define ExReleaseSpinLock(lock, old_irql) KeReleaseSpinLock((lock), (old_irql))
#define ExAcquireSpinLockAtDpcLevel(lock)   KeAcquireSpinLockAtDpcLevel(lock)
#define ExReleaseSpinLockFromDpcLevel(lock) KeReleaseSpinLockFromDpcLevel(lock)

/* Rundown protection. */
NTKERNELAPI VOID NTAPI ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef);
NTKERNELAPI VOID NTAPI ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef);
NTKERNELAPI BOOLEAN NTAPI ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef);
NTKERNELAPI BOOLEAN NTAPI ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count);
NTKERNELAPI VOID NTAPI ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef);
NTKERNELAPI VOID NTAPI ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count);
NTKERNELAPI VOID NTAPI ExRundownCompleted(PEX_RUNDOWN_REF RunRef);
NTKERNELAPI VOID NTAPI ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef);
NTKERNELAPI PEX_RUNDOWN_REF_CACHE_AWARE NTAPI ExAllocateCacheAwareRundownProtection(
    POOL_TYPE PoolType, ULONG PoolTag);
NTKERNELAPI VOID NTAPI ExFreeCacheAwareRundownProtection(PEX_RUNDOWN_REF_CACHE_AWARE RunRef);
NTKERNELAPI BOOLEAN NTAPI ExAcquireRundownProtectionCacheAware(
    PEX_RUNDOWN_REF_CACHE_AWARE RunRef);
NTKERNELAPI VOID NTAPI ExReleaseRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef);
NTKERNELAPI VOID NTAPI ExWaitForRundownProtectionReleaseCacheAware(
    PEX_RUNDOWN_REF_CACHE_AWARE RunRef);

/* Interlocked work under a spin lock. */
NTKERNELAPI PLIST_ENTRY NTAPI ExInterlockedInsertHeadList(PLIST_ENTRY ListHead,
                                                          PLIST_ENTRY ListEntry,
                                                          PKSPIN_LOCK Lock);
NTKERNELAPI PLIST_ENTRY NTAPI ExInterlockedInsertTailList(PLIST_ENTRY ListHead,
                                                          PLIST_ENTRY ListEntry,
                                                          PKSPIN_LOCK Lock);
NTKERNELAPI PLIST_ENTRY NTAPI ExInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock);
NTKERNELAPI PSINGLE_LIST_ENTRY NTAPI ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead,
                                                               PKSPIN_LOCK Lock);
NTKERNELAPI PSINGLE_LIST_ENTRY NTAPI ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead,
                                                                PSINGLE_LIST_ENTRY ListEntry,
                                                                PKSPIN_LOCK Lock);
NTKERNELAPI ULONG NTAPI ExInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock);
NTKERNELAPI LARGE_INTEGER NTAPI ExInterlockedAddLargeInteger(PLARGE_INTEGER Addend,
                                                             LARGE_INTEGER Increment,
                                                             PKSPIN_LOCK Lock);

/* Work items. */
#define ExInitializeWorkItem(item, routine, context) \
    do { \
        (item)->WorkerRoutine = (routine); \
        (item)->Parameter = (context); \
        (item)->List.Flink = NULL; \
    } while (0)
NTKERNELAPI VOID NTAPI ExQueueWorkItem(PWORK_QUEUE_ITEM WorkItem, WORK_QUEUE_TYPE QueueType);

/* Callback objects. */
NTKERNELAPI NTSTATUS NTAPI ExCreateCallback(PCALLBACK_OBJECT *CallbackObject,
                                            POBJECT_ATTRIBUTES ObjectAttributes, BOOLEAN Create,
                                            BOOLEAN AllowMultipleCallbacks);
NTKERNELAPI PVOID NTAPI ExRegisterCallback(PCALLBACK_OBJECT CallbackObject,
                                           PCALLBACK_FUNCTION CallbackFunction,
                                           PVOID CallbackContext);
NTKERNELAPI VOID NTAPI ExUnregisterCallback(PVOID CallbackRegistration);
NTKERNELAPI VOID NTAPI ExNotifyCallback(PVOID CallbackObject, PVOID Argument1, PVOID Argument2);

/* Timers of the executive. */
NTKERNELAPI PEX_TIMER NTAPI ExAllocateTimer(PEXT_CALLBACK Callback, PVOID CallbackContext,
                                            ULONG Attributes);
NTKERNELAPI BOOLEAN NTAPI ExSetTimer(PEX_TIMER Timer, LONGLONG DueTime, LONGLONG Period,
                                     PEXT_SET_PARAMETERS Parameters);
NTKERNELAPI BOOLEAN NTAPI ExCancelTimer(PEX_TIMER Timer, PEXT_CANCEL_PARAMETERS Parameters);
NTKERNELAPI BOOLEAN NTAPI ExDeleteTimer(PEX_TIMER Timer, BOOLEAN Cancel, BOOLEAN Wait,
                                        PEXT_DELETE_PARAMETERS Parameters);
NTKERNELAPI ULONG NTAPI ExSetTimerResolution(ULONG DesiredTime, BOOLEAN SetResolution);
NTKERNELAPI VOID NTAPI ExQueryTimerResolution(PULONG MaximumTime, PULONG MinimumTime,
                                              PULONG CurrentTime);

/* Modes, times, exceptions, the rest. */
NTKERNELAPI KPROCESSOR_MODE NTAPI ExGetPreviousMode(VOID);
NTKERNELAPI VOID NTAPI ExSystemTimeToLocalTime(PLARGE_INTEGER SystemTime,
                                               PLARGE_INTEGER LocalTime);
NTKERNELAPI VOID NTAPI ExLocalTimeToSystemTime(PLARGE_INTEGER LocalTime,
                                               PLARGE_INTEGER SystemTime);
NTKERNELAPI DECLSPEC_NORETURN VOID NTAPI ExRaiseStatus(NTSTATUS Status);
NTKERNELAPI DECLSPEC_NORETURN VOID NTAPI ExRaiseAccessViolation(VOID);
NTKERNELAPI DECLSPEC_NORETURN VOID NTAPI ExRaiseDatatypeMisalignment(VOID);
NTKERNELAPI NTSTATUS NTAPI ExUuidCreate(UUID *Uuid);
NTKERNELAPI BOOLEAN NTAPI ExIsProcessorFeaturePresent(ULONG ProcessorFeature);
NTKERNELAPI BOOLEAN NTAPI ExVerifySuite(SUITE_TYPE SuiteType);
NTKERNELAPI NTSTATUS NTAPI ExGetFirmwareEnvironmentVariable(PUNICODE_STRING VariableName,
                                                            GUID *VendorGuid, PVOID Value,
                                                            PULONG ValueLength,
                                                            PULONG Attributes);
NTKERNELAPI NTSTATUS NTAPI ExSetFirmwareEnvironmentVariable(PUNICODE_STRING VariableName,
                                                            GUID *VendorGuid, PVOID Value,
                                                            ULONG ValueLength, ULONG Attributes);
NTKERNELAPI VOID NTAPI ProbeForRead(const volatile VOID *Address, SIZE_T Length,
                                    ULONG Alignment);
NTKERNELAPI VOID NTAPI ProbeForWrite(volatile VOID *Address, SIZE_T Length, ULONG Alignment);

NT_CONSTANT_IMPORT(POBJECT_TYPE, ExEventObjectType);
NT_CONSTANT_IMPORT(POBJECT_TYPE, ExSemaphoreObjectType);
NT_CONSTANT_IMPORT(POBJECT_TYPE, ExDesktopObjectType);
NT_CONSTANT_IMPORT(POBJECT_TYPE, ExWindowStationObjectType);

/* Bug check codes drivers use or meet. */
#define IRQL_NOT_LESS_OR_EQUAL              0x0000000A
#define APC_INDEX_MISMATCH                  0x00000001
#define INVALID_PROCESS_ATTACH_ATTEMPT      0x00000005
#define NO_EXCEPTION_HANDLING_SUPPORT       0x0000000B
#define RESOURCE_NOT_OWNED                  0x000000E3
#define KMODE_EXCEPTION_NOT_HANDLED         0x0000001E
#define FAT_FILE_SYSTEM                     0x00000023
#define NTFS_FILE_SYSTEM                    0x00000024
#define CACHE_MANAGER                       0x00000034
#define NO_MORE_IRP_STACK_LOCATIONS         0x00000035
#define FILE_SYSTEM                         0x00000022
#define MULTIPLE_IRP_COMPLETE_REQUESTS      0x00000044
#define CANCEL_STATE_IN_COMPLETED_IRP       0x00000048
#define PAGE_FAULT_IN_NONPAGED_AREA         0x00000050
#define KERNEL_APC_PENDING_DURING_EXIT      0x00000020
#define PROCESS_HAS_LOCKED_PAGES            0x00000076
#define DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS 0x000000CB
#define KERNEL_DATA_INPAGE_ERROR            0x0000007A
#define SYSTEM_THREAD_EXCEPTION_NOT_HANDLED 0x0000007E
#define SYSTEM_SERVICE_EXCEPTION            0x0000003B
#define UNEXPECTED_KERNEL_MODE_TRAP         0x0000007F
#define IRQL_GT_ZERO_AT_SYSTEM_SERVICE      0x0000004A
#define THREAD_STUCK_IN_DEVICE_DRIVER       0x000000EA
#define BAD_POOL_HEADER                     0x00000019
#define BAD_POOL_CALLER                     0x000000C2
#define MANUALLY_INITIATED_CRASH            0x000000E2
#define DRIVER_POWER_STATE_FAILURE          0x0000009F
#define DRIVER_IRQL_NOT_LESS_OR_EQUAL       0x000000D1
#define DRIVER_VERIFIER_DETECTED_VIOLATION  0x000000C4
#define DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS 0x000000CE
#define DRIVER_OVERRAN_STACK_BUFFER         0x000000F7
#define KERNEL_SECURITY_CHECK_FAILURE       0x00000139
#define REFERENCE_BY_POINTER                0x00000018
#define SPIN_LOCK_NOT_OWNED                 0x00000010
#define SPIN_LOCK_ALREADY_OWNED             0x0000000F
#define THREAD_NOT_MUTEX_OWNER              0x00000011
#define TARGET_MDL_TOO_SMALL                0x00000040
#define NO_MORE_SYSTEM_PTES                 0x0000003F
#define DRIVER_VERIFIER_IOMANAGER_VIOLATION 0x000000C9
#define FLTMGR_FILE_SYSTEM                  0x000000F5
#define ATTEMPTED_SWITCH_FROM_DPC           0x000000B8
#define RESOURCE_OWNER_POINTER_INVALID      0x00000132

NT_END_C

#endif
