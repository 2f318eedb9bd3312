/* SPDX-License-Identifier: MIT */
/*
 * User memory: the window, the probes and the copies that survive bad pointers.
 *
 * The split is the one of D15: what lies below HOST_USER_LIMIT is user space. Probes answer by that
 * limit and by nothing else, as NT's do; whether a page is there shows only when it is touched.
 */
#include "mm/mm.h"

#include <errno.h>
#include <string.h>

const MMX_VIEW_OPS *MmxViewOps;

PVOID MmHighestUserAddress = (PVOID)(HOST_USER_LIMIT - 1);
PVOID MmSystemRangeStart = (PVOID)HOST_USER_LIMIT;
ULONG_PTR MmUserProbeAddress = HOST_USER_LIMIT;

/* ---- window ---------------------------------------------------------------------------------- */

PVOID MmxAllocateUser(SIZE_T Bytes, ULONG Protect)
{
    int prot = Protect & PAGE_NOACCESS ? HOST_NONE : Protect & PAGE_READONLY ? HOST_READ : HOST_RW;

    return host_window_alloc(Bytes, prot);
}

NTSTATUS MmxFreeUser(PVOID Base, SIZE_T Bytes)
{
    return host_window_free(Base, Bytes) ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

PVOID MmxSystemAddress(PVOID Base)
{
    PVOID Alias;

    if (!MmxIsUserRange(Base, 1))
        return Base;
    Alias = MmxViewOps ? MmxViewOps->SystemAddress(Base) : NULL;
    return Alias ? Alias : host_window_alias(Base);
}

/* ---- probes ---------------------------------------------------------------------------------- */

NTSTATUS MmxProbe(const void *Base, SIZE_T Bytes, ULONG Alignment, KPROCESSOR_MODE Mode)
{
    if (Mode == KernelMode || !Bytes)
        return STATUS_SUCCESS;
    if (Alignment > 1 && ((ULONG_PTR)Base & (Alignment - 1)))
        return STATUS_DATATYPE_MISALIGNMENT;
    return MmxIsUserRange(Base, Bytes) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

/* Touches every page through the host; a view that is not resident is paged in by its owner first.
 */
static bool Touch(const void *Base, SIZE_T Bytes, bool Write)
{
    if (!host_probe_pages(Base, Bytes, Write))
        return true;
    return MmxViewOps && MmxViewOps->Resolve((PVOID)Base, Bytes, Write);
}

bool MmxTouchPages(const void *Base, SIZE_T Bytes, bool Write)
{
    return !Bytes || Touch(Base, Bytes, Write);
}

NTSTATUS MmxProbePages(const void *Base, SIZE_T Bytes, bool Write, KPROCESSOR_MODE Mode)
{
    NTSTATUS Status = MmxProbe(Base, Bytes, 1, Mode);

    if (!NT_SUCCESS(Status) || !Bytes || Mode == KernelMode)
        return Status;
    /* Plain window memory is told without a system call; views and everything else by touching it.
     */
    if (host_window_allows(Base, Bytes, Write) || Touch(Base, Bytes, Write))
        return STATUS_SUCCESS;
    return STATUS_ACCESS_VIOLATION;
}

/*
 * Where bytes can be touched without a fault: kernel memory where it is, plain window memory with
 * the access asked for at its alias, which stays mapped whatever another thread does with the range
 * meanwhile. NULL: the host must look.
 */
static PVOID Safe(const void *Base, SIZE_T Bytes, bool Write)
{
    if (!MmxIsUserRange(Base, Bytes))
        return (PVOID)Base;
    return host_window_allows(Base, Bytes, Write) ? host_window_alias(Base) : NULL;
}

/* Copies with one side in user memory. A page of a view that is absent is brought in and the copy
 * is done again. */
static NTSTATUS GuardedCopy(PVOID To, const void *From, SIZE_T Bytes)
{
    PVOID SafeTo = Safe(To, Bytes, true), SafeFrom = Safe(From, Bytes, false);

    if (SafeTo && SafeFrom) {
        memcpy(SafeTo, SafeFrom, Bytes);
        return STATUS_SUCCESS;
    }
    if (!host_copy_checked(To, From, Bytes))
        return STATUS_SUCCESS;
    if (!MmxViewOps)
        return STATUS_ACCESS_VIOLATION;
    if (MmxIsUserRange(To, Bytes) && !Touch(To, Bytes, true))
        return STATUS_ACCESS_VIOLATION;
    if (MmxIsUserRange(From, Bytes) && !Touch(From, Bytes, false))
        return STATUS_ACCESS_VIOLATION;
    return host_copy_checked(To, From, Bytes) ? STATUS_ACCESS_VIOLATION : STATUS_SUCCESS;
}

NTSTATUS MmxCopyIn(PVOID To, const void *From, SIZE_T Bytes, ULONG Alignment, KPROCESSOR_MODE Mode)
{
    NTSTATUS Status = MmxProbe(From, Bytes, Alignment, Mode);

    if (!NT_SUCCESS(Status) || !Bytes)
        return Status;
    if (Mode == KernelMode && !MmxIsUserRange(From, Bytes)) {
        memcpy(To, From, Bytes);
        return STATUS_SUCCESS;
    }
    return GuardedCopy(To, From, Bytes);
}

NTSTATUS MmxCopyOut(PVOID To, const void *From, SIZE_T Bytes, ULONG Alignment, KPROCESSOR_MODE Mode)
{
    NTSTATUS Status = MmxProbe(To, Bytes, Alignment, Mode);

    if (!NT_SUCCESS(Status) || !Bytes)
        return Status;
    if (Mode == KernelMode && !MmxIsUserRange(To, Bytes)) {
        memcpy(To, From, Bytes);
        return STATUS_SUCCESS;
    }
    return GuardedCopy(To, From, Bytes);
}

static void RaiseFailure(NTSTATUS Status, const volatile void *Base, bool Write)
{
    ULONG_PTR Parameters[2] = {Write, (ULONG_PTR)Base};

    if (Status == STATUS_DATATYPE_MISALIGNMENT)
        ExRaiseDatatypeMisalignment();
    KexRaise(Status, 2, Parameters, __builtin_return_address(0));
}

/*
 * Checks that [Address, Address+Length) is user memory and aligned, and raises
 * STATUS_ACCESS_VIOLATION or STATUS_DATATYPE_MISALIGNMENT if not. No page is touched and a length
 * of 0 checks nothing (nf-wdm-probeforread). IRQL <= APC_LEVEL.
 */
VOID NTAPI ProbeForRead(const volatile VOID *Address, SIZE_T Length, ULONG Alignment)
{
    NTSTATUS Status = MmxProbe((const void *)Address, Length, Alignment, UserMode);

    if (!NT_SUCCESS(Status))
        RaiseFailure(Status, Address, false);
}

/*
 * As ProbeForRead, and every page must be present and writable now: Windows writes back what it
 * read, so a page that is read-only or absent raises here (nf-wdm-probeforwrite). IRQL <=
 * APC_LEVEL.
 */
VOID NTAPI ProbeForWrite(volatile VOID *Address, SIZE_T Length, ULONG Alignment)
{
    NTSTATUS Status = MmxProbe((const void *)Address, Length, Alignment, UserMode);

    if (NT_SUCCESS(Status) && Length && !Touch((const void *)Address, Length, true))
        Status = STATUS_ACCESS_VIOLATION;
    if (!NT_SUCCESS(Status))
        RaiseFailure(Status, Address, true);
}

/*
 * A read of this address would not fault now. Says nothing about the next moment; any IRQL
 * (nf-ntddk-mmisaddressvalid).
 */
BOOLEAN NTAPI MmIsAddressValid(PVOID VirtualAddress)
{
    char Byte;

    return host_copy_checked(&Byte, VirtualAddress, 1) == 0;
}

/*
 * Copies memory that may be absent. MM_COPY_MEMORY_VIRTUAL takes kernel addresses only,
 * MM_COPY_MEMORY_PHYSICAL frame addresses as MmGetPhysicalAddress gives them.
 * *NumberOfBytesTransferred tells how far it got (nf-ntddk-mmcopymemory). IRQL <= APC_LEVEL.
 * STATUS_INVALID_PARAMETER, STATUS_INVALID_ADDRESS.
 */
NTSTATUS NTAPI MmCopyMemory(PVOID TargetAddress, MM_COPY_ADDRESS SourceAddress,
                            SIZE_T NumberOfBytes, ULONG Flags, PSIZE_T NumberOfBytesTransferred)
{
    const char *Source = Flags == MM_COPY_MEMORY_PHYSICAL
                             ? (const char *)SourceAddress.PhysicalAddress.QuadPart
                             : (const char *)SourceAddress.VirtualAddress;
    SIZE_T Done = 0;

    *NumberOfBytesTransferred = 0;
    if (Flags != MM_COPY_MEMORY_PHYSICAL && Flags != MM_COPY_MEMORY_VIRTUAL)
        return STATUS_INVALID_PARAMETER;
    if (MmxIsUserRange(Source, NumberOfBytes))
        return STATUS_INVALID_ADDRESS;
    while (Done < NumberOfBytes) {
        SIZE_T Part = HOST_PAGE - ((ULONG_PTR)(Source + Done) & (HOST_PAGE - 1));

        if (Part > NumberOfBytes - Done)
            Part = NumberOfBytes - Done;
        if (host_copy_checked((char *)TargetAddress + Done, Source + Done, Part))
            break;
        Done += Part;
    }
    *NumberOfBytesTransferred = Done;
    return Done == NumberOfBytes ? STATUS_SUCCESS : STATUS_INVALID_ADDRESS;
}

/* Frame of the page at BaseAddress plus the offset in it; 0 when nothing is there
 * (nf-ntddk-mmgetphysicaladdress). Any IRQL. */
PHYSICAL_ADDRESS NTAPI MmGetPhysicalAddress(PVOID BaseAddress)
{
    PHYSICAL_ADDRESS Physical = {.QuadPart = 0};

    if (MmIsAddressValid(BaseAddress))
        Physical.QuadPart = (LONGLONG)(ULONG_PTR)MmxSystemAddress(BaseAddress);
    return Physical;
}

/* Kernel address of a frame that is mapped (nf-ntddk-mmgetvirtualforphysical). Any IRQL. */
PVOID NTAPI MmGetVirtualForPhysical(PHYSICAL_ADDRESS PhysicalAddress)
{
    return (PVOID)(ULONG_PTR)PhysicalAddress.QuadPart;
}

/* Size class of the machine's memory, for drivers that scale their caches
 * (nf-ntddk-mmquerysystemsize). */
MM_SYSTEMSIZE NTAPI MmQuerySystemSize(VOID)
{
    return MmLargeSystem;
}

/* Not a server edition: the machine answers as a client one (nf-ntddk-mmisthisanntassystem). */
BOOLEAN NTAPI MmIsThisAnNtAsSystem(VOID)
{
    return FALSE;
}
