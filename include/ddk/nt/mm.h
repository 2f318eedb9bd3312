/* SPDX-License-Identifier: MIT */
/* Memory manager: MDLs, sections, addresses. */
#ifndef OPENFLT_NT_MM_H
#define OPENFLT_NT_MM_H

#include "mm_types.h"
#include "ex_types.h"

NT_BEGIN_C

#define BYTE_OFFSET(va)  ((ULONG)((LONG_PTR)(va) & (PAGE_SIZE - 1)))
#define PAGE_ALIGN(va)   ((PVOID)((ULONG_PTR)(va) & ~(ULONG_PTR)(PAGE_SIZE - 1)))
#define BYTES_TO_PAGES(size) \
    (((size) >> PAGE_SHIFT) + (((size) & (PAGE_SIZE - 1)) != 0))
#define ROUND_TO_SIZE(length, alignment) \
    (((ULONG_PTR)(length) + ((alignment) - 1)) & ~(ULONG_PTR)((alignment) - 1))
#define ROUND_TO_PAGES(size) \
    (((ULONG_PTR)(size) + PAGE_SIZE - 1) & ~(ULONG_PTR)(PAGE_SIZE - 1))
#define ADDRESS_AND_SIZE_TO_SPAN_PAGES(va, size) \
    ((BYTE_OFFSET(va) + ((SIZE_T)(size)) + (PAGE_SIZE - 1)) >> PAGE_SHIFT)
#define COMPUTE_PAGES_SPANNED(va, size) ADDRESS_AND_SIZE_TO_SPAN_PAGES(va, size)

/* MDLs. */
#define MmGetMdlPfnArray(mdl)       ((PPFN_NUMBER)((mdl) + 1))
#define MmGetMdlVirtualAddress(mdl) ((PVOID)((PCHAR)((mdl)->StartVa) + (mdl)->ByteOffset))
#define MmGetMdlByteCount(mdl)      ((mdl)->ByteCount)
#define MmGetMdlByteOffset(mdl)     ((mdl)->ByteOffset)
#define MmGetMdlBaseVa(mdl)         ((mdl)->StartVa)
#define MmInitializeMdl(mdl, va, length) \
    do { \
        (mdl)->Next = NULL; \
        (mdl)->Size = (CSHORT)(sizeof(MDL) + sizeof(PFN_NUMBER) * \
                               ADDRESS_AND_SIZE_TO_SPAN_PAGES((va), (length))); \
        (mdl)->MdlFlags = 0; \
        (mdl)->StartVa = PAGE_ALIGN(va); \
        (mdl)->ByteOffset = BYTE_OFFSET(va); \
        (mdl)->ByteCount = (ULONG)(length); \
    } while (0)
NTKERNELAPI SIZE_T NTAPI MmSizeOfMdl(PVOID Base, SIZE_T Length);
NTKERNELAPI VOID NTAPI MmBuildMdlForNonPagedPool(PMDL MemoryDescriptorList);
NTKERNELAPI VOID NTAPI MmProbeAndLockPages(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode,
                                           LOCK_OPERATION Operation);
NTKERNELAPI VOID NTAPI MmProbeAndLockProcessPages(PMDL MemoryDescriptorList, PEPROCESS Process,
                                                  KPROCESSOR_MODE AccessMode,
                                                  LOCK_OPERATION Operation);
NTKERNELAPI VOID NTAPI MmProbeAndLockSelectedPages(PMDL MemoryDescriptorList,
                                                   PFILE_SEGMENT_ELEMENT SegmentArray,
                                                   KPROCESSOR_MODE AccessMode,
                                                   LOCK_OPERATION Operation);
NTKERNELAPI VOID NTAPI MmUnlockPages(PMDL MemoryDescriptorList);
NTKERNELAPI PVOID NTAPI MmMapLockedPages(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode);
NTKERNELAPI PVOID NTAPI MmMapLockedPagesSpecifyCache(PMDL MemoryDescriptorList,
                                                     KPROCESSOR_MODE AccessMode,
                                                     MEMORY_CACHING_TYPE CacheType,
                                                     PVOID RequestedAddress,
                                                     ULONG BugCheckOnFailure, ULONG Priority);
NTKERNELAPI VOID NTAPI MmUnmapLockedPages(PVOID BaseAddress, PMDL MemoryDescriptorList);
NTKERNELAPI PVOID NTAPI MmMapLockedPagesWithReservedMapping(PVOID MappingAddress, ULONG PoolTag,
                                                            PMDL MemoryDescriptorList,
                                                            MEMORY_CACHING_TYPE CacheType);
NTKERNELAPI VOID NTAPI MmUnmapReservedMapping(PVOID BaseAddress, ULONG PoolTag,
                                              PMDL MemoryDescriptorList);
