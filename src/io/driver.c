/* SPDX-License-Identifier: MIT */
/* Driver objects. */
#include "io/iop.h"

#include <stdio.h>

/* The object's body: the documented structure and extension, and what only the I/O manager knows.
 */
typedef struct _DRIVER {
    DRIVER_OBJECT Object;
    DRIVER_EXTENSION Extension;
    UNICODE_STRING RegistryPath;
    WCHAR *NameBuffer, *PathBuffer, *ServiceBuffer;
    struct _CLIENT_EXTENSION *Extensions;
    char Label[48];
} DRIVER;

/* IoAllocateDriverObjectExtension: memory of a driver found again by its id; freed with the driver.
 */
typedef struct _CLIENT_EXTENSION {
    struct _CLIENT_EXTENSION *Next;
    PVOID Id;
    char Data[] __attribute__((aligned(16)));
} CLIENT_EXTENSION;

static void DeleteDriver(PVOID Body)
{
    DRIVER *Driver = Body;

    while (Driver->Extensions) {
        CLIENT_EXTENSION *Next = Driver->Extensions->Next;
        free(Driver->Extensions);
        Driver->Extensions = Next;
    }
    free(Driver->NameBuffer);
    free(Driver->PathBuffer);
    free(Driver->ServiceBuffer);
}

OBX_TYPE IoxDriverType = {
    .Label = "Driver",
    .Mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS},
    .ValidAccess = FILE_ALL_ACCESS,
    .DispatcherOffset = OBX_NOT_WAITABLE,
    .Delete = DeleteDriver,
};

/* What every major function does until the driver says otherwise. */
static NTSTATUS NTAPI InvalidRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    Irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    Irp->IoStatus.Information = 0;
    IofCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_INVALID_DEVICE_REQUEST;
}

static WCHAR *CopyString(PUNICODE_STRING To, PCUNICODE_STRING From)
{
    WCHAR *Buffer = malloc(From->Length + sizeof(WCHAR));

    if (!Buffer)
        return NULL;
    memcpy(Buffer, From->Buffer, From->Length);
    Buffer[From->Length / sizeof(WCHAR)] = 0;
    *To = (UNICODE_STRING){From->Length, From->Length + sizeof(WCHAR), Buffer};
    return Buffer;
}

static UNICODE_STRING LastPart(PCUNICODE_STRING Path)
{
    USHORT Chars = Path->Length / sizeof(WCHAR), At = Chars;

    while (At && Path->Buffer[At - 1] != L'\\')
        At--;
    return (UNICODE_STRING){(Chars - At) * sizeof(WCHAR), (Chars - At) * sizeof(WCHAR),
                            Path->Buffer + At};
}

static void SetLabel(DRIVER *Driver, PCUNICODE_STRING Name)
{
    UNICODE_STRING Last = LastPart(Name);
    size_t i;

    for (i = 0; i < Last.Length / sizeof(WCHAR) && i < sizeof Driver->Label - 1; i++)
        Driver->Label[i] = Last.Buffer[i] < 128 ? (char)Last.Buffer[i] : '?';
    Driver->Label[i] = 0;
}

