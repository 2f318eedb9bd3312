/* SPDX-License-Identifier: MIT */
/*
 * Policies: where public sources disagree, or a limit is a matter of taste, the choice has a name
 * and a default, and tests run under every value. This file is the list.
 */
#include "ke/ke.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const KEX_POLICY Table[] = {
    {"explicit_offset_updates_position", "false|true", "false",
     "whether a filter's read or write at an explicit offset moves the file pointer: older page "
     "no, newer page yes"},
    {"flushbuffers2_first_build", "19041|18362", "19041",
     "first build with FltFlushBuffers2: export lists say 19041, the reference page names 18362"},
    {"purge_blocked", "success_kept|purge_failed|user_mapped", "success_kept",
     "what a flush-and-purge reports when mapped pages keep the cache from being purged"},
    {"spin_limit", "number", "60", "seconds a thread may spin for one spin lock; 0: no limit"},
};
#define COUNT (sizeof Table / sizeof *Table)

static char Values[COUNT][64];

static int Find(const char *Name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (!strcmp(Table[i].Name, Name))
            return (int)i;
    return -1;
}

const char *KexPolicy(const char *Name)
{
    int At = Find(Name);

    assert(At >= 0);
    return Values[At][0] ? Values[At] : Table[At].Default;
}

LONGLONG KexPolicyNumber(const char *Name)
{
    return strtoll(KexPolicy(Name), NULL, 0);
}

static int Allowed(const char *List, const char *Value)
{
    size_t Length = strlen(Value);
    char *End;

    if (!Length || Length >= sizeof Values[0])
        return 0;
    if (!strcmp(List, "number")) {
        strtoll(Value, &End, 0);
        return !*End;
    }
    for (const char *At = List; At; At = strchr(At, '|'), At = At ? At + 1 : NULL)
        if (!strncmp(At, Value, Length) && (At[Length] == '|' || !At[Length]))
            return 1;
    return 0;
}

int KexPolicySet(const char *Name, const char *Value)
{
    int At = Find(Name);

    if (At < 0)
        return -1;
    if (!Allowed(Table[At].Values, Value))
        return -2;
    strcpy(Values[At], Value);
    return 0;
}

const KEX_POLICY *KexPolicies(size_t *Count)
{
    *Count = COUNT;
    return Table;
}
