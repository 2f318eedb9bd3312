/* SPDX-License-Identifier: MIT */
/* What an open brings along: the access state and the captured OBJECT_ATTRIBUTES. */
#include "ob/ob.h"
#include "mm/mm.h"

#include <stdlib.h>
#include <string.h>

/* Names one open among all of this machine's, for audits that tie its steps together. */
static LUID NextOperation(void)
{
    static ULONGLONG Last;
    ULONGLONG Id = __atomic_add_fetch(&Last, 1, __ATOMIC_RELAXED);

    return (LUID){(ULONG)Id, (LONG)(Id >> 32)};
}

void ObxBeginAccess(OBX_ACCESS *Access, ACCESS_MASK Desired, const GENERIC_MAPPING *Mapping)
{
    PACCESS_STATE State = &Access->State;

    memset(Access, 0, sizeof *Access);
    RtlMapGenericMask(&Desired, (PGENERIC_MAPPING)Mapping);
    State->OperationID = NextOperation();
    SeCaptureSubjectContext(&State->SubjectSecurityContext);
    State->OriginalDesiredAccess = Desired;
    State->RemainingDesiredAccess = Desired;
    State->AuxData = Access->Aux;
}

void ObxEndAccess(OBX_ACCESS *Access)
{
    SeDeleteAccessState(&Access->State);
}

ACCESS_MASK ObxGrantedAccess(const ACCESS_STATE *State, const OBX_TYPE *Type, KPROCESSOR_MODE Mode)
{
    ACCESS_MASK Wanted = State->RemainingDesiredAccess | State->PreviouslyGrantedAccess;

    UNREFERENCED_PARAMETER(Mode);
    /* Nobody below narrowed it down: everything the type has is what may be given at most. */
    if (Wanted & MAXIMUM_ALLOWED)
        Wanted |= Type->ValidAccess;
    return Wanted & (Type->ValidAccess | ACCESS_SYSTEM_SECURITY);
}

/* Copies the name of a UserMode caller; Source is already in kernel memory. */
static NTSTATUS CaptureName(PUNICODE_STRING Source, KPROCESSOR_MODE Mode, OBX_ATTRIBUTES *Out)
{
    UNICODE_STRING Name;
    NTSTATUS Status;

    Status = MmxCopyIn(&Name, Source, sizeof Name, TYPE_ALIGNMENT(UNICODE_STRING), Mode);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Name.Length & 1)
        return STATUS_OBJECT_NAME_INVALID;
    Out->HasName = true;
    if (!Name.Length)
        return STATUS_SUCCESS;
    Out->Buffer = malloc(Name.Length);
    if (!Out->Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = MmxCopyIn(Out->Buffer, Name.Buffer, Name.Length, sizeof(WCHAR), Mode);
    Out->Name = (UNICODE_STRING){Name.Length, Name.Length, Out->Buffer};
    return Status;
}

NTSTATUS ObxCaptureAttributes(POBJECT_ATTRIBUTES Source, KPROCESSOR_MODE Mode, OBX_ATTRIBUTES *Out)
{
    OBJECT_ATTRIBUTES Copy;
    NTSTATUS Status;

    memset(Out, 0, sizeof *Out);
    if (!Source)
        return STATUS_INVALID_PARAMETER;
    Status = MmxCopyIn(&Copy, Source, sizeof Copy, TYPE_ALIGNMENT(OBJECT_ATTRIBUTES), Mode);
    if (!NT_SUCCESS(Status))
        return Status;
    if (Copy.Length != sizeof Copy || (Copy.Attributes & ~OBJ_VALID_ATTRIBUTES))
        return STATUS_INVALID_PARAMETER;
    Out->Root = Copy.RootDirectory;
    Out->Attributes = Copy.Attributes;
    Out->SecurityDescriptor = Copy.SecurityDescriptor;
    /* Only the kernel may ask for a handle in the kernel's table. */
    if (Mode != KernelMode)
        Out->Attributes &= ~(ULONG)OBJ_KERNEL_HANDLE;
    if (Copy.ObjectName)
        Status = CaptureName(Copy.ObjectName, Mode, Out);
    if (!NT_SUCCESS(Status))
        ObxReleaseAttributes(Out);
    return Status;
}

void ObxReleaseAttributes(OBX_ATTRIBUTES *Attributes)
{
    free(Attributes->Buffer);
    Attributes->Buffer = NULL;
}
