/* SPDX-License-Identifier: MIT */
/* Cache manager: cached streams, copies in and out, MDL and pinned access, flush and purge. */
#ifndef OPENFLT_NT_CC_H
#define OPENFLT_NT_CC_H

#include "cc_types.h"

NT_BEGIN_C

/* Caching of one stream: start, sizes, end. */
NTKERNELAPI VOID NTAPI CcInitializeCacheMap(PFILE_OBJECT FileObject, PCC_FILE_SIZES FileSizes,
                                            BOOLEAN PinAccess, PCACHE_MANAGER_CALLBACKS Callbacks,
                                            PVOID LazyWriteContext);
NTKERNELAPI BOOLEAN NTAPI CcUninitializeCacheMap(PFILE_OBJECT FileObject,
                                                 PLARGE_INTEGER TruncateSize,
                                                 PCACHE_UNINITIALIZE_EVENT UninitializeEvent);
NTKERNELAPI VOID NTAPI CcSetFileSizes(PFILE_OBJECT FileObject, PCC_FILE_SIZES FileSizes);
NTKERNELAPI NTSTATUS NTAPI CcSetFileSizesEx(PFILE_OBJECT FileObject, PCC_FILE_SIZES FileSizes);
NTKERNELAPI NTSTATUS NTAPI CcSetCacheFileSizes(PSECTION_OBJECT_POINTERS SectionObjectPointer,
                                               PCC_FILE_SIZES FileSizes);
NTKERNELAPI LONGLONG NTAPI CcGetCacheFileSize(PSECTION_OBJECT_POINTERS SectionObjectPointer);
NTKERNELAPI VOID NTAPI CcSetAdditionalCacheAttributes(PFILE_OBJECT FileObject,
                                                      BOOLEAN DisableReadAhead,
                                                      BOOLEAN DisableWriteBehind);
NTKERNELAPI VOID NTAPI CcSetAdditionalCacheAttributesEx(PFILE_OBJECT FileObject, ULONG Flags);
NTKERNELAPI VOID NTAPI CcSetReadAheadGranularity(PFILE_OBJECT FileObject, ULONG Granularity);
NTKERNELAPI VOID NTAPI CcSetDirtyPageThreshold(PFILE_OBJECT FileObject, ULONG DirtyPageThreshold);
NTKERNELAPI VOID NTAPI CcSetParallelFlushFile(PFILE_OBJECT FileObject, BOOLEAN EnableParallelFlush);
NTKERNELAPI PFILE_OBJECT NTAPI CcGetFileObjectFromSectionPtrs(
    PSECTION_OBJECT_POINTERS SectionObjectPointer);
NTKERNELAPI PFILE_OBJECT NTAPI CcGetFileObjectFromSectionPtrsRef(
    PSECTION_OBJECT_POINTERS SectionObjectPointer);
NTKERNELAPI PFILE_OBJECT NTAPI CcGetFileObjectFromBcb(PVOID Bcb);

#define CcIsFileCached(fo)                                                                         \
    ((fo)->SectionObjectPointer != NULL && (fo)->SectionObjectPointer->SharedCacheMap != NULL)
/* The file size is the second quadword of the otherwise opaque shared cache map. */
#define CcGetFileSizePointer(fo)                                                                   \
    ((PLARGE_INTEGER)((fo)->SectionObjectPointer->SharedCacheMap) + 1)

/* Copies between the cache and a buffer. */
NTKERNELAPI BOOLEAN NTAPI CcCopyRead(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                     ULONG Length, BOOLEAN Wait, PVOID Buffer,
                                     PIO_STATUS_BLOCK IoStatus);
NTKERNELAPI BOOLEAN NTAPI CcCopyReadEx(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                       ULONG Length, BOOLEAN Wait, PVOID Buffer,
                                       PIO_STATUS_BLOCK IoStatus, PETHREAD IoIssuerThread);
