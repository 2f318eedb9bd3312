/* SPDX-License-Identifier: MIT */
/*
 * fsp.h - the inside of the file system driver.
 *
 * Objects
 *   FSX_VOLUME  the volume device's extension
 *   FSX_FILE    a node of the store that is in use
 *   FSX_LINK    a name of a node under which it was opened; carries "delete pending"
 *   FSX_FCB     one stream in use: file data, a named stream, a directory or the volume; FsContext
 * points to it FSX_CCB     one open: FsContext2
 *
 * Locks, in the order they are taken
 *   Volume->Resource       the name space: creates, renames, deletes exclusive; directory listings
 * shared Fcb->Main              a stream: exclusive for changes of size and for purges, shared for
 * reads and plain writes Fcb->Paging            shared by paging I/O; exclusive by whoever changes
 * sizes or must have no paging I/O about Volume->TableLock      leaf: the tables of objects and
 * their counts. Close takes only this one, since it may come from anywhere a file object is
 * dereferenced.
 */
#ifndef OPENFLT_FS_FSP_H
#define OPENFLT_FS_FSP_H

#include "fs/fs.h"
#include "cc/cc.h"
#include "fsrtl/fsrtl.h"
#include "io/io.h"

#define FSX_NODE_VOLUME 0x4601
#define FSX_NODE_FCB 0x4602
#define FSX_NODE_CCB 0x4603
#define FSX_HASH 1024u
#define FSX_POOL_TAG 0x78734f46u /* "FOsx" */

typedef struct _FSX_VOLUME FSX_VOLUME;
typedef struct _FSX_FCB FSX_FCB;
typedef struct _FSX_CCB FSX_CCB;

/* How flush minor codes are understood; columns of the table in the documentation of the codes. */
typedef struct _FSX_FLUSH_RULE {
    bool Metadata;       /* all metadata */
    bool NeededMetadata; /* only what is needed to read the data back */
    bool Sync;           /* device sync */
    bool Purge;
    NTSTATUS OnVolume; /* STATUS_SUCCESS, or why the code is refused there */
    NTSTATUS OnDirectory;
} FSX_FLUSH_RULE;

struct _FSX_PERSONALITY {
    const char *Name;            /* "ntfs" */
    const WCHAR *FileSystemName; /* "NTFS" */
    const WCHAR *DriverName;     /* "\FileSystem\Ntfs" */
    ULONG Attributes;            /* FileFsAttributeInformation */
    ULONG MaxComponent;          /* WCHARs */
    LONGLONG MaxFileSize;
    bool Streams, Links, Eas, Reparse, Security, Sparse, ShortNames, FileIds, ObjectIds;
    bool PurgeOnNonCachedOpen; /* flush and purge when only non-cached handles are left */
    bool (*ValidNameChar)(WCHAR c);
    FSX_FLUSH_RULE Flush[5]; /* by minor code */
};

typedef struct _FSX_FILE {
    LIST_ENTRY Links; /* of Volume->Files */
    struct _FSX_FILE *HashNext;
    FSX_VOLUME *Volume;
    FSX_ID Id;
    LIST_ENTRY Fcbs, Names; /* FSX_FCB, FSX_LINK */
    LONG References;        /* one for each FCB and link */
    ULONG Handles;          /* opens not cleaned up, over all streams */
    bool Directory;
    bool Unlinked;      /* no name left in the store: the node goes with the last reference */
    bool MetadataDirty; /* changed since the last metadata write */
    PVOID FileContexts; /* per-file contexts of filters */
} FSX_FILE;

typedef struct _FSX_LINK {
    LIST_ENTRY Links; /* of File->Names */
    FSX_FILE *File;
    FSX_ID Parent;
    LONG References; /* CCBs */
    ULONG Handles;
    bool DeletePending;
    bool Gone;           /* the name is no longer in the store */
    UNICODE_STRING Name; /* guarded by Volume->Resource */
    WCHAR Buffer[FSX_NAME_MAX];
} FSX_LINK;

typedef enum { FSX_DATA, FSX_DIRECTORY, FSX_VOLUME_FILE } FSX_KIND;

struct _FSX_FCB {
    FSRTL_ADVANCED_FCB_HEADER Header; /* first */
    FSX_KIND Kind;
    FSX_FILE *File; /* NULL for the volume */
    FSX_VOLUME *Volume;
    FSX_STREAM Stream;
    UNICODE_STRING StreamName; /* empty: the unnamed stream */
    WCHAR StreamBuffer[FSX_NAME_MAX];
    LIST_ENTRY Links; /* of File->Fcbs */
    ERESOURCE Main, Paging;
    FAST_MUTEX Mutex; /* of the header's filter contexts */
    SECTION_OBJECT_POINTERS Section;
    FILE_LOCK Locks;
    SHARE_ACCESS Share;
    LONG References; /* file objects */
    ULONG Handles, NonCachedHandles;
    LONGLONG StoredValid; /* valid data length the store knows; under Paging */
    bool StreamDeletePending, StreamGone;
    bool SizeChanged; /* since the last metadata write */
};

