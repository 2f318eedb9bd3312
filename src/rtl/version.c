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

/* Conditions of VerSetConditionMask, three bits a type, from VER_MINORVERSION up. */
enum { EQUAL = 1, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL, ALL_BITS, ANY_BIT };
enum { MINOR, MAJOR, BUILD, PLATFORM, PACK_MINOR, PACK_MAJOR, SUITE, PRODUCT, TYPES };

static ULONG ConditionOf(ULONGLONG Mask, int Type)
{
    return (ULONG)(Mask >> (Type * 3)) & 7;
}

static bool Holds(ULONG Condition, LONGLONG Have, LONGLONG Want)
{
    switch (Condition) {
    case EQUAL:
        return Have == Want;
    case GREATER:
        return Have > Want;
    case GREATER_EQUAL:
        return Have >= Want;
    case LESS:
        return Have < Want;
    case LESS_EQUAL:
        return Have <= Want;
    case ALL_BITS:
        return (Have & Want) == Want;
    case ANY_BIT:
        return !Want || (Have & Want);
    default:
        return false;
    }
}

ULONGLONG NTAPI VerSetConditionMask(ULONGLONG ConditionMask, ULONG TypeMask, UCHAR Condition)
{
    for (int Type = 0; Type < TYPES; Type++)
        if (TypeMask >> Type & 1)
            ConditionMask |= (ULONGLONG)(Condition & 7) << (Type * 3);
    return ConditionMask;
}

/*
 * Holds the running version against VersionInfo. Major, minor and service pack are one number of
 * four places, compared under the condition of the highest place asked for; everything else is
 * judged by itself. STATUS_REVISION_MISMATCH when a condition fails, STATUS_INVALID_PARAMETER
 * without types or without a condition for one. nf-wdm-rtlverifyversioninfo
 */
NTSTATUS NTAPI RtlVerifyVersionInfo(PRTL_OSVERSIONINFOEXW VersionInfo, ULONG TypeMask,
                                    ULONGLONG ConditionMask)
{
    static const int Order[] = {MAJOR, MINOR, PACK_MAJOR, PACK_MINOR};
    RTL_OSVERSIONINFOEXW Now = {.dwOSVersionInfoSize = sizeof Now};
    LONGLONG Have[TYPES], Want[TYPES], PlaceHave = 0, PlaceWant = 0;
    ULONG Condition = 0;

    RtlGetVersion((PRTL_OSVERSIONINFOW)&Now);
#define BOTH(type, field) (Have[type] = Now.field, Want[type] = VersionInfo->field)
    BOTH(MINOR, dwMinorVersion), BOTH(MAJOR, dwMajorVersion), BOTH(BUILD, dwBuildNumber);
    BOTH(PLATFORM, dwPlatformId), BOTH(PACK_MINOR, wServicePackMinor),
        BOTH(PACK_MAJOR, wServicePackMajor);
    BOTH(SUITE, wSuiteMask), BOTH(PRODUCT, wProductType);
#undef BOTH
    if (!(TypeMask & 0xff))
        return STATUS_INVALID_PARAMETER;
    for (int Type = 0; Type < TYPES; Type++)
        if ((TypeMask >> Type & 1) && !ConditionOf(ConditionMask, Type))
            return STATUS_INVALID_PARAMETER;
    for (int i = 0; i < 4; i++) {
        if (!(TypeMask >> Order[i] & 1))
            continue;
        Condition = Condition ? Condition : ConditionOf(ConditionMask, Order[i]);
        PlaceHave |= (Have[Order[i]] & 0xffff) << (48 - 16 * i);
        PlaceWant |= (Want[Order[i]] & 0xffff) << (48 - 16 * i);
    }
    if (Condition && !Holds(Condition, PlaceHave, PlaceWant))
        return STATUS_REVISION_MISMATCH;
    for (int Type = 0; Type < TYPES; Type++)
        if ((TypeMask >> Type & 1) && (Type == BUILD || Type == PLATFORM || Type >= SUITE) &&
            !Holds(ConditionOf(ConditionMask, Type), Have[Type], Want[Type]))
            return STATUS_REVISION_MISMATCH;
    return STATUS_SUCCESS;
}