NTKERNELAPI BOOLEAN NTAPI CcAsyncCopyRead(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                          ULONG Length, BOOLEAN Wait, PVOID Buffer,
                                          PIO_STATUS_BLOCK IoStatus, PETHREAD IoIssuerThread,
                                          PCC_ASYNC_READ_CONTEXT AsyncReadContext);
NTKERNELAPI VOID NTAPI CcFastCopyRead(PFILE_OBJECT FileObject, ULONG FileOffset, ULONG Length,
                                      ULONG PageCount, PVOID Buffer, PIO_STATUS_BLOCK IoStatus);
NTKERNELAPI BOOLEAN NTAPI CcCopyWrite(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                      ULONG Length, BOOLEAN Wait, PVOID Buffer);
NTKERNELAPI BOOLEAN NTAPI CcCopyWriteEx(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                        ULONG Length, BOOLEAN Wait, PVOID Buffer,
                                        PETHREAD IoIssuerThread);
NTKERNELAPI VOID NTAPI CcFastCopyWrite(PFILE_OBJECT FileObject, ULONG FileOffset, ULONG Length,
                                       PVOID Buffer);
NTKERNELAPI BOOLEAN NTAPI CcCopyWriteWontFlush(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                               ULONG Length);
#if defined(_WIN32)
/* To a driver it is a macro: up to 64 KiB are taken without a flush. */
#define CcCopyWriteWontFlush(fo, offset, length) ((length) <= 0x10000)
#endif
NTKERNELAPI BOOLEAN NTAPI CcZeroData(PFILE_OBJECT FileObject, PLARGE_INTEGER StartOffset,
                                     PLARGE_INTEGER EndOffset, BOOLEAN Wait);

/* Write throttling. */
NTKERNELAPI BOOLEAN NTAPI CcCanIWrite(PFILE_OBJECT FileObject, ULONG BytesToWrite, BOOLEAN Wait,
                                      UCHAR Retrying);
NTKERNELAPI VOID NTAPI CcDeferWrite(PFILE_OBJECT FileObject, PCC_POST_DEFERRED_WRITE PostRoutine,
                                    PVOID Context1, PVOID Context2, ULONG BytesToWrite,
                                    BOOLEAN Retrying);

/* Read ahead. Shorter reads are not worth scheduling one. */
NTKERNELAPI VOID NTAPI CcScheduleReadAhead(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                           ULONG Length);
NTKERNELAPI VOID NTAPI CcScheduleReadAheadEx(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                             ULONG Length, PETHREAD IoIssuerThread);
#define CcReadAhead(fo, offset, length)                                                            \
    do {                                                                                           \
        if ((length) >= 256)                                                                       \
            CcScheduleReadAhead((fo), (offset), (length));                                         \
    } while (0)
#define CcReadAheadEx(fo, offset, length, thread)                                                  \
    do {                                                                                           \
        if ((length) >= 256)                                                                       \
            CcScheduleReadAheadEx((fo), (offset), (length), (thread));                             \
    } while (0)

/* Cached pages lent as MDLs. */
NTKERNELAPI VOID NTAPI CcMdlRead(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                                 PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus);
NTKERNELAPI VOID NTAPI CcMdlReadComplete(PFILE_OBJECT FileObject, PMDL MdlChain);
NTKERNELAPI VOID NTAPI CcPrepareMdlWrite(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                         ULONG Length, PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus);
NTKERNELAPI VOID NTAPI CcMdlWriteComplete(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                          PMDL MdlChain);
NTKERNELAPI VOID NTAPI CcMdlWriteAbort(PFILE_OBJECT FileObject, PMDL MdlChain);