struct _FSX_CCB {
    CSHORT NodeTypeCode, NodeByteSize;
    FSX_LINK *Link; /* NULL: opened by id, the root, or the volume */
    ACCESS_MASK Granted;
    ULONG Options; /* create options */
    bool DeleteOnClose, CleanedUp, ById, PosixDeleted;
    bool UserWriteTime, UserAccessTime,
        UserChangeTime; /* set by hand or told to stay: no automatic update */
    /* directory enumeration */
    bool PatternSet, MatchAll, Started, DotsDone;
    UNICODE_STRING Pattern;
    WCHAR *PatternBuffer;
    USHORT LastLength;
    WCHAR Last[FSX_NAME_MAX];
    ULONG EaIndex;
    UNICODE_STRING NotifyName; /* full path while a change notification is asked for */
};

struct _FSX_VOLUME {
    CSHORT NodeTypeCode, NodeByteSize;
    PDEVICE_OBJECT Device, Disk;
    PVPB Vpb;
    FSX_STORE *Store;
    const FSX_PERSONALITY *Personality;
    LIST_ENTRY Links;
    ERESOURCE Resource;
    KEX_LOCK TableLock;
    LIST_ENTRY Files; /* in order of last first use */
    FSX_FILE *FileHash[FSX_HASH];
    LONG OpenFiles; /* file objects not closed */
    FSX_FCB *VolumeFcb;
    PFILE_OBJECT LockedBy;
    bool Dismounted, DeviceDeleted;
    PNOTIFY_SYNC NotifySync;
    LIST_ENTRY NotifyList;
    LONGLONG MountTime;
};

/* A request on its way through the driver. */
typedef struct _FSX_IRP {
    PIRP Irp;
    PIO_STACK_LOCATION Stack;
    PFILE_OBJECT FileObject;
    FSX_VOLUME *Volume;
    FSX_FCB *Fcb;
    FSX_CCB *Ccb;
    ULONG_PTR Information;
    bool Completed; /* the handler completed or kept the IRP */
} FSX_IRP;
typedef NTSTATUS FSX_HANDLER(FSX_IRP *x);

/* ---- handlers, one file each --------------------------------------------------------------- */

FSX_HANDLER FsxCreate, FsxCleanup, FsxClose, FsxRead, FsxWrite, FsxFlush, FsxQueryInformation,
    FsxSetInformation, FsxQueryVolume, FsxSetVolume, FsxDirectoryControl, FsxFileSystemControl,
    FsxLockControl, FsxQuerySecurity, FsxSetSecurity, FsxQueryEa, FsxSetEa, FsxShutdown,
    FsxDeviceControl;
extern const FAST_IO_DISPATCH FsxFastIo;
extern const CACHE_MANAGER_CALLBACKS FsxCacheCallbacks;

/*
 * Address of a request's data buffer: its MDL, else the caller's address. NULL when it cannot be
 * mapped.
 */
PVOID FsxUserBuffer(PIRP Irp);

/* Store bytes to or from a buffer that may be user memory. Paging is held. */
NTSTATUS FsxTransfer(FSX_FCB *Fcb, LONGLONG Offset, ULONG Length, PVOID Buffer, bool Write);

/* ---- files, streams, names (fcb.c) --------------------------------------------------------- */

/* Finds or makes; adds a reference. Volume->Resource is held. */
NTSTATUS FsxReferenceFcb(FSX_VOLUME *Volume, FSX_ID Id, FSX_STREAM Stream,
                         PCUNICODE_STRING StreamName, bool Directory, FSX_FCB **Fcb);
/* The open file of a node, NULL when it is not in use. Not referenced; Volume->Resource is held. */
FSX_FILE *FsxFindFile(FSX_VOLUME *Volume, FSX_ID Id);
void FsxDereferenceFcb(FSX_FCB *Fcb);
FSX_LINK *FsxReferenceLink(FSX_FILE *File, FSX_ID Parent, PCUNICODE_STRING Name);
void FsxDereferenceLink(FSX_LINK *Link);
void FsxSetLinkName(FSX_LINK *Link, FSX_ID Parent, PCUNICODE_STRING Name);
NTSTATUS FsxNewVolumeFcb(FSX_VOLUME *Volume);
void FsxFreeVolumeFcb(FSX_VOLUME *Volume);

