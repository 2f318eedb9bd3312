/* SPDX-License-Identifier: MIT */
/*
 * store.h - what lies below the file system driver. A store keeps nodes (files and directories by
 * id), the names of nodes in directories, the data of streams, and metadata as values and blobs. It
 * knows nothing of handles, sharing, caching, access or deletion rules: those are the file
 * system's.
 *
 * Names in directories are found case-insensitively and kept as given; enumeration is in upcased
 * order and is resumed by name, so that it stays well defined while entries come and go.
 *
 * Locking: every call is safe on its own. Calls on the data of one stream are the caller's to
 * order: nobody may change sizes of a stream (SetSizes, ZeroRange, DeleteStream, Drop) during a
 * Read or Write of it. The file system's paging-I/O resource does that.
 */
#ifndef OPENFLT_FS_STORE_H
#define OPENFLT_FS_STORE_H

#include "ke/ke.h"

typedef ULONG64 FSX_ID; /* as a file reference number: record in the low 48 bits, sequence above */
#define FSX_ROOT_ID 0x0005000000000005ull
#define FSX_NAME_MAX 255 /* WCHARs */
#define FSX_SHORT_MAX 12

typedef struct _FSX_STORE FSX_STORE;

/* A name in a directory. */
typedef struct _FSX_ENTRY {
    FSX_ID Id, Parent;
    USHORT NameLength, ShortLength; /* WCHARs */
    WCHAR Name[FSX_NAME_MAX], Short[FSX_SHORT_MAX];
} FSX_ENTRY;

/* Metadata values of a node. */
typedef struct _FSX_META {
    LONGLONG CreationTime, LastAccessTime, LastWriteTime, ChangeTime;
    ULONG Attributes;         /* FILE_ATTRIBUTE_*, DIRECTORY included */
    ULONG Links;              /* maintained by the store */
    ULONG EaSize, ReparseTag; /* maintained by the store with the blobs */
} FSX_META;

typedef struct _FSX_SIZES {
    LONGLONG Allocation, FileSize, ValidData;
} FSX_SIZES;

/* Data streams of a node; number 0 is the unnamed one and every file has it. */
typedef ULONG FSX_STREAM;
typedef struct _FSX_STREAM_INFO {
    FSX_STREAM Number;
    USHORT NameLength;
    WCHAR Name[FSX_NAME_MAX];
    FSX_SIZES Sizes;
} FSX_STREAM_INFO;

typedef enum {
    FSX_BLOB_SECURITY,
    FSX_BLOB_EA,
    FSX_BLOB_REPARSE,
    FSX_BLOB_OBJECT_ID,
    FSX_BLOB_COUNT
} FSX_BLOB;

/* Set bits say which fields of FSX_META SetMeta takes. */
enum {
    FSX_SET_CREATION = 1,
    FSX_SET_ACCESS = 2,
    FSX_SET_WRITE = 4,
    FSX_SET_CHANGE = 8,
    FSX_SET_ATTRIBUTES = 16,
    FSX_SET_TIMES = 15,
};

typedef struct _FSX_GEOMETRY {
    ULONG SectorSize, ClusterSize;
    ULONGLONG TotalBytes;
    LONGLONG CreationTime;
    ULONG Serial;
    USHORT LabelLength; /* WCHARs */
    WCHAR Label[32];
    bool ReadOnly;
} FSX_GEOMETRY;

