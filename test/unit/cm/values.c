/* SPDX-License-Identifier: MIT */
/* RtlQueryRegistryValues and the routines beside it. */
#include "../se/se_test.h"

#define PATH L"\\Registry\\Machine\\Software\\vals"

struct call {
    char name[32], text[64];
    ULONG type, length;
};
static struct call calls[16];
static int count;
static NTSTATUS answer = STATUS_SUCCESS;

static NTSTATUS NTAPI routine(PWSTR name, ULONG type, PVOID data, ULONG length, PVOID context,
                              PVOID entry)
{
    struct call *c = &calls[count++ % 16];

    CHECK(context == (PVOID)0x77);
    memset(c, 0, sizeof *c);
    for (int i = 0; name && name[i]; i++)
        c->name[i] = (char)name[i];
    c->type = type;
    c->length = length;
    if (type == REG_SZ || type == REG_EXPAND_SZ)
        for (unsigned i = 0; i < length / 2; i++)
            c->text[i] = (char)((WCHAR *)data)[i];
    (void)entry;
    return answer;
}

static void put(PCWSTR name, ULONG type, const void *data, ULONG length)
{
    CHECK_EQ(RtlWriteRegistryValue(RTL_REGISTRY_ABSOLUTE, PATH, name, type, (PVOID)data, length),
             STATUS_SUCCESS);
}

static void fill(void)
{
    ULONG number = 42;
    ULONGLONG wide = 0x1122334455667788ull;

    CHECK_EQ(RtlCheckRegistryKey(RTL_REGISTRY_ABSOLUTE, PATH), STATUS_OBJECT_NAME_NOT_FOUND);
    put(L"n", REG_DWORD, &number, 4);
    CHECK_EQ(RtlCheckRegistryKey(RTL_REGISTRY_ABSOLUTE, PATH), STATUS_SUCCESS);
    put(L"s", REG_SZ, L"text", 10);
    put(L"e", REG_EXPAND_SZ, L"%SYSTEMROOT%\\x%no%", 38);
    put(L"m", REG_MULTI_SZ, L"one\0two\0", 18);
    put(L"q", REG_QWORD, &wide, 8);
}

static NTSTATUS query(RTL_QUERY_REGISTRY_TABLE *one)
{
    RTL_QUERY_REGISTRY_TABLE table[2] = {*one};

    return RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, PATH, table, (PVOID)0x77, NULL);
}

static NTSTATUS direct(PWSTR name, ULONG flags, void *to, ULONG type)
{
    RTL_QUERY_REGISTRY_TABLE e = {.Flags = RTL_QUERY_REGISTRY_DIRECT | flags,
                                  .Name = name,
                                  .EntryContext = to,
                                  .DefaultType = type};

    return query(&e);
}

TEST(routines, "cm.RtlQueryRegistryValues.routine_and_expansion")
{
    RTL_QUERY_REGISTRY_TABLE all = {.QueryRoutine = routine};
    RTL_QUERY_REGISTRY_TABLE raw = {
        .QueryRoutine = routine, .Name = L"m", .Flags = RTL_QUERY_REGISTRY_NOEXPAND};
    int before;

    machine_start();
    fill();
    before = pool_blocks();
    CHECK_EQ(query(&all), STATUS_SUCCESS);
    CHECK_EQ(count, 6); /* five values, one of them of two strings */
    CHECK_STR(calls[0].name, "n");
    CHECK_EQ(calls[0].length, 4);
    CHECK_STR(calls[1].text, "text");
    CHECK_EQ(calls[1].length, 10);
    CHECK_STR(calls[2].text, "C:\\Windows\\x%no%");
    CHECK_EQ(calls[2].type, REG_SZ);
    CHECK_STR(calls[3].text, "one");
    CHECK_STR(calls[4].text, "two");
    CHECK_EQ(calls[4].type, REG_SZ);
    count = 0;
    CHECK_EQ(query(&raw), STATUS_SUCCESS);
    CHECK_EQ(count, 1);
    CHECK_EQ(calls[0].type, REG_MULTI_SZ);
    CHECK_EQ(calls[0].length, 18);
    answer = STATUS_BUFFER_TOO_SMALL; /* is no reason to stop */
    CHECK_EQ(query(&raw), STATUS_SUCCESS);
    answer = STATUS_DISK_FULL;
    CHECK_EQ(query(&raw), STATUS_DISK_FULL);
    CHECK_EQ(pool_blocks(), before);
}

