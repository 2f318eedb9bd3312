/* SPDX-License-Identifier: MIT */
/* Calls on objects of any type: close, duplicate, query, wait; directories and symbolic links. */
#include "zw/zwp.h"

#include <stdlib.h>
#include <string.h>

/* Closes a handle (nf-ntifs-ntclose). PASSIVE_LEVEL. STATUS_INVALID_HANDLE,
 * STATUS_HANDLE_NOT_CLOSABLE. */
NTSTATUS NTAPI NtClose(HANDLE Handle)
{
    return ObxCloseHandle(Handle, ExGetPreviousMode(), __builtin_return_address(0));
}

NTSTATUS NTAPI ZwClose(HANDLE Handle)
{
    const void *Caller = __builtin_return_address(0);

    ZWP_AS_KERNEL(ObxCloseHandle(Handle, KernelMode, Caller));
}

/* Copies a handle from one process to another (nf-ntifs-ntduplicateobject is the documented
 * ZwDuplicateObject). PASSIVE_LEVEL. */
NTSTATUS NTAPI NtDuplicateObject(HANDLE SourceProcessHandle, HANDLE SourceHandle,
                                 HANDLE TargetProcessHandle, PHANDLE TargetHandle,
                                 ACCESS_MASK DesiredAccess, ULONG HandleAttributes, ULONG Options)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    PEPROCESS Source, Target = NULL;
    HANDLE New = NULL;
    NTSTATUS Status;

    if (TargetHandle) {
        Status = MmxProbePages(TargetHandle, sizeof(HANDLE), true, Mode);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    Status = ObxReferenceHandle(SourceProcessHandle, PROCESS_DUP_HANDLE, &PsxProcessType, Mode,
                                (PVOID *)&Source, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    if (TargetProcessHandle)
        Status = ObxReferenceHandle(TargetProcessHandle, PROCESS_DUP_HANDLE, &PsxProcessType, Mode,
                                    (PVOID *)&Target, NULL);
    if (NT_SUCCESS(Status) || (Options & DUPLICATE_CLOSE_SOURCE))
        Status = ObDuplicateObject(Source, SourceHandle, Target, &New, DesiredAccess,
                                   HandleAttributes, Options, Mode);
    if (NT_SUCCESS(Status) && TargetHandle)
        Status = MmxCopyOut(TargetHandle, &New, sizeof New, 1, Mode);
    if (Target)
        ObDereferenceObject(Target);
    ObDereferenceObject(Source);
    return Status;
}

NTSTATUS NTAPI ZwDuplicateObject(HANDLE SourceProcessHandle, HANDLE SourceHandle,
                                 HANDLE TargetProcessHandle, PHANDLE TargetHandle,
                                 ACCESS_MASK DesiredAccess, ULONG HandleAttributes, ULONG Options)
{
    ZWP_AS_KERNEL(NtDuplicateObject(SourceProcessHandle, SourceHandle, TargetProcessHandle,
                                    TargetHandle, DesiredAccess, HandleAttributes, Options));
}

/* ---- query ----------------------------------------------------------------------------------- */

static NTSTATUS BasicFacts(PVOID Object, const OBJECT_HANDLE_INFORMATION *Handle, PVOID Out,
                           ULONG Length, ULONG *Needed)
{
    OBX_HEADER *Header = OBX_HEADER_OF(Object);
    PUBLIC_OBJECT_BASIC_INFORMATION Basic = {0};

    *Needed = sizeof Basic;
    if (Length < sizeof Basic)
        return STATUS_INFO_LENGTH_MISMATCH;
    Basic.Attributes =
        Handle->HandleAttributes | (Header->Flags & OBX_PERMANENT ? OBJ_PERMANENT : 0);
    Basic.GrantedAccess = Handle->GrantedAccess;
    Basic.HandleCount = (ULONG)Header->Handles;
    /* Less the reference this call holds. */
    Basic.PointerCount = (ULONG)(Header->References - 1);
    memcpy(Out, &Basic, sizeof Basic);
    return STATUS_SUCCESS;
}

static NTSTATUS TypeFacts(PVOID Object, PVOID Out, ULONG Length, ULONG *Needed)
{
    OBX_TYPE *Type = ObxTypeOf(Object);
    PPUBLIC_OBJECT_TYPE_INFORMATION Information = Out;
    USHORT Bytes = (USHORT)(strlen(Type->Label) * sizeof(WCHAR));

    *Needed = sizeof *Information + Bytes + sizeof(WCHAR);
    if (Length < *Needed)
        return STATUS_INFO_LENGTH_MISMATCH;
    memset(Information, 0, sizeof *Information);
    Information->TypeName = (UNICODE_STRING){Bytes, Bytes + sizeof(WCHAR), (PWCH)(Information + 1)};
    memcpy(Information->TypeName.Buffer, Type->WideName, Bytes + sizeof(WCHAR));
    return STATUS_SUCCESS;
}

/* The name's pointer must be the caller's, not that of the kernel copy. */
static void Relocate(OBJECT_INFORMATION_CLASS Class, PVOID Copy, PVOID User)
{
    PUNICODE_STRING Name = Copy; /* first in both structures */

    if (Class == ObjectBasicInformation || !Name->Buffer)
        return;
    Name->Buffer = (PWCH)((char *)User + ((char *)Name->Buffer - (char *)Copy));
}

/* Facts of an object by handle: counts and rights, name, type (nf-ntifs-ntqueryobject).
 * PASSIVE_LEVEL. STATUS_INFO_LENGTH_MISMATCH with *ReturnLength set. */
NTSTATUS NTAPI NtQueryObject(HANDLE Handle, OBJECT_INFORMATION_CLASS ObjectInformationClass,
                             PVOID ObjectInformation, ULONG ObjectInformationLength,
                             PULONG ReturnLength)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    OBJECT_HANDLE_INFORMATION Information;
    ULONG Needed = 0;
    PVOID Object, Copy;
    NTSTATUS Status;

    if ((ULONG)ObjectInformationClass > ObjectTypeInformation)
        return STATUS_INVALID_INFO_CLASS;
    Status = MmxProbePages(ObjectInformation, ObjectInformationLength, true, Mode);
    if (NT_SUCCESS(Status))
        Status = ObxReferenceHandle(Handle, 0, NULL, Mode, &Object, &Information);
    if (!NT_SUCCESS(Status))
        return Status;
    Copy = calloc(1, ObjectInformationLength + sizeof(OBJECT_NAME_INFORMATION));
    if (!Copy)
        Status = STATUS_INSUFFICIENT_RESOURCES;
    else if (ObjectInformationClass == ObjectBasicInformation)
        Status = BasicFacts(Object, &Information, Copy, ObjectInformationLength, &Needed);
    else if (ObjectInformationClass == ObjectTypeInformation)
        Status = TypeFacts(Object, Copy, ObjectInformationLength, &Needed);
    else
        Status = ObQueryNameString(Object, Copy, ObjectInformationLength, &Needed);
    if (NT_SUCCESS(Status)) {
        Relocate(ObjectInformationClass, Copy, ObjectInformation);
        Status = MmxCopyOut(ObjectInformation, Copy, Needed, 1, Mode);
    }
    if (ReturnLength && NT_SUCCESS(MmxProbePages(ReturnLength, sizeof(ULONG), true, Mode)))
        MmxCopyOut(ReturnLength, &Needed, sizeof Needed, 1, Mode);
    free(Copy);
    ObDereferenceObject(Object);
    return Status;
}

