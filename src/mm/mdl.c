/* SPDX-License-Identifier: MIT */
/*
 * MDLs. The frame array names the kernel's view of each page (mm.h), so that mapping an MDL is
 * finding the run its frames make. Kernel memory is never paged out here; locking checks that the
 * pages are there and may be used as asked, and is counted so that what was never unlocked can be
 * told.
 */
#include "mm/mm.h"

#include <stdlib.h>
#include <string.h>

/* In front of each MDL from IoAllocateMdl. */
typedef struct _MDL_HEADER {
    LIST_ENTRY Link;
    const void *Creator;
    ULONG Signature;
    ULONG Pages; /* frames there is room for */
} MDL_HEADER;

#define MDL_SIGNATURE 0x6c644d78u

static KEX_LOCK LiveLock = KEX_LOCK_INIT(KEX_RANK_MM, "live MDLs");
static LIST_ENTRY Live = {&Live, &Live};

static ULONG PageSpan(const void *Base, SIZE_T Bytes)
{
    return (ULONG)ADDRESS_AND_SIZE_TO_SPAN_PAGES(Base, Bytes);
}

static PPFN_NUMBER Frames(PMDL Mdl)
{
    return (PPFN_NUMBER)(Mdl + 1);
}

/* Largest length one MDL can describe: Size is a CSHORT on Windows and the byte count must fit a
 * ULONG (nf-wdm-ioallocatemdl: about 4 GiB since Vista). */
static bool LengthFits(ULONG Length)
{
    return Length <= 0xfffff000u;
}

static PMDL AllocateMdl(PVOID VirtualAddress, ULONG Length, const void *Creator)
{
    ULONG Pages = PageSpan(VirtualAddress, Length);
    MDL_HEADER *Header;
    PMDL Mdl;

    if (!LengthFits(Length))
        return NULL;
    Header = malloc(sizeof *Header + sizeof *Mdl + Pages * sizeof(PFN_NUMBER));
    if (!Header)
        return NULL;
    Header->Creator = Creator;
    Header->Signature = MDL_SIGNATURE;
    Header->Pages = Pages;
    Mdl = (PMDL)(Header + 1);
    memset(Mdl, 0, sizeof *Mdl);
    Mdl->Size = (CSHORT)(sizeof *Mdl + Pages * sizeof(PFN_NUMBER));
    Mdl->StartVa = (PVOID)((ULONG_PTR)VirtualAddress & ~(ULONG_PTR)(PAGE_SIZE - 1));
    Mdl->ByteOffset = (ULONG)((ULONG_PTR)VirtualAddress & (PAGE_SIZE - 1));
    Mdl->ByteCount = Length;
    KexLockAcquire(&LiveLock);
    InsertTailList(&Live, &Header->Link);
    KexLockRelease(&LiveLock);
    return Mdl;
}

/*
 * An MDL for a buffer, linked to Irp when one is given: as its MdlAddress, or at the chain's end
 * for a secondary buffer. The pages are not locked by this. IRQL <= DISPATCH_LEVEL; NULL when
 * memory is short (nf-wdm-ioallocatemdl).
 */
PMDL NTAPI IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer,
                         BOOLEAN ChargeQuota, PIRP Irp)
{
    PMDL Mdl = AllocateMdl(VirtualAddress, Length, __builtin_return_address(0));
    PMDL *Link;

    UNREFERENCED_PARAMETER(ChargeQuota);
    if (!Mdl || !Irp)
        return Mdl;
    if (!SecondaryBuffer) {
        Irp->MdlAddress = Mdl;
        return Mdl;
    }
    for (Link = &Irp->MdlAddress; *Link; Link = &(*Link)->Next)
        ;
    *Link = Mdl;
    return Mdl;
}

/* Frees one MDL; its pages must be unlocked and unmapped by then. IRQL <= DISPATCH_LEVEL
 * (nf-wdm-iofreemdl). */
VOID NTAPI IoFreeMdl(PMDL Mdl)
{
    MDL_HEADER *Header = (MDL_HEADER *)Mdl - 1;

    if (Header->Signature != MDL_SIGNATURE) {
        KexFinding("MDL-008", "verifier", __builtin_return_address(0),
                   "IoFreeMdl was given %p, which is no MDL from IoAllocateMdl or was freed before",
                   (void *)Mdl);
        return;
    }
    if ((Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_PARTIAL | MDL_INTERNAL)) == MDL_PAGES_LOCKED)
        KexFinding("MDL-008", "verifier", __builtin_return_address(0),
                   "IoFreeMdl was given an MDL whose pages are still locked");
    KexLockAcquire(&LiveLock);
    RemoveEntryList(&Header->Link);
    KexLockRelease(&LiveLock);
    Header->Signature = 0;
    free(Header);
}

