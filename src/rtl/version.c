/* SPDX-License-Identifier: MIT */
/* What Windows says of its version: everything answers for the machine's build. */
#include "ke/ke.h"
#include "rtl/rtl.h"

#include <string.h>

static void VersionOfBuild(ULONG Build, ULONG *Major, ULONG *Minor)
{
    static const struct {
        ULONG From, Major, Minor;
    } Versions[] = {{10240, 10, 0}, {9600, 6, 3}, {9200, 6, 2}, {7600, 6, 1},
                    {6000, 6, 0},   {3790, 5, 2}, {0, 5, 1}};
    const ULONG *At = NULL;

    for (size_t i = 0; !At; i++)
        if (Build >= Versions[i].From)
            At = &Versions[i].Major;
    *Major = At[0];
    *Minor = At[1];
}

/*
 * RtlGetVersion: fills the short or the long form by dwOSVersionInfoSize; always STATUS_SUCCESS.
 * IRQL PASSIVE_LEVEL. nf-wdm-rtlgetversion
 */
NTSTATUS NTAPI RtlGetVersion(PRTL_OSVERSIONINFOW VersionInformation)
{
    PRTL_OSVERSIONINFOEXW Long = (PRTL_OSVERSIONINFOEXW)VersionInformation;

    VersionOfBuild(KexBuild, &VersionInformation->dwMajorVersion,
                   &VersionInformation->dwMinorVersion);
    VersionInformation->dwBuildNumber = KexBuild;
    VersionInformation->dwPlatformId = 2; /* VER_PLATFORM_WIN32_NT */
    VersionInformation->szCSDVersion[0] = 0;
    if (VersionInformation->dwOSVersionInfoSize == sizeof(*Long)) {
        Long->wServicePackMajor = Long->wServicePackMinor = 0;
        Long->wSuiteMask = 0x100; /* VER_SUITE_SINGLEUSERTS */
        Long->wProductType = 1;   /* VER_NT_WORKSTATION */
        Long->wReserved = 0;
    }
    return STATUS_SUCCESS;
}