NTSTATUS NTAPI ZwQueryObject(HANDLE Handle, OBJECT_INFORMATION_CLASS ObjectInformationClass,
                             PVOID ObjectInformation, ULONG ObjectInformationLength,
                             PULONG ReturnLength)
{
    ZWP_AS_KERNEL(NtQueryObject(Handle, ObjectInformationClass, ObjectInformation,
                                ObjectInformationLength, ReturnLength));
}

/* ---- waits ----------------------------------------------------------------------------------- */

static NTSTATUS Waitable(HANDLE Handle, KPROCESSOR_MODE Mode, PVOID *Object, PVOID *Dispatcher)
{
    NTSTATUS Status = ObxReferenceHandle(Handle, SYNCHRONIZE, NULL, Mode, Object, NULL);

    if (!NT_SUCCESS(Status))
        return Status;
    if (ObxTypeOf(*Object)->DispatcherOffset == OBX_NOT_WAITABLE) {
        ObDereferenceObject(*Object);
        return STATUS_OBJECT_TYPE_MISMATCH;
    }
    *Dispatcher = (char *)*Object + ObxTypeOf(*Object)->DispatcherOffset;
    return STATUS_SUCCESS;
}

/* Waits for an object by handle (nf-ntifs-ntwaitforsingleobject is the documented
 * ZwWaitForSingleObject). The handle needs SYNCHRONIZE. PASSIVE_LEVEL. STATUS_TIMEOUT,
 * STATUS_USER_APC, STATUS_ALERTED. */
