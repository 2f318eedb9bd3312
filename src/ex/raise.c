/* SPDX-License-Identifier: MIT */
/* Raising exceptions, times of the zone, UUIDs, facts about the machine. */
#include "ex/exi.h"

#include <string.h>
#include <time.h>

/* Raises Status; the driver's handlers see it as any exception. PASSIVE_LEVEL
 * (nf-ntddk-exraisestatus). */
DECLSPEC_NORETURN VOID NTAPI ExRaiseStatus(NTSTATUS Status)
{
    if (KeGetCurrentIrql() > APC_LEVEL)
        KexFinding("IRQL-055", "verifier", __builtin_return_address(0),
                   "ExRaiseStatus was called at IRQL %u", KeGetCurrentIrql());
    KexRaise(Status, 0, NULL, __builtin_return_address(0));
}

DECLSPEC_NORETURN VOID NTAPI ExRaiseAccessViolation(VOID)
{
    KexRaise(STATUS_ACCESS_VIOLATION, 0, NULL, __builtin_return_address(0));
}

DECLSPEC_NORETURN VOID NTAPI ExRaiseDatatypeMisalignment(VOID)
{
    KexRaise(STATUS_DATATYPE_MISALIGNMENT, 0, NULL, __builtin_return_address(0));
}

/* ---- local time ------------------------------------------------------------------------------ */

/* Seconds east of UTC now, in the host's zone: as Windows, the zone's present bias counts for every
 * time. */
static LONGLONG BiasSeconds(void)
{
    time_t Now = (time_t)(KexSystemTime() / 10000000 - 11644473600ll);
    struct tm Local;

    return localtime_r(&Now, &Local) ? Local.tm_gmtoff : 0;
}

VOID NTAPI ExSystemTimeToLocalTime(PLARGE_INTEGER SystemTime, PLARGE_INTEGER LocalTime)
{
    LocalTime->QuadPart = SystemTime->QuadPart + BiasSeconds() * 10000000;
}

VOID NTAPI ExLocalTimeToSystemTime(PLARGE_INTEGER LocalTime, PLARGE_INTEGER SystemTime)
{
    SystemTime->QuadPart = LocalTime->QuadPart - BiasSeconds() * 10000000;
}

/* The timer resolution is what it is; the current one in 100 ns is returned
 * (nf-wdm-exsettimerresolution). */
ULONG NTAPI ExSetTimerResolution(ULONG DesiredTime, BOOLEAN SetResolution)
{
    (void)DesiredTime;
    (void)SetResolution;
    return KeQueryTimeIncrement();
}

/* ---- UUIDs ----------------------------------------------------------------------------------- */

/* A random (version 4) UUID; STATUS_SUCCESS (nf-ntddk-exuuidcreate). */
NTSTATUS NTAPI ExUuidCreate(UUID *Uuid)
{
    unsigned char Bytes[16];

    host_random(Bytes, sizeof Bytes);
    Bytes[7] = (Bytes[7] & 0x0f) | 0x40;            /* version, in the high half of Data3 */
    Bytes[8] = (Bytes[8] & 0x3f) | 0x80;
    memcpy(Uuid, Bytes, sizeof Bytes);
    return STATUS_SUCCESS;
}

/* ---- the machine ----------------------------------------------------------------------------- */

/* As the shared page says (nf-wdm-exisprocessorfeaturepresent). */
BOOLEAN NTAPI ExIsProcessorFeaturePresent(ULONG ProcessorFeature)
{
    const unsigned char *Page = KexSharedUserData();

    return ProcessorFeature < 64 && Page && Page[0x274 + ProcessorFeature];
}

/* A plain workstation: no product suite (nf-ntddk-exverifysuite). */
BOOLEAN NTAPI ExVerifySuite(SUITE_TYPE SuiteType)
{
    (void)SuiteType;
    return FALSE;
}

ULONG NTAPI ExIsSoftBoot(VOID)
{
    return FALSE;
}

/* The machine has no firmware variables (nf-wdm-exgetfirmwareenvironmentvariable). */
NTSTATUS NTAPI ExGetFirmwareEnvironmentVariable(PUNICODE_STRING VariableName, GUID *VendorGuid,
                                                PVOID Value, PULONG ValueLength, PULONG Attributes)
{
    (void)VariableName;
    (void)VendorGuid;
    (void)Value;
    (void)ValueLength;
    (void)Attributes;
    return STATUS_NOT_IMPLEMENTED;
}

NTSTATUS NTAPI ExSetFirmwareEnvironmentVariable(PUNICODE_STRING VariableName, GUID *VendorGuid,
                                                PVOID Value, ULONG ValueLength, ULONG Attributes)
{
    (void)VariableName;
    (void)VendorGuid;
    (void)Value;
    (void)ValueLength;
    (void)Attributes;
    return STATUS_NOT_IMPLEMENTED;
}
