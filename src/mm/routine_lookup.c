/* SPDX-License-Identifier: MIT */
/* routine_lookup.c - finding an exported routine of the kernel or hal by name. */
#include "ke/ke.h"
#include "api/api.h"

/* Longer than any exported name; what does not fit cannot be one. */
#define NAME_LIMIT 128

/* FALSE when the name cannot be an exported one: export names are ASCII. */
static BOOLEAN ExportName(PCUNICODE_STRING Wide, char Name[NAME_LIMIT])
{
    USHORT Count = Wide->Length / sizeof(WCHAR);

    if (!Count || Count >= NAME_LIMIT)
        return FALSE;
    for (USHORT i = 0; i < Count; i++) {
        if (!Wide->Buffer[i] || Wide->Buffer[i] > 0x7e)
            return FALSE;
        Name[i] = (char)Wide->Buffer[i];
    }
    Name[Count] = 0;
    return TRUE;
}

/*
 * Returns the address of a routine or variable which the kernel or hal of this machine's build
 * exports, else NULL. The address is the one an import of the same name is bound to.
 *
 * IRQL: PASSIVE_LEVEL. SystemRoutineName stays the caller's. Names are matched exactly. Routines of
 * other drivers, the filter manager's among them, are never found
 * (nf-wdm-mmgetsystemroutineaddress). A routine without a body is found all the same: Windows has
 * it, and the caller's choice must not depend on what openflt lacks.
 */
PVOID NTAPI MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName)
{
    char Name[NAME_LIMIT];
    PVOID Address;

    if (KeGetCurrentIrql() > PASSIVE_LEVEL)
        KexFinding("G-12", "verifier", __builtin_return_address(0),
                   "MmGetSystemRoutineAddress was called at IRQL %u; it is for PASSIVE_LEVEL",
                   KeGetCurrentIrql());
    if (!ExportName(SystemRoutineName, Name))
        return NULL;
    Address = api_find_address("ntoskrnl.exe", Name);
    return Address ? Address : api_find_address("hal.dll", Name);
}