/* Mapped and pinned pages. */
NTKERNELAPI BOOLEAN NTAPI CcMapData(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                    ULONG Length, ULONG Flags, PVOID *Bcb, PVOID *Buffer);
NTKERNELAPI BOOLEAN NTAPI CcPinMappedData(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                          ULONG Length, ULONG Flags, PVOID *Bcb);
NTKERNELAPI BOOLEAN NTAPI CcPinRead(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                    ULONG Length, ULONG Flags, PVOID *Bcb, PVOID *Buffer);
NTKERNELAPI BOOLEAN NTAPI CcPreparePinWrite(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                            ULONG Length, BOOLEAN Zero, ULONG Flags, PVOID *Bcb,
                                            PVOID *Buffer);
NTKERNELAPI VOID NTAPI CcSetDirtyPinnedData(PVOID BcbVoid, PLARGE_INTEGER Lsn);
NTKERNELAPI VOID NTAPI CcUnpinData(PVOID Bcb);
NTKERNELAPI VOID NTAPI CcUnpinDataForThread(PVOID Bcb, ERESOURCE_THREAD ResourceThreadId);
NTKERNELAPI VOID NTAPI CcSetBcbOwnerPointer(PVOID Bcb, PVOID OwnerPointer);
NTKERNELAPI VOID NTAPI CcRepinBcb(PVOID Bcb);
NTKERNELAPI VOID NTAPI CcUnpinRepinnedBcb(PVOID Bcb, BOOLEAN WriteThrough,
                                          PIO_STATUS_BLOCK IoStatus);
NTKERNELAPI PVOID NTAPI CcRemapBcb(PVOID Bcb);

/* Flush and purge. */
NTKERNELAPI VOID NTAPI CcFlushCache(PSECTION_OBJECT_POINTERS SectionObjectPointer,
                                    PLARGE_INTEGER FileOffset, ULONG Length,
                                    PIO_STATUS_BLOCK IoStatus);
NTKERNELAPI BOOLEAN NTAPI CcPurgeCacheSection(PSECTION_OBJECT_POINTERS SectionObjectPointer,
                                              PLARGE_INTEGER FileOffset, ULONG Length,
                                              ULONG Flags);
NTKERNELAPI VOID NTAPI CcCoherencyFlushAndPurgeCache(PSECTION_OBJECT_POINTERS SectionObjectPointer,
                                                     PLARGE_INTEGER FileOffset, ULONG Length,
                                                     PIO_STATUS_BLOCK IoStatus, ULONG Flags);
NTKERNELAPI LARGE_INTEGER NTAPI CcGetFlushedValidData(PSECTION_OBJECT_POINTERS SectionObjectPointer,
                                                      BOOLEAN BcbListHeld);
NTKERNELAPI NTSTATUS NTAPI CcWaitForCurrentLazyWriterActivity(VOID);
NTKERNELAPI BOOLEAN NTAPI CcIsThereDirtyData(PVPB Vpb);
NTKERNELAPI BOOLEAN NTAPI CcIsThereDirtyDataEx(PVPB Vpb, PULONG NumberOfDirtyPages);

/* Logged streams. */
NTKERNELAPI VOID NTAPI CcSetLogHandleForFile(PFILE_OBJECT FileObject, PVOID LogHandle,
                                             PFLUSH_TO_LSN FlushToLsnRoutine);
NTKERNELAPI LARGE_INTEGER NTAPI CcGetDirtyPages(PVOID LogHandle,
                                                PDIRTY_PAGE_ROUTINE DirtyPageRoutine,
                                                PVOID Context1, PVOID Context2);
NTKERNELAPI LARGE_INTEGER NTAPI CcGetLsnForFileObject(PFILE_OBJECT FileObject,
                                                      PLARGE_INTEGER OldestLsn);

/* Counters a file system with its own fast I/O read routines keeps up. */
extern DECLSPEC_IMPORT ULONG CcFastMdlReadWait;
extern DECLSPEC_IMPORT ULONG CcFastReadNotPossible;
extern DECLSPEC_IMPORT ULONG CcFastReadWait;

NT_END_C

#endif