void MmxForEachMdl(void (*fn)(const MMX_LIVE_MDL *, void *), void *Context)
{
    KexLockAcquire(&LiveLock);
    for (PLIST_ENTRY Entry = Live.Flink; Entry != &Live; Entry = Entry->Flink) {
        MDL_HEADER *Header = CONTAINING_RECORD(Entry, MDL_HEADER, Link);
        MMX_LIVE_MDL Item = {(PMDL)(Header + 1), Header->Creator};

        fn(&Item, Context);
    }
    KexLockRelease(&LiveLock);
}

/*
 * Describes a part of SourceMdl by TargetMdl, which shares its frames and its mapping. Length 0: up
 * to the source's end. IRQL <= DISPATCH_LEVEL. A range outside of the source is a driver error that
 * Windows answers by a bug check (nf-wdm-iobuildpartialmdl).
 */
VOID NTAPI IoBuildPartialMdl(PMDL SourceMdl, PMDL TargetMdl, PVOID VirtualAddress, ULONG Length)
{
    ULONG_PTR Start = (ULONG_PTR)VirtualAddress,
              First = (ULONG_PTR)SourceMdl->StartVa + SourceMdl->ByteOffset;
    CSHORT Kept = MDL_ALLOCATED_FIXED_SIZE;
    ULONG Pages;

    if (!Length)
        Length = SourceMdl->ByteCount - (ULONG)(Start - First);
    if (Start < First || Start + Length > First + SourceMdl->ByteCount) {
        KexFinding("MDL-010", "verifier", __builtin_return_address(0),
                   "the partial MDL's range (%u bytes at %p) lies outside of its source MDL",
                   Length, VirtualAddress);
        KeBugCheckEx(TARGET_MDL_TOO_SMALL, (ULONG_PTR)SourceMdl, (ULONG_PTR)TargetMdl, Start,
                     Length);
    }
    Pages = PageSpan(VirtualAddress, Length);
    if (Pages > ((ULONG)(USHORT)TargetMdl->Size - sizeof(MDL)) / sizeof(PFN_NUMBER))
        KeBugCheckEx(TARGET_MDL_TOO_SMALL, (ULONG_PTR)SourceMdl, (ULONG_PTR)TargetMdl, Start,
                     Length);
    TargetMdl->Process = SourceMdl->Process;
    TargetMdl->StartVa = (PVOID)(Start & ~(ULONG_PTR)(PAGE_SIZE - 1));
    TargetMdl->ByteCount = Length;
    TargetMdl->ByteOffset = (ULONG)(Start & (PAGE_SIZE - 1));
    TargetMdl->MdlFlags =
        (TargetMdl->MdlFlags & Kept) | MDL_PARTIAL |
        (SourceMdl->MdlFlags & (MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA |
                                MDL_IO_PAGE_READ | MDL_WRITE_OPERATION));
    TargetMdl->MappedSystemVa = (char *)SourceMdl->MappedSystemVa + (Start - First);
    if (TargetMdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA)
        TargetMdl->MdlFlags |= MDL_PARENT_MAPPED_SYSTEM_VA;
    memcpy(Frames(TargetMdl),
           Frames(SourceMdl) +
               (((ULONG_PTR)TargetMdl->StartVa - (ULONG_PTR)SourceMdl->StartVa) >> PAGE_SHIFT),
           Pages * sizeof(PFN_NUMBER));
}

static bool FillFrames(PMDL Mdl)
{
    char *Page = Mdl->StartVa;
    ULONG Pages = PageSpan((PVOID)(ULONG_PTR)Mdl->ByteOffset, Mdl->ByteCount);

    for (ULONG i = 0; i < Pages; i++, Page += PAGE_SIZE) {
        PVOID System = MmxSystemAddress(Page);

        if (!System)
            return false;
        Frames(Mdl)[i] = (PFN_NUMBER)System >> PAGE_SHIFT;
    }
    return true;
}

/* Fills an MDL for nonpaged memory: its system address is the buffer's own. IRQL <= DISPATCH_LEVEL
 * (nf-wdm-mmbuildmdlfornonpagedpool). */
VOID NTAPI MmBuildMdlForNonPagedPool(PMDL MemoryDescriptorList)
{
    PMDL Mdl = MemoryDescriptorList;

    if (MmxIsUserRange(Mdl->StartVa, 1))
        KexFinding("MDL-004", "verifier", __builtin_return_address(0),
                   "MmBuildMdlForNonPagedPool was given a user-mode address");
    Mdl->MdlFlags |= MDL_SOURCE_IS_NONPAGED_POOL;
    Mdl->MappedSystemVa = (char *)Mdl->StartVa + Mdl->ByteOffset;
    Mdl->Process = NULL;
    FillFrames(Mdl);
}