typedef struct _FSX_STORE_OPS {
    const char *Name; /* "mem" */
    void (*Free)(FSX_STORE *Store);

    /*
     * Names. Lookup finds short names too. STATUS_OBJECT_NAME_NOT_FOUND,
     * STATUS_OBJECT_NAME_COLLISION.
     */
    NTSTATUS (*Lookup)(FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING Name, FSX_ENTRY *Entry);
    /* The entry behind After in order (NULL: the first); STATUS_NO_MORE_FILES at the end. */
    NTSTATUS (*Next)(FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING After, FSX_ENTRY *Entry);
    /* The Index'th name of a node; STATUS_NO_MORE_ENTRIES behind the last. The root has none. */
    NTSTATUS (*LinkAt)(FSX_STORE *Store, FSX_ID Id, ULONG Index, FSX_ENTRY *Entry);
    NTSTATUS (*Create)
    (FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING Name, PCUNICODE_STRING Short,
     ULONG Attributes, FSX_ID *Id);
    NTSTATUS (*Link)
    (FSX_STORE *Store, FSX_ID Id, FSX_ID Directory, PCUNICODE_STRING Name, PCUNICODE_STRING Short);
    /* Takes a name away. The node stays until Drop, so that open files go on working. */
    NTSTATUS (*Unlink)(FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING Name);
    /* Moves a name in one step; the new one must be free, or be the same entry in another case. */
    NTSTATUS (*Rename)
    (FSX_STORE *Store, FSX_ID From, PCUNICODE_STRING FromName, FSX_ID To, PCUNICODE_STRING ToName,
     PCUNICODE_STRING ToShort);
    /* Frees a node without names. */
    void (*Drop)(FSX_STORE *Store, FSX_ID Id);
    bool (*IsEmpty)(FSX_STORE *Store, FSX_ID Directory);

    /* Metadata. STATUS_INVALID_PARAMETER for an id that is no node. */
    NTSTATUS (*GetMeta)(FSX_STORE *Store, FSX_ID Id, FSX_META *Meta);
    NTSTATUS (*SetMeta)(FSX_STORE *Store, FSX_ID Id, const FSX_META *Meta, ULONG Which);
    /*
     * Size receives the blob's size; STATUS_NOT_FOUND when absent, STATUS_BUFFER_TOO_SMALL when
     * Room is short.
     */
    NTSTATUS (*GetBlob)
    (FSX_STORE *Store, FSX_ID Id, FSX_BLOB Blob, PVOID Buffer, ULONG Room, PULONG Size);
    NTSTATUS (*SetBlob)(FSX_STORE *Store, FSX_ID Id, FSX_BLOB Blob, const void *Buffer, ULONG Size);

    /* Streams. */
    NTSTATUS (*FindStream)(FSX_STORE *Store, FSX_ID Id, PCUNICODE_STRING Name, FSX_STREAM *Stream);
    NTSTATUS (*CreateStream)
    (FSX_STORE *Store, FSX_ID Id, PCUNICODE_STRING Name, FSX_STREAM *Stream);
    NTSTATUS (*DeleteStream)(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream);
    NTSTATUS (*RenameStream)(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, PCUNICODE_STRING Name);
    /* The Index'th stream, unnamed first; STATUS_NO_MORE_ENTRIES. */
    NTSTATUS (*StreamAt)(FSX_STORE *Store, FSX_ID Id, ULONG Index, FSX_STREAM_INFO *Info);
    NTSTATUS (*GetSizes)(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, FSX_SIZES *Sizes);
    /*
     * Allocation is rounded up to clusters. Whatever lies behind a smaller allocation or file size
     * is gone: it reads as zeros should the stream grow again. STATUS_DISK_FULL changes nothing.
     */
    NTSTATUS (*SetSizes)(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, const FSX_SIZES *Sizes);
    /*
     * After a write of data: the sizes grow to these where they are smaller. Allowed beside reads
     * and writes.
     */
    void (*RaiseSizes)(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG FileSize,
                       LONGLONG ValidData);
    /*
     * Bytes without storage read as zeros. Neither call looks at or changes FileSize and ValidData.
     *
     */
    NTSTATUS (*Read)
    (FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG Offset, ULONG Length, PVOID Buffer);
    NTSTATUS (*Write)
    (FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG Offset, ULONG Length,
     const void *Buffer);
    NTSTATUS (*ZeroRange)
    (FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG Offset, LONGLONG Length);
    /* Next range with storage at or behind *Offset; FALSE when there is none. */
    bool (*NextExtent)(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG *Offset,
                       LONGLONG *Length);

    ULONGLONG (*FreeBytes)(FSX_STORE *Store);
    /*
     * Metadata of one node reaches the medium (Id 0: of all), and: everything written so far is
     * durable.
     */
    NTSTATUS (*WriteMetadata)(FSX_STORE *Store, FSX_ID Id);
    NTSTATUS (*Sync)(FSX_STORE *Store);
} FSX_STORE_OPS;

typedef enum { FSX_OP_READ, FSX_OP_WRITE, FSX_OP_METADATA, FSX_OP_SYNC } FSX_OP;

struct _FSX_STORE {
    const FSX_STORE_OPS *Ops;
    FSX_GEOMETRY Geometry;
    /* Fault injection: any failure is the operation's answer. NULL: none. */
    NTSTATUS (*Fault)(FSX_STORE *Store, FSX_OP Op, FSX_ID Id, LONGLONG Offset, ULONG Length);
};

/*
 * The four operations that reach the medium: each asks for an injected fault and leaves one
 * KEX_TRACE_STORE event.
 */
NTSTATUS FsxStoreRead(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG Offset, ULONG Length,
                      PVOID Buffer);
NTSTATUS FsxStoreWrite(FSX_STORE *Store, FSX_ID Id, FSX_STREAM Stream, LONGLONG Offset,
                       ULONG Length, const void *Buffer);
NTSTATUS FsxStoreWriteMetadata(FSX_STORE *Store, FSX_ID Id);
NTSTATUS FsxStoreSync(FSX_STORE *Store);

/* 8.3 alias for a new name, free in the directory; *Short is empty when the name is one itself. */
void FsxStoreShortName(FSX_STORE *Store, FSX_ID Directory, PCUNICODE_STRING Name,
                       PUNICODE_STRING Short, WCHAR Buffer[FSX_SHORT_MAX]);

/*
 * A store in memory. Capacity 0: 16 GiB. Blocks take memory only once they are written. NULL: no
 * memory. The caller frees it with Ops->Free after the volume's dismount.
 */
FSX_STORE *FsxMemStoreCreate(ULONGLONG Capacity, ULONG SectorSize, ULONG ClusterSize);

/*
 * Copies a host folder into the store's root, and the store's tree into a host folder (made when
 * absent). No file of the volume may be open. Names are UTF-8 on the host; one that the store
 * cannot hold ends the call with STATUS_OBJECT_NAME_INVALID; imported names get aliases. Error,
 * when not NULL, receives a sentence that names the host path (at most 400 bytes). Modification
 * times are kept. Links and special files of the host are refused by name with
 * STATUS_NOT_SUPPORTED.
 */
NTSTATUS FsxImport(FSX_STORE *Store, const char *Folder, char Error[400]);
NTSTATUS FsxExport(FSX_STORE *Store, const char *Folder, char Error[400]);

#endif
