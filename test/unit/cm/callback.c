/* SPDX-License-Identifier: MIT */
/* Registry callbacks: who is called, in what order, with what, and what their answers do. */
#include "../se/se_test.h"

#define ROOT L"\\Registry\\Machine\\Software\\cb"

static HANDLE open_at(PCWSTR path, bool create, NTSTATUS want)
{
    OBJECT_ATTRIBUTES a;
    UNICODE_STRING name;
    HANDLE key = NULL;

    RtlInitUnicodeString(&name, path);
    InitializeObjectAttributes(&a, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    if (create)
        CHECK_EQ(ZwCreateKey(&key, KEY_ALL_ACCESS, &a, 0, NULL, 0, NULL), want);
    else
        CHECK_EQ(ZwOpenKey(&key, KEY_ALL_ACCESS, &a), want);
    return key;
}

static NTSTATUS set(HANDLE key, PCWSTR name, ULONG value)
{
    UNICODE_STRING n;

    RtlInitUnicodeString(&n, name);
    return ZwSetValueKey(key, &n, 0, REG_DWORD, &value, sizeof value);
}

static NTSTATUS get(HANDLE key, PCWSTR name, ULONG *value)
{
    struct {
        KEY_VALUE_PARTIAL_INFORMATION head;
        char more[64];
    } i;
    UNICODE_STRING n;
    NTSTATUS status;
    ULONG length;

    RtlInitUnicodeString(&n, name);
    status = ZwQueryValueKey(key, &n, KeyValuePartialInformation, &i, sizeof i, &length);
    if (NT_SUCCESS(status))
        memcpy(value, i.head.Data, sizeof *value);
    return status;
}

/* One driver: its letter and each notification go to a log; what it answers is set per class. */
struct driver {
    char letter;
    REG_NOTIFY_CLASS act_on;
    NTSTATUS answer, post_answer, return_status;
    LARGE_INTEGER cookie;
    PVOID object, call_context, object_context;
    NTSTATUS post_status;
    void (*look)(struct driver *d, REG_NOTIFY_CLASS class, void *info);
};
static char event_log[2000];

static NTSTATUS NTAPI callback(PVOID context, PVOID class_, PVOID info)
{
    REG_NOTIFY_CLASS class = (REG_NOTIFY_CLASS)(ULONG_PTR)class_;
    struct driver *d = context;

    CHECK_EQ(KeGetCurrentIrql(), PASSIVE_LEVEL);
    sprintf(event_log + strlen(event_log), "%c%d ", d->letter, class);
    if (d->look)
        d->look(d, class, info);
    if (class != d->act_on)
        return STATUS_SUCCESS;
    return d->answer;
}

static void add(struct driver *d, PCWSTR altitude, NTSTATUS want)
{
    UNICODE_STRING a;

    RtlInitUnicodeString(&a, altitude);
    CHECK_EQ(CmRegisterCallbackEx(callback, &a, NULL, d, &d->cookie, NULL), want);
}

static void expect_log(const char *want)
{
    CHECK_STR(event_log, want);
    event_log[0] = 0;
}

TEST(order, "cm.CmRegisterCallbackEx.altitudes_order_the_calls")
{
    struct driver a = {.letter = 'a', .act_on = MaxRegNtNotifyClass}, b = a, c = a;
    HANDLE key;

    b.letter = 'b';
    c.letter = 'c';
    machine_start();
    add(&a, L"100.5", STATUS_SUCCESS);
    add(&b, L"99", STATUS_SUCCESS);
    add(&c, L"0100.50", STATUS_FLT_INSTANCE_ALTITUDE_COLLISION);
    add(&c, L"100.45", STATUS_SUCCESS);
    key = open_at(ROOT, true, STATUS_SUCCESS);
    expect_log("a26 c26 b26 b27 c27 a27 ");
    CHECK_EQ(set(key, L"v", 7), STATUS_SUCCESS);
    expect_log("a1 c1 b1 b16 c16 a16 ");
    CHECK_EQ(CmUnRegisterCallback(c.cookie), STATUS_SUCCESS);
    CHECK_EQ(CmUnRegisterCallback(c.cookie), STATUS_INVALID_PARAMETER);
    ZwClose(key);
    expect_log("a14 b14 b25 a25 ");
    CHECK_EQ(CmUnRegisterCallback(a.cookie), STATUS_SUCCESS);
    CHECK_EQ(CmUnRegisterCallback(b.cookie), STATUS_SUCCESS);
    ZwClose(open_at(ROOT, false, STATUS_SUCCESS));
    expect_log("");
}

TEST(refuse, "cm.CmRegisterCallbackEx.a_driver_refuses")
{
    struct driver top = {.letter = 't', .act_on = MaxRegNtNotifyClass};
    struct driver mid = {
        .letter = 'm', .act_on = RegNtPreSetValueKey, .answer = STATUS_ACCESS_DENIED};
    struct driver low = {.letter = 'l', .act_on = MaxRegNtNotifyClass};
    ULONG value = 1;
    HANDLE key;

    machine_start();
    key = open_at(ROOT, true, STATUS_SUCCESS);
    add(&top, L"3", STATUS_SUCCESS);
    add(&mid, L"2", STATUS_SUCCESS);
    add(&low, L"1", STATUS_SUCCESS);
    CHECK_EQ(set(key, L"v", 7), STATUS_ACCESS_DENIED);
    expect_log("t1 m1 t16 ");
    CHECK_EQ(get(key, L"v", &value), STATUS_OBJECT_NAME_NOT_FOUND);
    event_log[0] = 0;
    mid.act_on = RegNtPreCreateKeyEx;
    open_at(ROOT L"\\new", true, STATUS_ACCESS_DENIED);
    expect_log("t26 m26 t27 ");
    mid.act_on = MaxRegNtNotifyClass;
    open_at(ROOT L"\\new", false, STATUS_OBJECT_NAME_NOT_FOUND);
    expect_log("t28 m28 l28 l29 m29 t29 ");
}

static void answer_query(struct driver *d, REG_NOTIFY_CLASS class, void *info)
{
    REG_QUERY_VALUE_KEY_INFORMATION *q = info;

    if (class == RegNtPreQueryValueKey) {
        KEY_VALUE_PARTIAL_INFORMATION *p = q->KeyValueInformation;
        *p = (KEY_VALUE_PARTIAL_INFORMATION){.Type = REG_DWORD, .DataLength = 4};
        memcpy(p->Data, &(ULONG){4711}, 4);
        *q->ResultLength = FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data) + 4;
    } else if (class == RegNtPostSetValueKey) {
        ((REG_POST_OPERATION_INFORMATION *)info)->ReturnStatus = STATUS_DISK_FULL;
    }
    (void)d;
}

