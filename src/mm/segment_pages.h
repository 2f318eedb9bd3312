/* SPDX-License-Identifier: MIT */
/* segment_pages.h - the inside of a segment; for the files of src/mm alone. */
#ifndef OPENFLT_MM_SEGMENT_PAGES_H
#define OPENFLT_MM_SEGMENT_PAGES_H

#include "mm/segment.h"

#define MMX_VIEWS_MAX 40 /* each view is at least twice its predecessor: more cannot be needed */
#define MMX_CHUNK_PAGES 512u /* 2 MiB of a stream: the unit in which page facts are allocated */
#define MMX_CHUNK_WORDS (MMX_CHUNK_PAGES / 64)

/* Facts about 512 pages; a stream that is touched in few places has few of these. */
typedef struct _MMX_CHUNK {
    ULONG64 Valid[MMX_CHUNK_WORDS];
    ULONG64 Dirty[MMX_CHUNK_WORDS];
    ULONG64 Filling[MMX_CHUNK_WORDS];
    ULONG64 Writing[MMX_CHUNK_WORDS];
    USHORT Pins[MMX_CHUNK_PAGES];
} MMX_CHUNK;

struct _MMX_SEGMENT {
    /* Guarded by the table lock of segment.c. */
    LIST_ENTRY Links, UnusedLinks;
    LONG References;
    bool OnUnusedList;
    ULONG UnusedPages;

    /* Set once. */
    PFILE_OBJECT FileObject;
    PSECTION_OBJECT_POINTERS Pointers;
    int Fd;

    /* Guarded by Lock. */
    KEX_LOCK Lock;
    PUCHAR View; /* newest view; read without the lock by holders of a pin */
    struct {
        PUCHAR Base;
        uint64_t Bytes;
    } Views[MMX_VIEWS_MAX];
    unsigned ViewCount;
    LONGLONG Size;
    MMX_CHUNK **Chunks;
    ULONGLONG ChunkSlots;
    ULONG Resident, Dirty;
    ULONG Generation; /* a purge or truncation makes reads under way worthless */
    ULONG UserViews, WritableViews;
    LONGLONG ViewEnd;
    LIST_ENTRY Waiters; /* threads that wait for any page to leave `filling` or `writing` */
};

#endif
