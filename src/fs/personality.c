/* SPDX-License-Identifier: MIT */
/* personality.c - file systems as data. */
#include "fs/fsp.h"

#include <string.h>

/* NTFS forbids what Win32 separates names and patterns by, and control characters. */
static bool NtfsNameChar(WCHAR c)
{
    switch (c) {
    case L'"':
    case L'*':
    case L'/':
    case L':':
    case L'<':
    case L'>':
    case L'?':
    case L'\\':
    case L'|':
        return false;
    default:
        return c >= 0x20;
    }
}

static const FSX_PERSONALITY Ntfs = {
    .Name = "ntfs",
    .FileSystemName = L"NTFS",
    .DriverName = L"\\FileSystem\\Ntfs",
    .Attributes = FILE_CASE_SENSITIVE_SEARCH | FILE_CASE_PRESERVED_NAMES | FILE_UNICODE_ON_DISK |
                  FILE_PERSISTENT_ACLS | FILE_SUPPORTS_SPARSE_FILES | FILE_SUPPORTS_OBJECT_IDS |
                  FILE_NAMED_STREAMS | FILE_SUPPORTS_HARD_LINKS |
                  FILE_SUPPORTS_EXTENDED_ATTRIBUTES | FILE_SUPPORTS_OPEN_BY_FILE_ID |
                  FILE_SUPPORTS_REPARSE_POINTS,
    .MaxComponent = 255,
    .MaxFileSize = (16ll << 40) - (64ll << 10),
    .Streams = true,
    .Links = true,
    .Eas = true,
    .Reparse = true,
    .Security = true,
    .Sparse = true,
    .ShortNames = true,
    .FileIds = true,
    .ObjectIds = true,
    .ValidNameChar = NtfsNameChar,
    .Flush =
        {
            [0] = {.Metadata = true, .Sync = true},
            [IRP_MN_FLUSH_AND_PURGE] = {.Metadata = true, .Sync = true, .Purge = true},
            [IRP_MN_FLUSH_DATA_ONLY] = {.OnVolume = STATUS_INVALID_PARAMETER},
            [IRP_MN_FLUSH_NO_SYNC] = {.Metadata = true, .OnVolume = STATUS_INVALID_PARAMETER},
            [IRP_MN_FLUSH_DATA_SYNC_ONLY] = {.NeededMetadata = true,
                                             .Sync = true,
                                             .OnVolume = STATUS_INVALID_PARAMETER,
                                             .OnDirectory = STATUS_INVALID_PARAMETER},
        },
};

const FSX_PERSONALITY *FsxFindPersonality(const char *Name)
{
    return strcmp(Name, Ntfs.Name) ? NULL : &Ntfs;
}
