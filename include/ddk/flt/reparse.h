/* SPDX-License-Identifier: MIT */
/*
 * Types of ntifs.h that only the Filter Manager's routines take: open-reparse lists, copies.
 * Part of fltKernel.h, which is what a driver includes.
 */
#ifndef OPENFLT_DDK_FLT_REPARSE_H
#define OPENFLT_DDK_FLT_REPARSE_H

#include <flt/base.h>

NT_BEGIN_C

/* Hardware resources: a filter passes them on unread. */
typedef struct _CM_RESOURCE_LIST *PCM_RESOURCE_LIST;
typedef struct _IO_RESOURCE_REQUIREMENTS_LIST *PIO_RESOURCE_REQUIREMENTS_LIST;

/* An ECP of GUID_ECP_OPEN_REPARSE: tags that are to be opened and not followed. */
typedef struct _OPEN_REPARSE_LIST {
    LIST_ENTRY OpenReparseList;
} OPEN_REPARSE_LIST, *POPEN_REPARSE_LIST;

/* Flags below. ReparseGuid counts for tags that are not Microsoft's; Size is the entry's own. */
typedef struct _OPEN_REPARSE_LIST_ENTRY {
    LIST_ENTRY OpenReparseListEntry;
    ULONG ReparseTag;
    ULONG Flags;
    GUID ReparseGuid;
    USHORT Size;
    USHORT RemainingLength;
} OPEN_REPARSE_LIST_ENTRY, *POPEN_REPARSE_LIST_ENTRY;

#define OPEN_REPARSE_POINT_TAG_ENCOUNTERED                        0x00000001
#define OPEN_REPARSE_POINT_REPARSE_IF_CHILD_EXISTS                0x00000002
#define OPEN_REPARSE_POINT_REPARSE_IF_CHILD_NOT_EXISTS            0x00000004
#define OPEN_REPARSE_POINT_REPARSE_IF_DIRECTORY_FINAL_COMPONENT   0x00000008
#define OPEN_REPARSE_POINT_VERSION_EX                             0x80000000

/* Where the data of a file copy's write comes from. */
typedef struct _COPY_INFORMATION {
    PFILE_OBJECT SourceFileObject;
    LONGLONG SourceFileOffset;
} COPY_INFORMATION, *PCOPY_INFORMATION;

NT_END_C

#endif
