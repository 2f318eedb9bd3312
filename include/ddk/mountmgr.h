/* SPDX-License-Identifier: MIT */
/* The mount manager: its device, its requests, what they carry. */
#ifndef OPENFLT_DDK_MOUNTMGR_H
#define OPENFLT_DDK_MOUNTMGR_H

#include "nt/pnp_types.h"

NT_BEGIN_C

#define MOUNTMGR_DEVICE_NAME     L"\\Device\\MountPointManager"
#define MOUNTMGR_DOS_DEVICE_NAME L"\\\\.\\MountPointManager"
#define MOUNTMGRCONTROLTYPE      ((ULONG)'m')
#define MOUNTDEVCONTROLTYPE      ((ULONG)'M')

#define NT_MOUNTMGR(function, access) \
    CTL_CODE(MOUNTMGRCONTROLTYPE, function, METHOD_BUFFERED, access)
#define NT_MOUNTMGR_RW FILE_READ_ACCESS | FILE_WRITE_ACCESS
#define IOCTL_MOUNTMGR_CREATE_POINT              NT_MOUNTMGR(0, NT_MOUNTMGR_RW)
#define IOCTL_MOUNTMGR_DELETE_POINTS             NT_MOUNTMGR(1, NT_MOUNTMGR_RW)
#define IOCTL_MOUNTMGR_QUERY_POINTS              NT_MOUNTMGR(2, FILE_ANY_ACCESS)
#define IOCTL_MOUNTMGR_DELETE_POINTS_DBONLY      NT_MOUNTMGR(3, NT_MOUNTMGR_RW)
#define IOCTL_MOUNTMGR_NEXT_DRIVE_LETTER         NT_MOUNTMGR(4, NT_MOUNTMGR_RW)
#define IOCTL_MOUNTMGR_AUTO_DL_ASSIGNMENTS       NT_MOUNTMGR(5, NT_MOUNTMGR_RW)
#define IOCTL_MOUNTMGR_VOLUME_MOUNT_POINT_CREATED NT_MOUNTMGR(6, NT_MOUNTMGR_RW)
#define IOCTL_MOUNTMGR_VOLUME_MOUNT_POINT_DELETED NT_MOUNTMGR(7, NT_MOUNTMGR_RW)
#define IOCTL_MOUNTMGR_CHANGE_NOTIFY             NT_MOUNTMGR(8, FILE_READ_ACCESS)
#define IOCTL_MOUNTMGR_KEEP_LINKS_WHEN_OFFLINE   NT_MOUNTMGR(9, NT_MOUNTMGR_RW)
#define IOCTL_MOUNTMGR_VOLUME_ARRIVAL_NOTIFICATION NT_MOUNTMGR(11, FILE_READ_ACCESS)
#define IOCTL_MOUNTMGR_QUERY_DOS_VOLUME_PATH     NT_MOUNTMGR(12, FILE_ANY_ACCESS)
#define IOCTL_MOUNTMGR_QUERY_DOS_VOLUME_PATHS    NT_MOUNTMGR(13, FILE_ANY_ACCESS)

typedef struct _MOUNTMGR_CREATE_POINT_INPUT {
    USHORT SymbolicLinkNameOffset;
    USHORT SymbolicLinkNameLength;
    USHORT DeviceNameOffset;
    USHORT DeviceNameLength;
} MOUNTMGR_CREATE_POINT_INPUT, *PMOUNTMGR_CREATE_POINT_INPUT;

typedef struct _MOUNTMGR_MOUNT_POINT {
    ULONG SymbolicLinkNameOffset;
    USHORT SymbolicLinkNameLength;
    USHORT Reserved1;
    ULONG UniqueIdOffset;
    USHORT UniqueIdLength;
    USHORT Reserved2;
    ULONG DeviceNameOffset;
    USHORT DeviceNameLength;
    USHORT Reserved3;
} MOUNTMGR_MOUNT_POINT, *PMOUNTMGR_MOUNT_POINT;

typedef struct _MOUNTMGR_MOUNT_POINTS {
    ULONG Size;
    ULONG NumberOfMountPoints;
    MOUNTMGR_MOUNT_POINT MountPoints[1];
} MOUNTMGR_MOUNT_POINTS, *PMOUNTMGR_MOUNT_POINTS;

typedef struct _MOUNTMGR_TARGET_NAME {
    USHORT DeviceNameLength;
    WCHAR DeviceName[1];
} MOUNTMGR_TARGET_NAME, *PMOUNTMGR_TARGET_NAME;

typedef struct _MOUNTMGR_VOLUME_PATHS {
    ULONG MultiSzLength;
    WCHAR MultiSz[1];
} MOUNTMGR_VOLUME_PATHS, *PMOUNTMGR_VOLUME_PATHS;

#define MOUNTMGR_IS_DRIVE_LETTER(s) \
    ((s)->Length == 28 && (s)->Buffer[0] == '\\' && (s)->Buffer[1] == 'D' && \
     (s)->Buffer[12] >= 'A' && (s)->Buffer[12] <= 'Z' && (s)->Buffer[13] == ':')
#define MOUNTMGR_IS_VOLUME_NAME(s) \
    (((s)->Length == 96 || ((s)->Length == 98 && (s)->Buffer[48] == '\\')) && \
     (s)->Buffer[0] == '\\' && ((s)->Buffer[1] == '?' || (s)->Buffer[1] == '\\') && \
     (s)->Buffer[2] == '?' && (s)->Buffer[3] == '\\' && (s)->Buffer[4] == 'V' && \
     (s)->Buffer[10] == '{' && (s)->Buffer[47] == '}')

NT_END_C

#endif
