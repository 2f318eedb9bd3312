/* SPDX-License-Identifier: MIT */
/*
 * ob.h - the object manager as the other rooms see it. Documented Ob routines are in include/ddk;
 * here is how a room makes object types and objects, opens names and walks what is alive.
 *
 * Every object body has an OBX_HEADER right in front of it. A body lives while its reference count
 * is above zero; a handle counts as one reference and is counted apart as well. Type callbacks run
 * without any lock held.
 */
#ifndef OPENFLT_OB_OB_H
#define OPENFLT_OB_OB_H

#include "ke/ke.h"

typedef struct _OBJECT_TYPE OBX_TYPE;
typedef struct _OBX_HEADER OBX_HEADER;
typedef struct _OBX_OPEN OBX_OPEN;
typedef struct _OBX_HANDLE_TABLE OBX_HANDLE_TABLE;
typedef struct _OBX_NAME OBX_NAME;

/* ---- types ----------------------------------------------------------------------------------- */

#define OBX_NOT_WAITABLE ((size_t)-1)

struct _OBJECT_TYPE {
    const char *Label; /* "File": the name NT gives the type */
    GENERIC_MAPPING Mapping;
    ACCESS_MASK ValidAccess;
    size_t DispatcherOffset; /* where in the body waits happen; OBX_NOT_WAITABLE for none */
    /* The last reference is gone; frees what the body owns, never the body. PASSIVE_LEVEL. */
    void (*Delete)(PVOID Body);
    /*
     * A handle is gone. ProcessHandles and SystemHandles are the counts of this object's handles
     * before the close, in that process and everywhere: 1 says that it was the last.
     */
    void (*Close)(PEPROCESS Process, PVOID Body, ACCESS_MASK Granted, LONG ProcessHandles,
                  LONG SystemHandles);
    /*
     * A name went through this object: Open->Remaining is what is left of it. Returns an object in
     * *Object with one reference, or STATUS_REPARSE after it replaced Open->Name.
     */
    NTSTATUS (*Parse)(OBX_OPEN *Open, PVOID Body, PVOID *Object);
    /* The object's name when it does not live in a directory (files). As ObQueryNameString. */
    NTSTATUS (*QueryName)
    (PVOID Body, POBJECT_NAME_INFORMATION Information, ULONG Length, PULONG Needed);

    /* Kept by ob. */
    OBX_TYPE *Next;
    LIST_ENTRY Objects; /* of OBX_HEADER.Link, guarded by the type's lock */
    KEX_LOCK Lock;
    ULONG Live, Handles;
    ULONG Index;
    WCHAR WideName[32];
};

/* Registers a type; the structure is static in its room. Idempotent, so that a second start in one
 * process works. */
void ObxRegisterType(OBX_TYPE *Type);

/* ---- objects --------------------------------------------------------------------------------- */

#define OBX_SIGNATURE 0x784f624fu /* in a live header */
#define OBX_DEAD 0x44616544u      /* in the header of a deleted object */

enum {
    OBX_PERMANENT = 1,
    OBX_KERNEL_ONLY = 2,
    OBX_TEMPORARY_NAME = 4,
    OBX_FOREIGN_MEMORY = 8,
    OBX_EXCLUSIVE = 16, OBX_ANNOUNCED = 32 /* a thread that callbacks were told of */
};

/* One holder for the leak report: who took references from which address and how many are left. */
typedef struct _OBX_HOLDER {
    const void *Caller;
    LONG Taken;
    struct _OBX_HOLDER *Next;
} OBX_HOLDER;

struct _OBX_HEADER {
    ULONG Signature;
    ULONG Flags;
    LONGLONG volatile References;
    LONG volatile Handles;
    ULONG Spare;
    OBX_TYPE *Type;
    LIST_ENTRY Link;     /* in Type->Objects */
    OBX_NAME *Name;      /* directory entry, guarded by the namespace lock */
    const void *Creator; /* return address of the call that made it */
    OBX_HOLDER *Holders; /* only while tracking is on */
    OBX_HEADER *NextDeferred;
    PVOID SecurityDescriptor;
} __attribute__((aligned(16)));

#define OBX_HEADER_OF(Body) ((OBX_HEADER *)((char *)(Body) - sizeof(OBX_HEADER)))
#define OBX_BODY_OF(Header) ((PVOID)((OBX_HEADER *)(Header) + 1))