NTSTATUS NTAPI NtWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    LARGE_INTEGER Limit;
    PVOID Object, Dispatcher;
    NTSTATUS Status;

    if (Timeout) {
        Status = MmxCopyIn(&Limit, Timeout, sizeof Limit, TYPE_ALIGNMENT(LARGE_INTEGER), Mode);
        if (!NT_SUCCESS(Status))
            return Status;
    }
    Status = Waitable(Handle, Mode, &Object, &Dispatcher);
    if (!NT_SUCCESS(Status))
        return Status;
    Status =
        KeWaitForSingleObject(Dispatcher, UserRequest, Mode, Alertable, Timeout ? &Limit : NULL);
    ObDereferenceObject(Object);
    return Status;
}

NTSTATUS NTAPI ZwWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    ZWP_AS_KERNEL(NtWaitForSingleObject(Handle, Alertable, Timeout));
}

NTSTATUS NTAPI NtWaitForMultipleObjects(ULONG Count, HANDLE *Handles, WAIT_TYPE WaitType,
                                        BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    PVOID Objects[MAXIMUM_WAIT_OBJECTS], Dispatchers[MAXIMUM_WAIT_OBJECTS];
    HANDLE Copy[MAXIMUM_WAIT_OBJECTS];
    KWAIT_BLOCK Blocks[MAXIMUM_WAIT_OBJECTS];
    LARGE_INTEGER Limit;
    NTSTATUS Status;
    ULONG Held = 0;

    if (!Count || Count > MAXIMUM_WAIT_OBJECTS)
        return STATUS_INVALID_PARAMETER_1;
    if (WaitType != WaitAll && WaitType != WaitAny)
        return STATUS_INVALID_PARAMETER_3;
    Status = MmxCopyIn(Copy, Handles, Count * sizeof(HANDLE), TYPE_ALIGNMENT(HANDLE), Mode);
    if (NT_SUCCESS(Status) && Timeout)
        Status = MmxCopyIn(&Limit, Timeout, sizeof Limit, TYPE_ALIGNMENT(LARGE_INTEGER), Mode);
    while (NT_SUCCESS(Status) && Held < Count) {
        Status = Waitable(Copy[Held], Mode, &Objects[Held], &Dispatchers[Held]);
        Held += NT_SUCCESS(Status);
    }
    if (NT_SUCCESS(Status))
        Status = KeWaitForMultipleObjects(Count, Dispatchers, WaitType, UserRequest, Mode,
                                          Alertable, Timeout ? &Limit : NULL, Blocks);
    while (Held)
        ObDereferenceObject(Objects[--Held]);
    return Status;
}

NTSTATUS NTAPI ZwWaitForMultipleObjects(ULONG Count, HANDLE *Handles, WAIT_TYPE WaitType,
                                        BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    ZWP_AS_KERNEL(NtWaitForMultipleObjects(Count, Handles, WaitType, Alertable, Timeout));
}

/* ---- named objects: open, create ------------------------------------------------------------- */

/* Opens a named object of one type and stores the handle. */
static NTSTATUS OpenNamed(PHANDLE Handle, ACCESS_MASK Access, POBJECT_ATTRIBUTES Attributes,
                          OBX_TYPE *Type)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    HANDLE New;
    NTSTATUS Status;

    Status = MmxProbePages(Handle, sizeof(HANDLE), true, Mode);
    if (NT_SUCCESS(Status))
        Status = ObOpenObjectByName(Attributes, Type, Mode, NULL, Access, NULL, &New);
    if (NT_SUCCESS(Status))
        Status = MmxCopyOut(Handle, &New, sizeof New, 1, Mode);
    return Status;
}

