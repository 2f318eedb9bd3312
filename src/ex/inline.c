/* SPDX-License-Identifier: MIT */
/*
 * Older names of resource routines, which the headers have as macros: images built with other
 * headers import them. The symbol name is given apart, since the C name is taken.
 */
#include "ex/exi.h"

NTSTATUS NTAPI ExxExportInitializeResource(PERESOURCE Resource) __asm__("ExInitializeResource");
NTSTATUS NTAPI ExxExportInitializeResource(PERESOURCE Resource)
{
    return ExInitializeResourceLite(Resource);
}

BOOLEAN NTAPI ExxExportIsExclusive(PERESOURCE Resource) __asm__("ExIsResourceAcquiredExclusive");
BOOLEAN NTAPI ExxExportIsExclusive(PERESOURCE Resource)
{
    return ExIsResourceAcquiredExclusiveLite(Resource);
}

ULONG NTAPI ExxExportIsShared(PERESOURCE Resource) __asm__("ExIsResourceAcquiredShared");
ULONG NTAPI ExxExportIsShared(PERESOURCE Resource)
{
    return ExIsResourceAcquiredSharedLite(Resource);
}

VOID NTAPI ExxExportReleaseForThread(PERESOURCE Resource, ERESOURCE_THREAD Owner) __asm__(
    "ExReleaseResourceForThread");
VOID NTAPI ExxExportReleaseForThread(PERESOURCE Resource, ERESOURCE_THREAD Owner)
{
    ExReleaseResourceForThreadLite(Resource, Owner);
}
