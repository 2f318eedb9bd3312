/* SPDX-License-Identifier: MIT */
/* Callback objects by name, their registrations and notifications. */
#include "../ke/ke_test.h"
#include "ex/ex.h"
#include "ob/ob.h"
#include "ps/ps.h"

static KEVENT inside, leave;
static int order[8], calls;

static void begin(void)
{
    ke_start();
    REQUIRE(NT_SUCCESS(ExxStart()));
    REQUIRE(NT_SUCCESS(ObxStart()));
    REQUIRE(NT_SUCCESS(PsxStart()));
    KeInitializeEvent(&inside, NotificationEvent, FALSE);
    KeInitializeEvent(&leave, NotificationEvent, FALSE);
}

static void NTAPI records(PVOID context, PVOID first, PVOID second)
{
    CHECK(first == (PVOID)11 && second == (PVOID)22);
    order[calls++] = (int)(LONG_PTR)context;
}

static NTSTATUS open_callback(PCALLBACK_OBJECT *object, BOOLEAN create, BOOLEAN multiple)
{
    static UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Callback\\OpenfltTest");
    OBJECT_ATTRIBUTES attributes;

    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return ExCreateCallback(object, &attributes, create, multiple);
}

TEST(named, "ex.ExCreateCallback.opens_what_was_made")
{
    PCALLBACK_OBJECT first, second;

    begin();
    CHECK_EQ(open_callback(&first, FALSE, TRUE), STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK_EQ(open_callback(&first, TRUE, TRUE), STATUS_SUCCESS);
    CHECK_EQ(open_callback(&second, FALSE, TRUE), STATUS_SUCCESS);
    CHECK(first == second);
    ObDereferenceObject(second);
    ObDereferenceObject(first);
    ObxDrainDeferred();
    CHECK_EQ(open_callback(&first, FALSE, TRUE), STATUS_OBJECT_NAME_NOT_FOUND);
}

TEST(order, "ex.ExNotifyCallback.calls_in_order_of_registration")
{
    PCALLBACK_OBJECT object;
    PVOID one, two, three;

    begin();
    REQUIRE(NT_SUCCESS(open_callback(&object, TRUE, TRUE)));
    one = ExRegisterCallback(object, records, (PVOID)1);
    two = ExRegisterCallback(object, records, (PVOID)2);
    three = ExRegisterCallback(object, records, (PVOID)3);
    CHECK(one && two && three);
    ExNotifyCallback(object, (PVOID)11, (PVOID)22);
    ExUnregisterCallback(two);
    ExNotifyCallback(object, (PVOID)11, (PVOID)22);
    CHECK_EQ(calls, 5);
    CHECK(order[0] == 1 && order[1] == 2 && order[2] == 3 && order[3] == 1 && order[4] == 3);
    ExUnregisterCallback(one);
    ExUnregisterCallback(three);
    ExNotifyCallback(object, (PVOID)11, (PVOID)22);
    CHECK_EQ(calls, 5);
    ObDereferenceObject(object);
}

TEST(single, "ex.ExRegisterCallback.only_one_unless_multiple")
{
    PCALLBACK_OBJECT object;
    PVOID one;

    begin();
    REQUIRE(NT_SUCCESS(open_callback(&object, TRUE, FALSE)));
    one = ExRegisterCallback(object, records, NULL);
    CHECK(one != NULL);
    CHECK(ExRegisterCallback(object, records, NULL) == NULL);
    ExUnregisterCallback(one);
    CHECK(ExRegisterCallback(object, records, NULL) != NULL);
}

static LONG finished;
static void NTAPI stays(PVOID context, PVOID first, PVOID second)
{
    (void)context, (void)first, (void)second;
    KeSetEvent(&inside, 0, FALSE);
    wait_ms(&leave, -1);
    pause_ms(10);
    __atomic_store_n(&finished, 1, __ATOMIC_SEQ_CST);
}
static void NTAPI notifies(PVOID context)
{
    ExNotifyCallback(context, NULL, NULL);
}
TEST(unregister_waits, "ex.ExUnregisterCallback.waits_for_a_running_call")
{
    PCALLBACK_OBJECT object;
    PVOID registration;
    PKTHREAD t;

    begin();
    REQUIRE(NT_SUCCESS(open_callback(&object, TRUE, TRUE)));
    registration = ExRegisterCallback(object, stays, NULL);
    t = start(notifies, object);
    wait_ms(&inside, -1);
    KeSetEvent(&leave, 0, FALSE);
    ExUnregisterCallback(registration);
    CHECK_EQ(__atomic_load_n(&finished, __ATOMIC_SEQ_CST), 1);
    join(t);
}
