/* SPDX-License-Identifier: MIT */
/* Registration, altitudes, enumeration and names of volumes. */
#include "flt_test.h"

TEST(statuses, "flt.FltRegisterFilter.version_service_key_and_twice")
{
    FLT_REGISTRATION r = usual_registration();
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\FileSystem\\nokey");
    PFLT_FILTER handle, second;
    PDRIVER_OBJECT driver;
    filter_ *f;

    start_machine();
    f = new_filter("a", "300");
    r.Version = 0x300;
    CHECK_EQ(FltRegisterFilter(f->driver, &r, &handle), STATUS_INVALID_PARAMETER);
    CHECK(found("REG-001"));
    r.Version = FLT_REGISTRATION_VERSION;
    r.Size = 40;
    CHECK_EQ(FltRegisterFilter(f->driver, &r, &handle), STATUS_INVALID_PARAMETER);
    r.Size = sizeof(r);
    REQUIRE(NT_SUCCESS(IoxCreateDriver(&name, NULL, &driver)));
    CHECK_EQ(FltRegisterFilter(driver, &r, &handle), STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK_EQ(FltRegisterFilter(f->driver, &r, &handle), STATUS_SUCCESS);
    CHECK_EQ(FltRegisterFilter(f->driver, &r, &second), STATUS_OBJECT_NAME_COLLISION);
    CHECK_EQ(FltAttachVolume(handle, flt_volume, NULL, NULL), STATUS_FLT_FILTER_NOT_READY);
    FltUnregisterFilter(handle);
}

TEST(old_version, "flt.FltRegisterFilter.shorter_structure_of_version_0200")
{
    FLT_REGISTRATION r = usual_registration();
    PFLT_FILTER handle;
    filter_ *f;

    start_machine();
    f = new_filter("a", "300");
    r.Version = FLT_REGISTRATION_VERSION_0200;
    r.Size = FIELD_OFFSET(FLT_REGISTRATION, TransactionNotificationCallback);
    r.SectionNotificationCallback = (PFLT_SECTION_CONFLICT_NOTIFICATION_CALLBACK)(ULONG_PTR)1;
    CHECK_EQ(FltRegisterFilter(f->driver, &r, &handle), STATUS_SUCCESS);
    FltUnregisterFilter(handle);
}

TEST(bad_operations, "flt.rule.REG-005_no_post_for_shutdown")
{
    static const FLT_OPERATION_REGISTRATION operations[] = {
        {IRP_MJ_SHUTDOWN, 0, any_pre, any_post, NULL}, {IRP_MJ_OPERATION_END}};
    FLT_REGISTRATION r = usual_registration();
    PFLT_FILTER handle;
    filter_ *f;

    start_machine();
    f = new_filter("a", "300");
    r.OperationRegistration = operations;
    CHECK_EQ(FltRegisterFilter(f->driver, &r, &handle), STATUS_INVALID_PARAMETER);
    CHECK(found("REG-005"));
}

TEST(walk, "flt.FltGetTopInstance.top_upper_lower_bottom_and_order")
{
    PFLT_INSTANCE top_, next, list[4];
    ULONG n;

    start_machine();
    make_filter("a", "300");
    make_filter("b", "200");
    CHECK_EQ(FltGetTopInstance(flt_volume, &top_), STATUS_SUCCESS);
    CHECK(top_ == filters[0].instance);
    CHECK_EQ(FltGetUpperInstance(top_, &next), STATUS_NO_MORE_ENTRIES);
    CHECK_EQ(FltGetLowerInstance(top_, &next), STATUS_SUCCESS);
    CHECK(next == filters[1].instance);
    CHECK(FltCompareInstanceAltitudes(top_, next) > 0);
    FltObjectDereference(next);
    FltObjectDereference(top_);
    CHECK_EQ(FltGetBottomInstance(flt_volume, &next), STATUS_SUCCESS);
    CHECK(next == filters[1].instance);
    FltObjectDereference(next);
    CHECK_EQ(FltEnumerateInstances(NULL, NULL, list, 4, &n), STATUS_INVALID_PARAMETER);
    CHECK_EQ(FltEnumerateInstances(flt_volume, NULL, list, 1, &n), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(n, 2);
    CHECK_EQ(FltEnumerateInstances(flt_volume, NULL, list, 4, &n), STATUS_SUCCESS);
    CHECK(n == 2 && list[0] == filters[0].instance);
    FltObjectDereference(list[0]);
    FltObjectDereference(list[1]);
}

TEST(volume_names, "flt.FltGetVolumeName.sizes_and_lookups")
{
    WCHAR text[64];
    UNICODE_STRING out = {0, sizeof(text), text}, dos = RTL_CONSTANT_STRING(L"C:"),
                   none = RTL_CONSTANT_STRING(L"Q:");
    PFLT_VOLUME volume;
    BOOLEAN writable;
    ULONG need = 0;

    start_machine();
    CHECK_EQ(FltGetVolumeName(flt_volume, NULL, NULL), STATUS_INVALID_PARAMETER);
    CHECK_EQ(FltGetVolumeName(flt_volume, NULL, &need), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(need, volume_->DeviceName.Length);
    CHECK_EQ(FltGetVolumeName(flt_volume, &out, NULL), STATUS_SUCCESS);
    CHECK(RtlEqualUnicodeString(&out, &volume_->DeviceName, FALSE));
    CHECK_EQ(FltGetVolumeFromName(NULL, &dos, &volume), STATUS_SUCCESS);
    CHECK(volume == flt_volume);
    FltObjectDereference(volume);
    CHECK_EQ(FltGetVolumeFromName(NULL, &volume_->GuidName, &volume), STATUS_SUCCESS);
    FltObjectDereference(volume);
    CHECK_EQ(FltGetVolumeFromName(NULL, &none, &volume), STATUS_FLT_VOLUME_NOT_FOUND);
    CHECK_EQ(FltGetVolumeFromDeviceObject(NULL, tiny_device, &volume), STATUS_SUCCESS);
    FltObjectDereference(volume);
    CHECK_EQ(FltGetVolumeFromDeviceObject(NULL, volume_->Disk, &volume), STATUS_INVALID_PARAMETER);
    CHECK_EQ(FltIsVolumeWritable(flt_volume, &writable), STATUS_SUCCESS);
    CHECK(writable);
}

TEST(information, "flt.FltGetInstanceInformation.full_information_and_sizes")
{
    UCHAR buffer[512];
    PINSTANCE_FULL_INFORMATION full = (PVOID)buffer;
    UNICODE_STRING altitude;
    ULONG n, need;

    start_machine();
    make_filter("a", "300.25");
    CHECK_EQ(
        FltGetInstanceInformation(filters[0].instance, InstanceFullInformation, buffer, 8, &need),
        STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(FltGetInstanceInformation(filters[0].instance, InstanceFullInformation, buffer,
                                       sizeof(buffer), &n),
             STATUS_SUCCESS);
    CHECK_EQ(n, need);
    altitude.Buffer = (PWCH)(buffer + full->AltitudeBufferOffset);
    altitude.Length = full->AltitudeLength;
    CHECK_EQ(altitude.Length, 6 * sizeof(WCHAR));
    CHECK(altitude.Buffer[0] == L'3' && altitude.Buffer[5] == L'5');
    CHECK_EQ(FltEnumerateFilterInformation(1, FilterFullInformation, buffer, sizeof(buffer), &n),
             STATUS_NO_MORE_ENTRIES);
}

TEST(irp_names, "flt.FltGetIrpName.irp_fast_and_filter_operations")
{
    CHECK_STR(FltGetIrpName(IRP_MJ_READ), "IRP_MJ_READ");
    CHECK_STR(FltGetIrpName(IRP_MJ_PNP), "IRP_MJ_PNP");
    CHECK_STR(FltGetIrpName(IRP_MJ_ACQUIRE_FOR_CC_FLUSH), "IRP_MJ_ACQUIRE_FOR_CC_FLUSH");
    CHECK_STR(FltGetIrpName(IRP_MJ_MDL_READ), "IRP_MJ_MDL_READ");
    CHECK_STR(FltGetIrpName(IRP_MJ_VOLUME_DISMOUNT), "IRP_MJ_VOLUME_DISMOUNT");
}