/*
 * Path of a node from the root through one of its names; Buffer takes Room WCHARs, *Length is what
 * it needs.
 */
NTSTATUS FsxBuildPath(FSX_VOLUME *Volume, FSX_FCB *Fcb, FSX_LINK *Link, WCHAR *Buffer, ULONG Room,
                      PULONG Length);

/* ---- names (path.c) ------------------------------------------------------------------------ */

typedef struct _FSX_NAME {
    UNICODE_STRING File;   /* last component without stream */
    UNICODE_STRING Stream; /* empty: unnamed */
    bool HasStream;        /* a colon was there */
    bool DirectoryType;    /* :$I30:$INDEX_ALLOCATION */
} FSX_NAME;

NTSTATUS FsxParseComponent(const FSX_VOLUME *Volume, PCUNICODE_STRING Component, FSX_NAME *Name);
NTSTATUS FsxCheckName(const FSX_VOLUME *Volume, PCUNICODE_STRING Name);
/*
 * 8.3 alias for a new name; *Short is empty when the name is one itself or the personality has
 * none.
 */
void FsxShortName(FSX_VOLUME *Volume, FSX_ID Directory, PCUNICODE_STRING Name,
                  PUNICODE_STRING Short, WCHAR Buffer[FSX_SHORT_MAX]);

/* ---- sizes and times (size.c) -------------------------------------------------------------- */

CC_FILE_SIZES FsxCacheSizes(FSX_FCB *Fcb);
/*
 * Main is held exclusively. Sizes in header, store and cache change together; STATUS_DISK_FULL
 * changes nothing.
 */
NTSTATUS FsxExtend(FSX_FCB *Fcb, PFILE_OBJECT FileObject, LONGLONG FileSize);
NTSTATUS FsxTruncate(FSX_FCB *Fcb, PFILE_OBJECT FileObject, LONGLONG FileSize, LONGLONG Allocation);
/* Sizes that fast I/O changed in the header alone reach the store. */
void FsxPersistSizes(FSX_FCB *Fcb);
/*
 * The paging path's valid data: everything below End is on the medium. Paging is held at least
 * shared.
 */
void FsxAdvanceStoredValid(FSX_FCB *Fcb, LONGLONG End);
void FsxTouchWrite(FSX_FCB *Fcb, FSX_CCB *Ccb);
void FsxTouchChange(FSX_FCB *Fcb, FSX_CCB *Ccb);
LONGLONG FsxRoundUp(LONGLONG Value, ULONG Unit);
/* Writes the file's metadata to the medium when it changed; Always writes it all the same. */
NTSTATUS FsxWriteMetadata(FSX_FCB *Fcb, bool Always);

/* ---- shared work --------------------------------------------------------------------------- */

/*
 * Flush (and purge) for a stream whose main resource is held; STATUS_PURGE_FAILED is for the caller
 * to judge.
 */
NTSTATUS FsxFlushData(FSX_FCB *Fcb, LONGLONG Offset, LONGLONG Length);
bool FsxPurgeData(FSX_FCB *Fcb, LONGLONG Offset, ULONG Length);
/* Takes the name of a link away; Volume->Resource is held exclusively. */
NTSTATUS FsxRemoveLink(FSX_VOLUME *Volume, FSX_LINK *Link);
void FsxNotify(FSX_VOLUME *Volume, FSX_ID Parent, PCUNICODE_STRING Name, PCUNICODE_STRING Stream,
               ULONG Filter, ULONG Action);
NTSTATUS FsxRename(FSX_IRP *x, const FILE_RENAME_INFORMATION *Info, ULONG Length, bool Extended);
NTSTATUS FsxHardLink(FSX_IRP *x, const FILE_LINK_INFORMATION *Info, ULONG Length, bool Extended);
NTSTATUS FsxCheckEas(const void *Buffer, ULONG Length, PULONG ErrorOffset);
NTSTATUS FsxStoreEas(FSX_VOLUME *Volume, FSX_ID Id, const void *Buffer, ULONG Length);
/* Last-known metadata with sizes, as queries and directory listings show them. */
void FsxFillBasic(FSX_VOLUME *Volume, const FSX_META *Meta, FILE_BASIC_INFORMATION *Info);
ULONG FsxVisibleAttributes(const FSX_META *Meta);

/* Set by whoever changes a node, under whatever lock it has. */
static inline void FsxDirtyMetadata(FSX_FILE *File)
{
    __atomic_store_n(&File->MetadataDirty, true, __ATOMIC_RELAXED);
}

static inline FSX_FCB *FsxFcbOf(PFILE_OBJECT FileObject)
{
    return FileObject ? FileObject->FsContext : NULL;
}

#endif