NTKERNELAPI PVOID NTAPI MmAllocateMappingAddress(SIZE_T NumberOfBytes, ULONG PoolTag);
NTKERNELAPI VOID NTAPI MmFreeMappingAddress(PVOID BaseAddress, ULONG PoolTag);
NTKERNELAPI NTSTATUS NTAPI MmAdvanceMdl(PMDL Mdl, ULONG NumberOfBytes);
NTKERNELAPI NTSTATUS NTAPI MmProtectMdlSystemAddress(PMDL MemoryDescriptorList, ULONG NewProtect);
NTKERNELAPI PMDL NTAPI MmAllocatePagesForMdl(PHYSICAL_ADDRESS LowAddress,
                                             PHYSICAL_ADDRESS HighAddress,
                                             PHYSICAL_ADDRESS SkipBytes, SIZE_T TotalBytes);
NTKERNELAPI PMDL NTAPI MmAllocatePagesForMdlEx(PHYSICAL_ADDRESS LowAddress,
                                               PHYSICAL_ADDRESS HighAddress,
                                               PHYSICAL_ADDRESS SkipBytes, SIZE_T TotalBytes,
                                               MEMORY_CACHING_TYPE CacheType, ULONG Flags);
NTKERNELAPI VOID NTAPI MmFreePagesFromMdl(PMDL MemoryDescriptorList);

FORCEINLINE PVOID MmGetSystemAddressForMdlSafe(PMDL Mdl, ULONG Priority)
{
    if (Mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL))
        return Mdl->MappedSystemVa;
    return MmMapLockedPagesSpecifyCache(Mdl, KernelMode, MmCached, NULL, FALSE, Priority);
}

#define MmGetSystemAddressForMdl(mdl) \
    (((mdl)->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)) \
         ? (mdl)->MappedSystemVa \
         : MmMapLockedPages((mdl), KernelMode))

FORCEINLINE VOID MmPrepareMdlForReuse(PMDL Mdl)
{
    if (Mdl->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED)
        MmUnmapLockedPages(Mdl->MappedSystemVa, Mdl);
}

/* Addresses. */
NTKERNELAPI BOOLEAN NTAPI MmIsAddressValid(PVOID VirtualAddress);
NTKERNELAPI BOOLEAN NTAPI MmIsNonPagedSystemAddressValid(PVOID VirtualAddress);
NTKERNELAPI BOOLEAN NTAPI MmIsRecursiveIoFault(VOID);
NTKERNELAPI LOGICAL NTAPI MmIsDriverVerifying(PDRIVER_OBJECT DriverObject);
NTKERNELAPI LOGICAL NTAPI MmIsDriverSuspectForVerifier(PDRIVER_OBJECT DriverObject);
NTKERNELAPI NTSTATUS NTAPI MmIsVerifierEnabled(PULONG VerifierFlags);
NTKERNELAPI LOGICAL NTAPI MmIsDriverVerifyingByAddress(PVOID AddressWithinSection);
NTKERNELAPI BOOLEAN NTAPI MmIsThisAnNtAsSystem(VOID);
NTKERNELAPI MM_SYSTEMSIZE NTAPI MmQuerySystemSize(VOID);
NTKERNELAPI PVOID NTAPI MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName);
NTKERNELAPI PHYSICAL_ADDRESS NTAPI MmGetPhysicalAddress(PVOID BaseAddress);
NTKERNELAPI PVOID NTAPI MmGetVirtualForPhysical(PHYSICAL_ADDRESS PhysicalAddress);
NTKERNELAPI PPHYSICAL_MEMORY_RANGE NTAPI MmGetPhysicalMemoryRanges(VOID);
NTKERNELAPI NTSTATUS NTAPI MmCopyMemory(PVOID TargetAddress, MM_COPY_ADDRESS SourceAddress,
                                        SIZE_T NumberOfBytes, ULONG Flags,
                                        PSIZE_T NumberOfBytesTransferred);
NTKERNELAPI PVOID NTAPI MmMapIoSpace(PHYSICAL_ADDRESS PhysicalAddress, SIZE_T NumberOfBytes,
                                     MEMORY_CACHING_TYPE CacheType);
NTKERNELAPI PVOID NTAPI MmMapIoSpaceEx(PHYSICAL_ADDRESS PhysicalAddress, SIZE_T NumberOfBytes,
                                       ULONG Protect);
NTKERNELAPI VOID NTAPI MmUnmapIoSpace(PVOID BaseAddress, SIZE_T NumberOfBytes);
NTKERNELAPI HANDLE NTAPI MmSecureVirtualMemory(PVOID Address, SIZE_T Size, ULONG ProbeMode);
NTKERNELAPI VOID NTAPI MmUnsecureVirtualMemory(HANDLE SecureHandle);
NTKERNELAPI PVOID NTAPI MmAllocateContiguousMemory(SIZE_T NumberOfBytes,
                                                   PHYSICAL_ADDRESS HighestAcceptableAddress);
NTKERNELAPI PVOID NTAPI MmAllocateContiguousMemorySpecifyCache(
    SIZE_T NumberOfBytes, PHYSICAL_ADDRESS LowestAcceptableAddress,
    PHYSICAL_ADDRESS HighestAcceptableAddress, PHYSICAL_ADDRESS BoundaryAddressMultiple,
    MEMORY_CACHING_TYPE CacheType);