TEST(missing, "cm.RtlQueryRegistryValues.defaults_and_required")
{
    RTL_QUERY_REGISTRY_TABLE e = {.QueryRoutine = routine, .Name = L"none"};
    ULONG number = 0, five = 5;

    machine_start();
    fill();
    CHECK_EQ(query(&e), STATUS_SUCCESS);
    CHECK_EQ(count, 0);
    e.DefaultType = REG_SZ;
    e.DefaultData = L"fallback";
    CHECK_EQ(query(&e), STATUS_SUCCESS);
    CHECK_EQ(count, 1);
    CHECK_STR(calls[0].text, "fallback");
    CHECK_EQ(calls[0].length, 18);
    e.Flags = RTL_QUERY_REGISTRY_REQUIRED;
    CHECK_EQ(query(&e), STATUS_OBJECT_NAME_NOT_FOUND);
    e = (RTL_QUERY_REGISTRY_TABLE){.Flags = RTL_QUERY_REGISTRY_DIRECT,
                                   .Name = L"none",
                                   .EntryContext = &number,
                                   .DefaultType = REG_DWORD,
                                   .DefaultData = &five,
                                   .DefaultLength = 4};
    CHECK_EQ(query(&e), STATUS_SUCCESS);
    CHECK_EQ(number, 5);
    e = (RTL_QUERY_REGISTRY_TABLE){.QueryRoutine = routine, .Flags = RTL_QUERY_REGISTRY_NOVALUE};
    count = 0;
    CHECK_EQ(query(&e), STATUS_SUCCESS);
    CHECK_EQ(count, 1);
    CHECK_EQ(calls[0].type, REG_NONE);
    CHECK_EQ(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, PATH L"\\gone", &e, NULL, NULL),
             STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK_EQ(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE | RTL_REGISTRY_OPTIONAL, PATH L"\\gone",
                                    &e, NULL, NULL),
             STATUS_SUCCESS);
}