NTSTATUS ZwpInsertNamed(PVOID Body, PHANDLE Handle, ACCESS_MASK Access,
                        const OBX_ATTRIBUTES *Attributes, KPROCESSOR_MODE Mode)
{
    OBX_TYPE *Type = ObxTypeOf(Body);
    PVOID Root = NULL, Existing;
    HANDLE New;
    NTSTATUS Status = STATUS_SUCCESS, Named = STATUS_SUCCESS;

    RtlMapGenericMask(&Access, &Type->Mapping);
    if (Access & MAXIMUM_ALLOWED)
        Access |= Type->ValidAccess;
    if (Attributes->Root)
        Status = ObxReferenceHandle(Attributes->Root, 0, NULL, Mode, &Root, NULL);
    if (NT_SUCCESS(Status) && Attributes->HasName && Attributes->Name.Length)
        Status = ObxInsertName(Body, Root, &Attributes->Name, Attributes->Attributes);
    if (Status == STATUS_OBJECT_NAME_COLLISION && (Attributes->Attributes & OBJ_OPENIF)) {
        OBX_OPEN Open = {
            .Root = Root, .Attributes = Attributes->Attributes, .Mode = Mode, .Type = Type};

        Status = ObxOpenName(&Open, &Attributes->Name, &Existing);
        if (NT_SUCCESS(Status)) {
            ObDereferenceObject(Body);
            Body = Existing;
            Named = STATUS_OBJECT_NAME_EXISTS;
        }
    }
    if (NT_SUCCESS(Status))
        Status =
            ObxInsertHandle(NULL, Body, Access & Type->ValidAccess, Attributes->Attributes, &New);
    if (NT_SUCCESS(Status))
        Status = MmxCopyOut(Handle, &New, sizeof New, 1, Mode);
    if (Root)
        ObDereferenceObject(Root);
    /* A permanent object keeps the creation's reference; any other lives by its handles. */
    if (!NT_SUCCESS(Status) || Named == STATUS_OBJECT_NAME_EXISTS ||
        !(Attributes->Attributes & OBJ_PERMANENT))
        ObDereferenceObject(Body);
    return NT_SUCCESS(Status) ? Named : Status;
}

NTSTATUS NTAPI NtOpenDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess,
                                     POBJECT_ATTRIBUTES ObjectAttributes)
{
    return OpenNamed(DirectoryHandle, DesiredAccess, ObjectAttributes, &ObxDirectoryType);
}

NTSTATUS NTAPI ZwOpenDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess,
                                     POBJECT_ATTRIBUTES ObjectAttributes)
{
    ZWP_AS_KERNEL(NtOpenDirectoryObject(DirectoryHandle, DesiredAccess, ObjectAttributes));
}

NTSTATUS NTAPI NtCreateDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess,
                                       POBJECT_ATTRIBUTES ObjectAttributes)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    OBX_ATTRIBUTES Attributes;
    PVOID Directory;
    NTSTATUS Status;

    Status = MmxProbePages(DirectoryHandle, sizeof(HANDLE), true, Mode);
    if (NT_SUCCESS(Status))
        Status = ObxCaptureAttributes(ObjectAttributes, Mode, &Attributes);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = ObxCreateDirectory(NULL, &Directory);
    if (NT_SUCCESS(Status))
        Status = ZwpInsertNamed(Directory, DirectoryHandle, DesiredAccess, &Attributes, Mode);
    ObxReleaseAttributes(&Attributes);
    return Status;
}

NTSTATUS NTAPI ZwCreateDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess,
                                       POBJECT_ATTRIBUTES ObjectAttributes)
{
    ZWP_AS_KERNEL(NtCreateDirectoryObject(DirectoryHandle, DesiredAccess, ObjectAttributes));
}

NTSTATUS NTAPI NtOpenSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK DesiredAccess,
                                        POBJECT_ATTRIBUTES ObjectAttributes)
{
    return OpenNamed(LinkHandle, DesiredAccess, ObjectAttributes, &ObxSymbolicLinkType);
}

NTSTATUS NTAPI ZwOpenSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK DesiredAccess,
                                        POBJECT_ATTRIBUTES ObjectAttributes)
{
    ZWP_AS_KERNEL(NtOpenSymbolicLinkObject(LinkHandle, DesiredAccess, ObjectAttributes));
}