/*
 * A zeroed object with one reference, without a name or a handle. Caller is the driver's address
 * for the leak report (NULL: the caller of ObxCreateObject).
 */
NTSTATUS ObxCreateObject(OBX_TYPE *Type, size_t Size, const void *Caller, PVOID *Body);
/*
 * The same in memory the caller owns, OBX_HEADER first: threads live in memory of the kernel base.
 * Nothing is freed after Type->Delete ran.
 */
void ObxInitializeObject(OBX_TYPE *Type, OBX_HEADER *Header, const void *Caller);
static inline OBX_TYPE *ObxTypeOf(PVOID Body)
{
    return OBX_HEADER_OF(Body)->Type;
}
/* A live header stands before Body: a plausibility test for pointers that drivers hand in. */
bool ObxIsObject(const void *Body);
/* A reference unless the object is already on its way out. */
bool ObxReferenceIfAlive(PVOID Body);
/* Runs the deletions that were put off; called by teardown and by tests that look at what is left.
 */
void ObxDrainDeferred(void);

/* ---- names ----------------------------------------------------------------------------------- */

typedef struct _OBX_DIRECTORY OBX_DIRECTORY;

/* Puts a named object into its directory: full path, or relative to a directory. Takes no reference
 * of its own. */
NTSTATUS ObxInsertName(PVOID Body, PVOID RootDirectory, PCUNICODE_STRING Name, ULONG Attributes);
/* Takes the name away; later opens fail. The object lives on while it is referenced. */
void ObxRemoveName(PVOID Body);
NTSTATUS ObxCreateDirectory(PCUNICODE_STRING Name, PVOID *Body);
NTSTATUS ObxCreateSymbolicLink(PCUNICODE_STRING Name, PCUNICODE_STRING Target, PVOID *Body);
/* Target of a symbolic link object, in memory that lives as long as the link. */
PCUNICODE_STRING ObxSymbolicLinkTarget(PVOID Link);
/* Calls fn for each entry of a directory in name order; stops at the first FALSE. A reference is
 * held meanwhile. */
void ObxForEachName(PVOID Directory, bool (*fn)(PCUNICODE_STRING Name, PVOID Object, void *Context),
                    void *Context);
extern OBX_TYPE ObxDirectoryType, ObxSymbolicLinkType;

/* Longest object name in bytes; a reparse or a link that would make a longer one fails. */
#define OBX_NAME_BYTES 0xfffe
#define OBX_REPARSE_LIMIT 32

/* One open by name, from the first character to the object. */
struct _OBX_OPEN {
    UNICODE_STRING Name; /* in a buffer of the open's own (NameBuffer), may be replaced by Parse */
    UNICODE_STRING Remaining; /* part of Name not parsed yet */
    WCHAR *NameBuffer;
    PVOID Root; /* start object, NULL for the root directory */
    ULONG Attributes;
    KPROCESSOR_MODE Mode;
    OBX_TYPE *Type; /* wanted type, NULL for any */
    PACCESS_STATE AccessState;
    PVOID Context; /* parse context: io's open packet */
    PSECURITY_QUALITY_OF_SERVICE Qos;
    ULONG Reparses;
};
/* Replaces the name by Prefix + Suffix, for links and reparse points. */
NTSTATUS ObxOpenReplaceName(OBX_OPEN *Open, PCUNICODE_STRING Prefix, PCUNICODE_STRING Suffix);
/* Looks a name up; *Object has one reference. Root and Name are the caller's; the rest of Open is
 * filled here. */
NTSTATUS ObxOpenName(OBX_OPEN *Open, PCUNICODE_STRING Name, PVOID *Object);

/*
 * The access state of one open: generic rights are mapped by the type, the subject is captured.
 * Released by ObxEndAccess. Aux is memory of the caller that lives as long.
 */
typedef struct _OBX_ACCESS {
    ACCESS_STATE State;
    char Aux[256];
} OBX_ACCESS;
void ObxBeginAccess(OBX_ACCESS *Access, ACCESS_MASK Desired, const GENERIC_MAPPING *Mapping);
void ObxEndAccess(OBX_ACCESS *Access);
/* What a handle made from this state gets. */
ACCESS_MASK ObxGrantedAccess(const ACCESS_STATE *State, const OBX_TYPE *Type, KPROCESSOR_MODE Mode);