TEST(directs, "cm.RtlQueryRegistryValues.direct_forms")
{
    struct {
        LONG size;
        ULONG type;
        ULONGLONG data;
    } wide = {.size = 16};
    union {
        LONG size;
        ULONGLONG data;
    } bare = {.size = -8};
    WCHAR buffer[5];
    UNICODE_STRING own = {0, sizeof buffer, buffer}, made = {0};
    ULONG number = 0;
    int before;

    machine_start();
    fill();
    before = pool_blocks();
    CHECK_EQ(direct(L"n", 0, &number, 0), STATUS_SUCCESS);
    CHECK_EQ(number, 42);
    CHECK_EQ(direct(L"q", 0, &wide, 0), STATUS_SUCCESS);
    CHECK_EQ(wide.size, 8);
    CHECK_EQ(wide.type, REG_QWORD);
    CHECK_EQ(wide.data, 0x1122334455667788ull);
    CHECK_EQ(direct(L"q", 0, &bare, 0), STATUS_SUCCESS);
    CHECK_EQ(bare.data, 0x1122334455667788ull);
    wide.size = 15;
    CHECK_EQ(direct(L"q", 0, &wide, 0), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(direct(L"s", 0, &own, 0), STATUS_SUCCESS);
    CHECK_EQ(own.Length, 8);
    CHECK(own.Buffer == buffer && buffer[3] == 't' && buffer[4] == 0);
    own.MaximumLength = 9;
    CHECK_EQ(direct(L"s", 0, &own, 0), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(direct(L"e", 0, &made, 0), STATUS_SUCCESS);
    CHECK_EQ(made.Length, 32);
    RtlFreeUnicodeString(&made);
    CHECK_EQ(direct(L"m", RTL_QUERY_REGISTRY_NOEXPAND, &made, 0), STATUS_SUCCESS);
    CHECK_EQ(made.Length, 16);
    RtlFreeUnicodeString(&made);
    CHECK_EQ(pool_blocks(), before);
}

TEST(checks, "cm.RtlQueryRegistryValues.type_check_and_bad_entries")
{
    RTL_QUERY_REGISTRY_TABLE bad = {
        .QueryRoutine = routine, .Name = L"n", .Flags = RTL_QUERY_REGISTRY_DIRECT};
    ULONG dword = (ULONG)REG_DWORD << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT, number = 1;

    machine_start();
    fill();
    CHECK_EQ(direct(L"s", RTL_QUERY_REGISTRY_TYPECHECK, &number, dword),
             STATUS_OBJECT_TYPE_MISMATCH);
    CHECK_EQ(direct(L"e", RTL_QUERY_REGISTRY_TYPECHECK, &number, dword),
             STATUS_OBJECT_TYPE_MISMATCH);
    CHECK_EQ(number, 1);
    CHECK_EQ(direct(L"n", RTL_QUERY_REGISTRY_TYPECHECK, &number, dword), STATUS_SUCCESS);
    CHECK_EQ(query(&bad), STATUS_INVALID_PARAMETER);
    bad = (RTL_QUERY_REGISTRY_TABLE){.QueryRoutine = routine, .Flags = RTL_QUERY_REGISTRY_SUBKEY};
    CHECK_EQ(query(&bad), STATUS_INVALID_PARAMETER);
}

TEST(keys, "cm.RtlQueryRegistryValues.subkey_topkey_delete_handle")
{
    ULONG number = 0, inner = 0, seven = 7;
    RTL_QUERY_REGISTRY_TABLE table[] = {
        {.Name = L"sub", .Flags = RTL_QUERY_REGISTRY_SUBKEY},
        {.Name = L"v",
         .Flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_DELETE,
         .EntryContext = &inner},
        {.Name = L"n",
         .Flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TOPKEY,
         .EntryContext = &number},
        {0},
    };
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES a;
    HANDLE key;
    ULONG handles;

    machine_start();
    fill();
    CHECK_EQ(
        RtlWriteRegistryValue(RTL_REGISTRY_ABSOLUTE, PATH L"\\sub", L"v", REG_DWORD, &seven, 4),
        STATUS_SUCCESS);
    handles = ObxHandleCount(PsInitialSystemProcess);
    CHECK_EQ(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, PATH, table, NULL, NULL),
             STATUS_SUCCESS);
    CHECK_EQ(inner, 7);
    CHECK_EQ(number, 42);
    CHECK_EQ(RtlDeleteRegistryValue(RTL_REGISTRY_ABSOLUTE, PATH L"\\sub", L"v"),
             STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK_EQ(ObxHandleCount(PsInitialSystemProcess), handles);
    RtlInitUnicodeString(&name, PATH);
    InitializeObjectAttributes(&a, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    REQUIRE(NT_SUCCESS(ZwOpenKey(&key, KEY_ALL_ACCESS, &a)));
    number = 0;
    CHECK_EQ(RtlQueryRegistryValues(RTL_REGISTRY_HANDLE, (PCWSTR)key, &table[2], NULL, NULL),
             STATUS_SUCCESS);
    CHECK_EQ(number, 42);
    CHECK_EQ(ZwClose(key), STATUS_SUCCESS); /* still the caller's */
    CHECK_EQ(RtlCreateRegistryKey(RTL_REGISTRY_SERVICES, L"svc"), STATUS_SUCCESS);
    CHECK_EQ(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, L"svc"), STATUS_SUCCESS);
    CHECK_EQ(RtlCheckRegistryKey(RTL_REGISTRY_MAXIMUM, L"svc"), STATUS_INVALID_PARAMETER);
}

static void stopped(const KEX_STOP *stop)
{
    _exit(stop->Code == 0x139 && stop->Parameter[0] == 9 ? 0 : 1);
}

TEST(untrusted, "cm.RtlQueryRegistryValues.direct_from_an_untrusted_hive_stops")
{
    ULONG number = 3;
    RTL_QUERY_REGISTRY_TABLE table[] = {
        {.Name = L"v", .Flags = RTL_QUERY_REGISTRY_DIRECT, .EntryContext = &number}, {0}};

    machine_start();
    CHECK_EQ(RtlWriteRegistryValue(RTL_REGISTRY_ABSOLUTE, L"\\Registry\\User\\x", L"v", REG_DWORD,
                                   &number, 4),
             STATUS_SUCCESS);
    KexBuild = 7601;
    CHECK_EQ(
        RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, L"\\Registry\\User\\x", table, NULL, NULL),
        STATUS_SUCCESS);
    KexBuild = 9200;
    KexHooks.Stop = stopped;
    RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, L"\\Registry\\User\\x", table, NULL, NULL);
    CHECK(!"a stop");
}