TEST(bypass, "cm.CmRegisterCallbackEx.a_driver_does_it_itself")
{
    struct driver top = {.letter = 't', .act_on = MaxRegNtNotifyClass};
    struct driver low = {.letter = 'l',
                         .act_on = RegNtPreQueryValueKey,
                         .answer = STATUS_CALLBACK_BYPASS,
                         .look = answer_query};
    ULONG value = 0;
    HANDLE key;

    machine_start();
    key = open_at(ROOT, true, STATUS_SUCCESS);
    add(&top, L"3", STATUS_SUCCESS);
    add(&low, L"1", STATUS_SUCCESS);
    CHECK_EQ(get(key, L"not there", &value), STATUS_SUCCESS);
    CHECK_EQ(value, 4711);
    expect_log("t8 l8 t23 ");
    low.act_on = RegNtPostSetValueKey; /* done, but the caller is told otherwise */
    CHECK_EQ(set(key, L"v", 7), STATUS_DISK_FULL);
    CHECK_EQ(get(key, L"v", &value), STATUS_SUCCESS);
    CHECK_EQ(value, 7);
}

static PVOID seen_object, cleaned;
static void contexts(struct driver *d, REG_NOTIFY_CLASS class, void *info)
{
    REG_POST_OPERATION_INFORMATION *post = info;
    REG_SET_VALUE_KEY_INFORMATION *pre = info;
    PVOID old = (PVOID)1;

    if (class == RegNtPostOpenKeyEx && NT_SUCCESS(post->Status)) {
        seen_object = post->Object;
        CHECK_EQ(CmSetCallbackObjectContext(post->Object, &d->cookie, (PVOID)0x111, &old),
                 STATUS_SUCCESS);
        CHECK(old == NULL);
        CHECK_EQ(CmSetCallbackObjectContext(post->Object, &d->cookie, (PVOID)0x222, &old),
                 STATUS_SUCCESS);
        CHECK(old == (PVOID)0x111);
    } else if (class == RegNtPreSetValueKey) {
        CHECK(pre->Object == seen_object && pre->ObjectContext == (PVOID)0x222);
        pre->CallContext = (PVOID)0x333;
        pre->DataSize = 0; /* the call is made of what its caller gave */
    } else if (class == RegNtPostSetValueKey) {
        CHECK(post->CallContext == (PVOID)0x333 && post->ObjectContext == (PVOID)0x222);
        CHECK(((REG_SET_VALUE_KEY_INFORMATION *)post->PreInformation)->Type == REG_DWORD);
    } else if (class == RegNtCallbackObjectContextCleanup) {
        cleaned = ((REG_CALLBACK_CONTEXT_CLEANUP_INFORMATION *)info)->ObjectContext;
    }
}