static NTSTATUS FillDriver(DRIVER *Driver, PCUNICODE_STRING Name, PCUNICODE_STRING RegistryPath,
                           PDRIVER_INITIALIZE Init)
{
    PDRIVER_OBJECT Object = &Driver->Object;
    UNICODE_STRING Service;

    Object->Type = IO_TYPE_DRIVER;
    Object->Size = sizeof *Object;
    Object->Flags = RegistryPath ? 0 : DRVO_BUILTIN_DRIVER;
    Object->DriverExtension = &Driver->Extension;
    Object->DriverInit = Init;
    Driver->Extension.DriverObject = Object;
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        Object->MajorFunction[i] = InvalidRequest;
    SetLabel(Driver, Name);
    Driver->NameBuffer = CopyString(&Object->DriverName, Name);
    if (!Driver->NameBuffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!RegistryPath)
        return STATUS_SUCCESS;
    Service = LastPart(RegistryPath);
    Driver->PathBuffer = CopyString(&Driver->RegistryPath, RegistryPath);
    Driver->ServiceBuffer = CopyString(&Driver->Extension.ServiceKeyName, &Service);
    return Driver->PathBuffer && Driver->ServiceBuffer ? STATUS_SUCCESS
                                                       : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS IoxCreateDriverFor(PCUNICODE_STRING Name, PCUNICODE_STRING RegistryPath,
                            PDRIVER_INITIALIZE Init, PDRIVER_OBJECT *Driver)
{
    DRIVER *New;
    NTSTATUS Status;

    *Driver = NULL;
    Status =
        ObxCreateObject(&IoxDriverType, sizeof *New, __builtin_return_address(0), (PVOID *)&New);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = FillDriver(New, Name, RegistryPath, Init);
    if (NT_SUCCESS(Status))
        Status = ObxInsertName(New, NULL, Name, OBJ_PERMANENT);
    if (NT_SUCCESS(Status) && Init) {
        Status = Init(&New->Object, &New->RegistryPath);
        if (NT_SUCCESS(Status))
            New->Object.Flags |= DRVO_INITIALIZED;
    }
    if (!NT_SUCCESS(Status)) {
        ObxRemoveName(New);
        ObDereferenceObject(New);
        return Status;
    }
    *Driver = &New->Object;
    return Status;
}

NTSTATUS IoxCreateDriver(PCUNICODE_STRING Name, PDRIVER_INITIALIZE Init, PDRIVER_OBJECT *Driver)
{
    return IoxCreateDriverFor(Name, NULL, Init, Driver);
}

void IoxDeleteDriver(PDRIVER_OBJECT Driver)
{
    ObMakeTemporaryObject(Driver);
    ObxRemoveName(Driver);
    ObDereferenceObject(Driver);
}

PCUNICODE_STRING IoxDriverRegistryPath(PDRIVER_OBJECT Driver)
{
    return &CONTAINING_RECORD(Driver, DRIVER, Object)->RegistryPath;
}

const char *IoxDriverLabel(PDRIVER_OBJECT Driver)
{
    return CONTAINING_RECORD(Driver, DRIVER, Object)->Label;
}

/*
 * Makes a driver object for code that has none of its own image and runs its initialisation. A NULL
 * name gets one chosen by address. Exported without documentation. PASSIVE_LEVEL.
 */
NTSTATUS NTAPI IoCreateDriver(PUNICODE_STRING DriverName, PDRIVER_INITIALIZE InitializationFunction)
{
    UNICODE_STRING Name;
    WCHAR Buffer[48];
    char Text[48];
    PDRIVER_OBJECT Driver;

    if (DriverName)
        return IoxCreateDriver(DriverName, InitializationFunction, &Driver);
    snprintf(Text, sizeof Text, "\\Driver\\%p", (void *)InitializationFunction);
    for (size_t i = 0; i < sizeof Text; i++)
        Buffer[i] = (UCHAR)Text[i];
    RtlInitUnicodeString(&Name, Buffer);
    return IoxCreateDriver(&Name, InitializationFunction, &Driver);
}

VOID NTAPI IoDeleteDriver(PDRIVER_OBJECT DriverObject)
{
    IoxDeleteDriver(DriverObject);
}

/*
 * Memory of Size bytes that IoGetDriverObjectExtension finds by ClientIdentificationAddress;
 * zeroed, freed with the driver (nf-wdm-ioallocatedriverobjectextension).
 * STATUS_OBJECT_NAME_COLLISION, STATUS_INSUFFICIENT_RESOURCES.
 */
NTSTATUS NTAPI IoAllocateDriverObjectExtension(PDRIVER_OBJECT DriverObject,
                                               PVOID ClientIdentificationAddress,
                                               ULONG DriverObjectExtensionSize,
                                               PVOID *DriverObjectExtension)
{
    DRIVER *Driver = CONTAINING_RECORD(DriverObject, DRIVER, Object);
    CLIENT_EXTENSION *New = calloc(1, sizeof *New + DriverObjectExtensionSize);
    NTSTATUS Status = STATUS_SUCCESS;

    *DriverObjectExtension = NULL;
    if (!New)
        return STATUS_INSUFFICIENT_RESOURCES;
    New->Id = ClientIdentificationAddress;
    KexLockAcquire(&IopDatabaseLock);
    for (CLIENT_EXTENSION *Old = Driver->Extensions; Old; Old = Old->Next)
        if (Old->Id == ClientIdentificationAddress)
            Status = STATUS_OBJECT_NAME_COLLISION;
    if (NT_SUCCESS(Status)) {
        New->Next = Driver->Extensions;
        Driver->Extensions = New;
    }
    KexLockRelease(&IopDatabaseLock);
    if (!NT_SUCCESS(Status)) {
        free(New);
        return Status;
    }
    *DriverObjectExtension = New->Data;
    return STATUS_SUCCESS;
}

/* The extension of that id, or NULL (nf-wdm-iogetdriverobjectextension). */
PVOID NTAPI IoGetDriverObjectExtension(PDRIVER_OBJECT DriverObject,
                                       PVOID ClientIdentificationAddress)
{
    DRIVER *Driver = CONTAINING_RECORD(DriverObject, DRIVER, Object);
    CLIENT_EXTENSION *Found;

    KexLockAcquire(&IopDatabaseLock);
    for (Found = Driver->Extensions; Found && Found->Id != ClientIdentificationAddress;
         Found = Found->Next)
        ;
    KexLockRelease(&IopDatabaseLock);
    return Found ? Found->Data : NULL;
}