void MmxBuildPagingMdl(PMDL Mdl, bool Fills)
{
    Mdl->MdlFlags |=
        MDL_PAGES_LOCKED | MDL_INTERNAL | (Fills ? MDL_WRITE_OPERATION | MDL_IO_PAGE_READ : 0);
    FillFrames(Mdl);
}

NTSTATUS MmxProbeAndLock(PMDL Mdl, KPROCESSOR_MODE Mode, LOCK_OPERATION Operation)
{
    char *Base = (char *)Mdl->StartVa + Mdl->ByteOffset;
    bool Write = Operation != IoReadAccess;
    NTSTATUS Status;

    if (Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL))
        KexFinding("MDL-001", "verifier", __builtin_return_address(0),
                   "MmProbeAndLockPages was given an MDL that is locked already, partial or built "
                   "for nonpaged pool");
    Status = MmxProbe(Base, Mdl->ByteCount, 1, Mode);
    if (!NT_SUCCESS(Status))
        return Status;
    if (!MmxTouchPages(Base, Mdl->ByteCount, Write) || !FillFrames(Mdl))
        return STATUS_ACCESS_VIOLATION;
    Mdl->Process = MmxIsUserRange(Base, Mdl->ByteCount) ? PsGetCurrentProcess() : NULL;
    Mdl->MdlFlags |= MDL_PAGES_LOCKED | (Write ? MDL_WRITE_OPERATION : 0);
    Mdl->MdlFlags &= ~MDL_MAPPED_TO_SYSTEM_VA;
    return STATUS_SUCCESS;
}

/*
 * Makes the buffer's pages resident, checks the access and locks them. IRQL <= APC_LEVEL for user
 * or pageable memory,
 * <= DISPATCH_LEVEL otherwise. Raises STATUS_ACCESS_VIOLATION (nf-wdm-mmprobeandlockpages), so
 * callers guard it.
 */
VOID NTAPI MmProbeAndLockPages(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode,
                               LOCK_OPERATION Operation)
{
    NTSTATUS Status = MmxProbeAndLock(MemoryDescriptorList, AccessMode, Operation);
    ULONG_PTR Parameters[2] = {Operation != IoReadAccess, (ULONG_PTR)MemoryDescriptorList->StartVa +
                                                              MemoryDescriptorList->ByteOffset};

    if (!NT_SUCCESS(Status))
        KexRaise(Status, 2, Parameters, __builtin_return_address(0));
}

/* The same for the address space of another process (nf-ntddk-mmprobeandlockprocesspages). */
VOID NTAPI MmProbeAndLockProcessPages(PMDL MemoryDescriptorList, PEPROCESS Process,
                                      KPROCESSOR_MODE AccessMode, LOCK_OPERATION Operation)
{
    KAPC_STATE State;
    NTSTATUS Status;

    KeStackAttachProcess((PRKPROCESS)Process, &State);
    Status = MmxProbeAndLock(MemoryDescriptorList, AccessMode, Operation);
    KeUnstackDetachProcess(&State);
    if (!NT_SUCCESS(Status))
        ExRaiseStatus(Status);
}

/* Undoes a successful probe-and-lock; a system mapping goes too. IRQL <= DISPATCH_LEVEL
 * (nf-wdm-mmunlockpages). */
VOID NTAPI MmUnlockPages(PMDL MemoryDescriptorList)
{
    PMDL Mdl = MemoryDescriptorList;

    if (!(Mdl->MdlFlags & MDL_PAGES_LOCKED) ||
        (Mdl->MdlFlags & (MDL_SOURCE_IS_NONPAGED_POOL | MDL_PARTIAL))) {
        KexFinding(Mdl->MdlFlags & MDL_PAGES_LOCKED ? "MDL-003" : "MDL-002", "verifier",
                   __builtin_return_address(0),
                   "MmUnlockPages was given an MDL whose pages it does not hold (flags 0x%x)",
                   (USHORT)Mdl->MdlFlags);
        return;
    }
    Mdl->MdlFlags &=
        ~(MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA | MDL_WRITE_OPERATION | MDL_IO_PAGE_READ);
    Mdl->MappedSystemVa = NULL;
    Mdl->Process = NULL;
}

/* Start of the run that the frames make in kernel space, or NULL when they are not one run. */
static PVOID SystemRun(PMDL Mdl)
{
    ULONG Pages = PageSpan((PVOID)(ULONG_PTR)Mdl->ByteOffset, Mdl->ByteCount);

    for (ULONG i = 1; i < Pages; i++)
        if (Frames(Mdl)[i] != Frames(Mdl)[0] + i)
            return NULL;
    return (PVOID)((Frames(Mdl)[0] << PAGE_SHIFT) + Mdl->ByteOffset);
}