NTSTATUS NTAPI NtCreateSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK DesiredAccess,
                                          POBJECT_ATTRIBUTES ObjectAttributes,
                                          PUNICODE_STRING LinkTarget)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    OBX_ATTRIBUTES Attributes;
    UNICODE_STRING Target;
    WCHAR *Buffer = NULL;
    PVOID Link;
    NTSTATUS Status;

    Status = MmxProbePages(LinkHandle, sizeof(HANDLE), true, Mode);
    if (NT_SUCCESS(Status))
        Status =
            MmxCopyIn(&Target, LinkTarget, sizeof Target, TYPE_ALIGNMENT(UNICODE_STRING), Mode);
    if (NT_SUCCESS(Status))
        Status = ObxCaptureAttributes(ObjectAttributes, Mode, &Attributes);
    if (!NT_SUCCESS(Status))
        return Status;
    if (!Target.Length || (Target.Length & 1))
        Status = STATUS_INVALID_PARAMETER;
    else if (!(Buffer = malloc(Target.Length)))
        Status = STATUS_INSUFFICIENT_RESOURCES;
    else
        Status = MmxCopyIn(Buffer, Target.Buffer, Target.Length, sizeof(WCHAR), Mode);
    Target.Buffer = Buffer;
    if (NT_SUCCESS(Status))
        Status = ObxCreateSymbolicLink(NULL, &Target, &Link);
    if (NT_SUCCESS(Status))
        Status = ZwpInsertNamed(Link, LinkHandle, DesiredAccess, &Attributes, Mode);
    free(Buffer);
    ObxReleaseAttributes(&Attributes);
    return Status;
}

NTSTATUS NTAPI ZwCreateSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK DesiredAccess,
                                          POBJECT_ATTRIBUTES ObjectAttributes,
                                          PUNICODE_STRING LinkTarget)
{
    ZWP_AS_KERNEL(
        NtCreateSymbolicLinkObject(LinkHandle, DesiredAccess, ObjectAttributes, LinkTarget));
}

/* Target of a link (nf-wdm-zwquerysymboliclinkobject). STATUS_BUFFER_TOO_SMALL with the needed
 * length, terminator counted. PASSIVE_LEVEL. */
NTSTATUS NTAPI NtQuerySymbolicLinkObject(HANDLE LinkHandle, PUNICODE_STRING LinkTarget,
                                         PULONG ReturnedLength)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    PCUNICODE_STRING Target;
    UNICODE_STRING Out;
    PVOID Link;
    ULONG Needed;
    NTSTATUS Status;

    Status = MmxCopyIn(&Out, LinkTarget, sizeof Out, TYPE_ALIGNMENT(UNICODE_STRING), Mode);
    if (NT_SUCCESS(Status))
        Status = ObxReferenceHandle(LinkHandle, SYMBOLIC_LINK_QUERY, &ObxSymbolicLinkType, Mode,
                                    &Link, NULL);
    if (!NT_SUCCESS(Status))
        return Status;
    Target = ObxSymbolicLinkTarget(Link);
    Needed = Target->Length + (ReturnedLength ? sizeof(WCHAR) : 0);
    if (Out.MaximumLength < Target->Length) {
        Status = STATUS_BUFFER_TOO_SMALL;
    } else {
        Status = MmxCopyOut(Out.Buffer, Target->Buffer, Target->Length, 1, Mode);
        Out.Length = Target->Length;
        if (NT_SUCCESS(Status))
            Status = MmxCopyOut(LinkTarget, &Out, sizeof Out, 1, Mode);
    }
    if (ReturnedLength)
        MmxCopyOut(ReturnedLength, &Needed, sizeof Needed, 1, Mode);
    ObDereferenceObject(Link);
    return Status;
}

NTSTATUS NTAPI ZwQuerySymbolicLinkObject(HANDLE LinkHandle, PUNICODE_STRING LinkTarget,
                                         PULONG ReturnedLength)
{
    ZWP_AS_KERNEL(NtQuerySymbolicLinkObject(LinkHandle, LinkTarget, ReturnedLength));
}

/* The object loses its name with its last handle (nf-wdm-zwmaketemporaryobject). */
NTSTATUS NTAPI NtMakeTemporaryObject(HANDLE Handle)
{
    PVOID Object;
    NTSTATUS Status = ObxReferenceHandle(Handle, DELETE, NULL, ExGetPreviousMode(), &Object, NULL);

    if (!NT_SUCCESS(Status))
        return Status;
    if (OBX_HEADER_OF(Object)->Flags & OBX_PERMANENT) {
        ObMakeTemporaryObject(Object);
        ObDereferenceObject(Object);
    }
    ObDereferenceObject(Object);
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI ZwMakeTemporaryObject(HANDLE Handle)
{
    ZWP_AS_KERNEL(NtMakeTemporaryObject(Handle));
}
