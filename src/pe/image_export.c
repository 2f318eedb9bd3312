/* SPDX-License-Identifier: MIT */
/* The kernel's exported routines on images and on stacks of return addresses. */
#include "pe/image.h"

#include <ntifs.h>
#include <string.h>

#define DOS_HEADER 64u
#define NT_HEADER 264u /* signature, file header and optional header with 16 directories */
#define DIRECTORIES 136u

/* The NT header of the image that starts at Base, NULL when no driver's image does. */
static const UCHAR *Header(PVOID Base)
{
    struct pe_image *image = pe_image_from_address(Base);
    ULONG at;

    if (!image || image->base != Base)
        return NULL;
    memcpy(&at, image->base + 60, sizeof(at));
    return at <= PE_PAGE - NT_HEADER ? image->base + at : NULL;
}

/* RtlImageNtHeader: the PE header of a loaded image; NULL for an address that is no image's base.
 * Any IRQL. */
struct _IMAGE_NT_HEADERS64 *NTAPI RtlImageNtHeader(PVOID BaseOfImage)
{
    return (struct _IMAGE_NT_HEADERS64 *)(uintptr_t)Header(BaseOfImage);
}

/*
 * RtlImageDirectoryEntryToData: address and size of a data directory (0 exports, 1 imports ...).
 * Images are always mapped here; a base with bit 0 set, the mark of a file laid out flat, has none.
 * NULL when the image lacks it.
 */
PVOID NTAPI RtlImageDirectoryEntryToData(PVOID BaseOfImage, BOOLEAN MappedAsImage,
                                         USHORT DirectoryEntry, PULONG Size)
{
    const UCHAR *header = MappedAsImage ? Header(BaseOfImage) : NULL;
    ULONG entry[2];

    *Size = 0;
    if (!header || DirectoryEntry >= 16)
        return NULL;
    memcpy(entry, header + DIRECTORIES + DirectoryEntry * 8, sizeof(entry));
    if (!entry[0] || entry[0] >= pe_image_size(pe_image_from_address(BaseOfImage)))
        return NULL;
    *Size = entry[1];
    return (PUCHAR)BaseOfImage + entry[0];
}

/* RtlFindExportedRoutineByName: an export of a loaded image, NULL when it has none of that name. */
PVOID NTAPI RtlFindExportedRoutineByName(PVOID BaseOfImage, PCSTR RoutineName)
{
    return Header(BaseOfImage) ? pe_image_export(pe_image_from_address(BaseOfImage), RoutineName)
                               : NULL;
}

/* Return addresses of the caller's callers; `Skip` frames more are left out. */
static ULONG Walk(ULONG Skip, ULONG Count, PVOID *Frames)
{
    PVOID all[96];
    size_t n = pe_backtrace(NULL, all, sizeof(all) / sizeof(*all)), from = 0;

    /* Our own frames come first: a driver sees the stack from its call outwards. */
    while (from < n && !pe_image_from_address(all[from]))
        from++;
    from = from == n ? 0 : from;
    from += Skip;
    if (from >= n)
        return 0;
    n -= from;
    if (n > Count)
        n = Count;
    memcpy(Frames, all + from, n * sizeof(*Frames));
    return (ULONG)n;
}

/*
 * RtlCaptureStackBackTrace: up to FramesToCapture return addresses, the caller's first; the hash is
 * their sum. Any IRQL.
 */
USHORT NTAPI RtlCaptureStackBackTrace(ULONG FramesToSkip, ULONG FramesToCapture, PVOID *BackTrace,
                                      PULONG BackTraceHash)
{
    ULONG n = Walk(FramesToSkip, FramesToCapture, BackTrace), hash = 0;

    for (ULONG i = 0; i < n; i++)
        hash += (ULONG)(ULONG_PTR)BackTrace[i];
    if (BackTraceHash)
        *BackTraceHash = hash;
    return (USHORT)n;
}

/* RtlWalkFrameChain: as above; Flags bit 0 asks for the user part of the stack, which a kernel
 * thread has not. */
ULONG NTAPI RtlWalkFrameChain(PVOID *Callers, ULONG Count, ULONG Flags)
{
    return Flags & 1 ? 0 : Walk(0, Count, Callers);
}

/* RtlGetCallersAddress: the caller's caller and the one before it; NULL where the stack ends. */
VOID NTAPI RtlGetCallersAddress(PVOID *CallersAddress, PVOID *CallersCaller)
{
    PVOID frames[3] = {NULL, NULL, NULL};

    Walk(0, 3, frames);
    *CallersAddress = frames[1];
    *CallersCaller = frames[2];
}
