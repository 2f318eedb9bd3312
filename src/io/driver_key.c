/* SPDX-License-Identifier: MIT */
/* The registry keys of a driver that IoOpenDriverRegistryKey hands out. */
#include "iop.h"

#include <string.h>

/*
 * Opens a key of the driver's own: its Parameters, or the place of its persistent state. The key is
 * made when it is missing. Flags is 0. The caller closes the handle. STATUS_INVALID_PARAMETER.
 * PASSIVE_LEVEL. nf-wdm-ioopendriverregistrykey
 */
NTSTATUS NTAPI IoOpenDriverRegistryKey(PDRIVER_OBJECT DriverObject, DRIVER_REGKEY_TYPE RegKeyType,
                                       ACCESS_MASK DesiredAccess, ULONG Flags, PHANDLE DriverRegKey)
{
    static const PCWSTR Names[] = {L"\\Parameters", L"\\State", L"\\SharedState"};
    UNICODE_STRING Path = {0}, Part;
    PUNICODE_STRING Service;
    OBJECT_ATTRIBUTES a;
    NTSTATUS Status;

    if (Flags || (ULONG)RegKeyType >= sizeof Names / sizeof Names[0] ||
        !DriverObject->DriverExtension)
        return STATUS_INVALID_PARAMETER;
    Service = &DriverObject->DriverExtension->ServiceKeyName;
    if (!Service->Length)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    RtlInitUnicodeString(&Part, L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\");
    Path.MaximumLength = (USHORT)(Part.Length + Service->Length + 32);
    Path.Buffer = ExAllocatePoolWithTag(PagedPool, Path.MaximumLength, 'kDoI');
    if (!Path.Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlAppendUnicodeStringToString(&Path, &Part);
    RtlAppendUnicodeStringToString(&Path, Service);
    RtlInitUnicodeString(&Part, Names[RegKeyType]);
    RtlAppendUnicodeStringToString(&Path, &Part);
    InitializeObjectAttributes(&a, &Path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    Status = ZwCreateKey(DriverRegKey, DesiredAccess, &a, 0, NULL, REG_OPTION_NON_VOLATILE, NULL);
    ExFreePoolWithTag(Path.Buffer, 'kDoI');
    return Status;
}