static PVOID MapFailed(ULONG BugCheckOnFailure, PMDL Mdl)
{
    if (BugCheckOnFailure)
        KeBugCheckEx(NO_MORE_SYSTEM_PTES, 0, (ULONG_PTR)Mdl, Mdl->ByteCount, 0);
    return NULL;
}

/*
 * Address of the locked pages. KernelMode gives an address above the user limit, NULL when they
 * cannot be mapped in one piece; UserMode gives one in the user window or raises
 * (nf-wdm-mmmaplockedpagesspecifycache). IRQL <= DISPATCH_LEVEL, UserMode <= APC_LEVEL.
 */
PVOID NTAPI MmMapLockedPagesSpecifyCache(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode,
                                         MEMORY_CACHING_TYPE CacheType, PVOID RequestedAddress,
                                         ULONG BugCheckOnFailure, ULONG Priority)
{
    PMDL Mdl = MemoryDescriptorList;
    PVOID Address;

    UNREFERENCED_PARAMETER(CacheType);
    UNREFERENCED_PARAMETER(Priority);
    if (AccessMode == UserMode) {
        Address = (char *)Mdl->StartVa + Mdl->ByteOffset;
        /* Kernel memory has no second place below the limit: the documented failure of a user
         * mapping. */
        if (!MmxIsUserRange(Address, Mdl->ByteCount) ||
            (RequestedAddress && RequestedAddress != Address))
            ExRaiseStatus(STATUS_INSUFFICIENT_RESOURCES);
        return Address;
    }
    if (!(Mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_PARTIAL | MDL_SOURCE_IS_NONPAGED_POOL)))
        KexFinding("MDL-005", "verifier", __builtin_return_address(0),
                   "an MDL is mapped whose pages are not locked");
    Address = SystemRun(Mdl);
    if (!Address)
        return MapFailed(BugCheckOnFailure, Mdl);
    Mdl->MappedSystemVa = Address;
    Mdl->MdlFlags |=
        MDL_MAPPED_TO_SYSTEM_VA | (Mdl->MdlFlags & MDL_PARTIAL ? MDL_PARTIAL_HAS_BEEN_MAPPED : 0);
    return Address;
}

/* The retired form: cached, and a bug check when it cannot map (nf-wdm-mmmaplockedpages). */
PVOID NTAPI MmMapLockedPages(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode)
{
    return MmMapLockedPagesSpecifyCache(MemoryDescriptorList, AccessMode, MmCached, NULL, TRUE,
                                        HighPagePriority);
}

/* Undoes a mapping. IRQL <= DISPATCH_LEVEL (nf-wdm-mmunmaplockedpages). */
VOID NTAPI MmUnmapLockedPages(PVOID BaseAddress, PMDL MemoryDescriptorList)
{
    PMDL Mdl = MemoryDescriptorList;

    if (MmxIsUserRange(BaseAddress, 1))
        return;
    if (!(Mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) || BaseAddress != Mdl->MappedSystemVa) {
        KexFinding("MDL-007", "verifier", __builtin_return_address(0),
                   "MmUnmapLockedPages was given an address or an MDL that is not mapped");
        return;
    }
    Mdl->MdlFlags &= ~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED);
    Mdl->MappedSystemVa = NULL;
}

/*
 * Changes what a system mapping of an MDL may be used for (nf-wdm-mmprotectmdlsystemaddress).
 * Kernel memory stands for itself, so other owners' bytes may share its pages: only the protections
 * that leave it usable are accepted.
 */
NTSTATUS NTAPI MmProtectMdlSystemAddress(PMDL MemoryDescriptorList, ULONG NewProtect)
{
    if (!(MemoryDescriptorList->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA))
        return STATUS_NOT_MAPPED_VIEW;
    return NewProtect & (PAGE_READWRITE | PAGE_EXECUTE_READWRITE) ? STATUS_SUCCESS
                                                                  : STATUS_INVALID_PAGE_PROTECTION;
}

/* Bytes an MDL for this buffer takes (nf-wdm-mmsizeofmdl). */
SIZE_T NTAPI MmSizeOfMdl(PVOID Base, SIZE_T Length)
{
    return sizeof(MDL) + PageSpan(Base, Length) * sizeof(PFN_NUMBER);
}

NTSTATUS MmxStart(void)
{
    return host_window_init() ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

void MmxEnd(void)
{
    /* The window is the process's; MDLs that are left are the leak report's business. */
}