NTKERNELAPI VOID NTAPI MmFreeContiguousMemory(PVOID BaseAddress);
NTKERNELAPI VOID NTAPI MmFreeContiguousMemorySpecifyCache(PVOID BaseAddress, SIZE_T NumberOfBytes,
                                                          MEMORY_CACHING_TYPE CacheType);
NTKERNELAPI PVOID NTAPI MmAllocateNonCachedMemory(SIZE_T NumberOfBytes);
NTKERNELAPI VOID NTAPI MmFreeNonCachedMemory(PVOID BaseAddress, SIZE_T NumberOfBytes);

/* Pageable code. */
NTKERNELAPI PVOID NTAPI MmLockPagableDataSection(PVOID AddressWithinSection);
NTKERNELAPI VOID NTAPI MmLockPagableSectionByHandle(PVOID ImageSectionHandle);
NTKERNELAPI VOID NTAPI MmUnlockPagableImageSection(PVOID ImageSectionHandle);
NTKERNELAPI PVOID NTAPI MmPageEntireDriver(PVOID AddressWithinSection);
NTKERNELAPI VOID NTAPI MmResetDriverPaging(PVOID AddressWithinSection);
#define MmLockPagableCodeSection(a)    MmLockPagableDataSection(a)
#define MmLockPageableCodeSection(a)   MmLockPagableDataSection(a)
#define MmLockPageableDataSection(a)   MmLockPagableDataSection(a)
#define MmUnlockPageableImageSection(h) MmUnlockPagableImageSection(h)
NTKERNELAPI NTSTATUS NTAPI MmProtectDriverSection(PVOID AddressWithinSection, SIZE_T Size,
                                                  ULONG Flags);

/* Sections and files. */
NTKERNELAPI NTSTATUS NTAPI MmMapViewInSystemSpace(PVOID Section, PVOID *MappedBase,
                                                  PSIZE_T ViewSize);
NTKERNELAPI NTSTATUS NTAPI MmMapViewInSystemSpaceEx(PVOID Section, PVOID *MappedBase,
                                                    PSIZE_T ViewSize,
                                                    PLARGE_INTEGER SectionOffset,
                                                    ULONG_PTR Flags);
NTKERNELAPI NTSTATUS NTAPI MmMapViewInSessionSpaceEx(PVOID Section, PVOID *MappedBase,
                                                     PSIZE_T ViewSize,
                                                     PLARGE_INTEGER SectionOffset,
                                                     ULONG_PTR Flags);
NTKERNELAPI NTSTATUS NTAPI MmUnmapViewInSystemSpace(PVOID MappedBase);
NTKERNELAPI NTSTATUS NTAPI MmMapViewInSessionSpace(PVOID Section, PVOID *MappedBase,
                                                   PSIZE_T ViewSize);
NTKERNELAPI NTSTATUS NTAPI MmUnmapViewInSessionSpace(PVOID MappedBase);
NTKERNELAPI BOOLEAN NTAPI MmCanFileBeTruncated(PSECTION_OBJECT_POINTERS SectionPointer,
                                               PLARGE_INTEGER NewFileSize);
NTKERNELAPI BOOLEAN NTAPI MmFlushImageSection(PSECTION_OBJECT_POINTERS SectionObjectPointer,
                                              MMFLUSH_TYPE FlushType);
NTKERNELAPI BOOLEAN NTAPI MmForceSectionClosed(PSECTION_OBJECT_POINTERS SectionObjectPointer,
                                               BOOLEAN DelayClose);
NTKERNELAPI BOOLEAN NTAPI MmForceSectionClosedEx(PSECTION_OBJECT_POINTERS SectionObjectPointer,
                                                 ULONG ForceCloseFlags);
NTKERNELAPI ULONG NTAPI MmDoesFileHaveUserWritableReferences(
    PSECTION_OBJECT_POINTERS SectionPointer);
NTKERNELAPI BOOLEAN NTAPI MmIsFileSectionActive(PSECTION_OBJECT_POINTERS SectionPointer,
                                                ULONG Flags);
NTKERNELAPI BOOLEAN NTAPI MmDisableModifiedWriteOfSection(
    PSECTION_OBJECT_POINTERS SectionObjectPointer);
NTKERNELAPI BOOLEAN NTAPI MmSetAddressRangeModified(PVOID Address, SIZE_T Length);
NTKERNELAPI NTSTATUS NTAPI MmPrefetchPages(ULONG NumberOfLists, PREAD_LIST *ReadLists);

extern DECLSPEC_IMPORT PVOID MmHighestUserAddress;
extern DECLSPEC_IMPORT PVOID MmSystemRangeStart;
extern DECLSPEC_IMPORT ULONG_PTR MmUserProbeAddress;
extern DECLSPEC_IMPORT PVOID MmBadPointer;
NT_CONSTANT_IMPORT(POBJECT_TYPE, MmSectionObjectType);
#define MM_HIGHEST_USER_ADDRESS MmHighestUserAddress
#define MM_SYSTEM_RANGE_START   MmSystemRangeStart
#define MM_USER_PROBE_ADDRESS   MmUserProbeAddress
#define MM_LOWEST_USER_ADDRESS  ((PVOID)0x10000)
#define MM_BAD_POINTER          MmBadPointer

NT_END_C

#endif