/*
 * OBJECT_ATTRIBUTES as the call gave them: probed and copied when Mode is UserMode. Name.Buffer is
 * released by ObxReleaseAttributes.
 */
typedef struct _OBX_ATTRIBUTES {
    HANDLE Root;
    ULONG Attributes;
    PVOID SecurityDescriptor;
    bool HasName;
    UNICODE_STRING Name;
    WCHAR *Buffer;
} OBX_ATTRIBUTES;
NTSTATUS ObxCaptureAttributes(POBJECT_ATTRIBUTES Source, KPROCESSOR_MODE Mode, OBX_ATTRIBUTES *Out);
void ObxReleaseAttributes(OBX_ATTRIBUTES *Attributes);

/* ---- handles --------------------------------------------------------------------------------- */

/* The kernel's handle values have bit 31 set and are sign-extended, as on Windows. */
#define OBX_KERNEL_HANDLE_BIT ((ULONG_PTR)(LONG_PTR)(LONG)0x80000000)
static inline bool ObxIsKernelHandle(HANDLE Handle)
{
    return ((ULONG_PTR)Handle & OBX_KERNEL_HANDLE_BIT) == OBX_KERNEL_HANDLE_BIT &&
           (LONG_PTR)Handle < -2;
}

OBX_HANDLE_TABLE *ObxCreateHandleTable(PEPROCESS Process);
/* Closes what is left in it and frees it. */
void ObxDeleteHandleTable(OBX_HANDLE_TABLE *Table);
/* Process whose table is looked at for Handle: System for kernel handles, else the current one. */
/* Makes a handle to Body in Process' table (the kernel's with OBJ_KERNEL_HANDLE); takes a reference
 * of its own. */
NTSTATUS ObxInsertHandle(PEPROCESS Process, PVOID Body, ACCESS_MASK Access, ULONG Attributes,
                         PHANDLE Handle);
/* The same for a caller of the room: Creator is the address that asked, which a leak report names. */
NTSTATUS ObxInsertHandleBy(PEPROCESS Process, PVOID Body, ACCESS_MASK Access, ULONG Attributes,
                           const void *Creator, PHANDLE Handle);
NTSTATUS ObxCloseHandle(HANDLE Handle, KPROCESSOR_MODE Mode, const void *Caller);
NTSTATUS ObxReferenceHandle(HANDLE Handle, ACCESS_MASK Access, OBX_TYPE *Type, KPROCESSOR_MODE Mode,
                            PVOID *Body, POBJECT_HANDLE_INFORMATION Information);
ULONG ObxHandleCount(PEPROCESS Process);

/* ---- what is alive: leak verdict and reports ------------------------------------------------- */

typedef struct _OBX_LIVE {
    PVOID Body;
    const char *Type;
    LONGLONG References;
    LONG Handles;
    const void *Creator;
    const OBX_HOLDER *Holders;
} OBX_LIVE;
/* Every live object of a type (NULL: of every type). The object is referenced during the call. */
void ObxForEachObject(OBX_TYPE *Type, void (*fn)(const OBX_LIVE *Live, void *Context),
                      void *Context);

typedef struct _OBX_OPEN_HANDLE {
    PEPROCESS Process;
    HANDLE Handle;
    PVOID Body;
    const char *Type;
    ACCESS_MASK Access;
    const void *Creator; /* return address of the call that opened it */
} OBX_OPEN_HANDLE;
/* Every open handle; for the leak verdict. */
void ObxForEachOpenHandle(void (*fn)(const OBX_OPEN_HANDLE *Open, void *Context), void *Context);

/* Reference tracing: from now on every reference and dereference is counted by its caller. */
extern bool ObxTracking;
void ObxTrack(PVOID Body, const void *Caller, LONG Delta);

/* Exported without a public prototype. */
NTSTATUS NTAPI ObDuplicateObject(PEPROCESS SourceProcess, HANDLE SourceHandle,
                                 PEPROCESS TargetProcess, PHANDLE TargetHandle,
                                 ACCESS_MASK DesiredAccess, ULONG HandleAttributes, ULONG Options,
                                 KPROCESSOR_MODE PreviousMode);

NTSTATUS ObxStart(void);
void ObxEnd(void);

#endif