TEST(context, "cm.CmSetCallbackObjectContext.life")
{
    struct driver d = {.letter = 'd', .act_on = MaxRegNtNotifyClass, .look = contexts};
    ULONG value = 0;
    HANDLE key;

    machine_start();
    ZwClose(open_at(ROOT, true, STATUS_SUCCESS));
    add(&d, L"1", STATUS_SUCCESS);
    key = open_at(ROOT, false, STATUS_SUCCESS);
    CHECK_EQ(set(key, L"v", 9), STATUS_SUCCESS);
    CHECK_EQ(get(key, L"v", &value), STATUS_SUCCESS);
    CHECK_EQ(value, 9);
    CHECK(cleaned == NULL);
    ZwClose(key);
    CHECK(cleaned == (PVOID)0x222);
    cleaned = NULL;
    key = open_at(ROOT, false, STATUS_SUCCESS);
    CHECK_EQ(CmUnRegisterCallback(d.cookie), STATUS_SUCCESS);
    CHECK(cleaned == (PVOID)0x222);
    ZwClose(key);
}

TEST(identity, "cm.CmCallbackGetKeyObjectID.name_and_identity")
{
    struct driver d = {.letter = 'd', .act_on = MaxRegNtNotifyClass};
    PCUNICODE_STRING name, name2;
    ULONG_PTR first, second;
    PVOID a, b;
    HANDLE key, again;
    LARGE_INTEGER wrong = {.QuadPart = -1};
    UNICODE_STRING want;
    int before;

    machine_start();
    add(&d, L"1", STATUS_SUCCESS);
    before = pool_blocks();
    key = open_at(ROOT, true, STATUS_SUCCESS);
    again = open_at(ROOT, false, STATUS_SUCCESS);
    REQUIRE(NT_SUCCESS(ObReferenceObjectByHandle(key, 0, *&CmKeyObjectType, KernelMode, &a, NULL)));
    REQUIRE(
        NT_SUCCESS(ObReferenceObjectByHandle(again, 0, *&CmKeyObjectType, KernelMode, &b, NULL)));
    CHECK(a != b);
    CHECK_EQ(CmCallbackGetKeyObjectID(&d.cookie, a, &first, &name), STATUS_SUCCESS);
    CHECK_EQ(CmCallbackGetKeyObjectIDEx(&d.cookie, b, &second, &name2, 0), STATUS_SUCCESS);
    CHECK_EQ(first, second);
    RtlInitUnicodeString(&want, L"\\REGISTRY\\MACHINE\\SOFTWARE\\CB");
    CHECK(RtlEqualUnicodeString(name, &want, TRUE) && RtlEqualUnicodeString(name2, &want, TRUE));
    CmCallbackReleaseKeyObjectIDEx(name2);
    CHECK_EQ(CmCallbackGetKeyObjectID(&wrong, a, &first, NULL), STATUS_INVALID_PARAMETER);
    CHECK_EQ(CmCallbackGetKeyObjectID(&d.cookie, SexSystemToken(), &first, NULL),
             STATUS_INVALID_PARAMETER);
    ObDereferenceObject(a);
    ObDereferenceObject(b);
    ZwClose(key);
    ZwClose(again);
    ObxDrainDeferred();
    CHECK_EQ(pool_blocks(), before);
}

static void plain_open(struct driver *d, REG_NOTIFY_CLASS class, void *info)
{
    REG_CREATE_KEY_INFORMATION_V1 *pre = info;
    UNICODE_STRING relative;

    (void)d;
    if (class != RegNtPreOpenKeyEx)
        return;
    RtlInitUnicodeString(&relative, L"sub");
    CHECK(RtlEqualUnicodeString(pre->CompleteName, &relative, FALSE));
    CHECK_EQ(pre->Version, 1);
    CHECK_EQ(pre->DesiredAccess, KEY_READ);
    CHECK(pre->RootObject == seen_object);
}

TEST(relative, "cm.CmRegisterCallbackEx.open_below_a_root")
{
    struct driver d = {.letter = 'd', .act_on = MaxRegNtNotifyClass, .look = plain_open};
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES a;
    HANDLE key, sub;

    machine_start();
    key = open_at(ROOT, true, STATUS_SUCCESS);
    ZwClose(open_at(ROOT L"\\sub", true, STATUS_SUCCESS));
    REQUIRE(NT_SUCCESS(
        ObReferenceObjectByHandle(key, 0, CmKeyObjectType, KernelMode, &seen_object, NULL)));
    add(&d, L"1", STATUS_SUCCESS);
    RtlInitUnicodeString(&name, L"sub");
    InitializeObjectAttributes(&a, &name, OBJ_KERNEL_HANDLE, key, NULL);
    CHECK_EQ(ZwOpenKey(&sub, KEY_READ, &a), STATUS_SUCCESS);
    expect_log("d28 d29 ");
    ZwClose(sub);
    ZwClose(key);
    ObDereferenceObject(seen_object);
}
