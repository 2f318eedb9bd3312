/* SPDX-License-Identifier: MIT */
/* File system run-time library: FCB headers, oplocks, locks, notification, tunnels, MCBs, ECPs. */
#ifndef OPENFLT_NT_FSRTL_TYPES_H
#define OPENFLT_NT_FSRTL_TYPES_H

#include "io_types.h"
#include "fs_types.h"

NT_BEGIN_C

typedef PVOID OPLOCK, *POPLOCK;

/* The head of every stream's FCB: what FsContext points at. */
typedef struct NT_BITFIELDS _FSRTL_COMMON_FCB_HEADER {
    CSHORT NodeTypeCode;
    CSHORT NodeByteSize;
    UCHAR Flags;
    UCHAR IsFastIoPossible;
    UCHAR Flags2;
    UCHAR Reserved : 4;
    UCHAR Version : 4;
    PERESOURCE Resource;
    PERESOURCE PagingIoResource;
    LARGE_INTEGER AllocationSize;
    LARGE_INTEGER FileSize;
    LARGE_INTEGER ValidDataLength;
} FSRTL_COMMON_FCB_HEADER, *PFSRTL_COMMON_FCB_HEADER;

#if defined(__cplusplus)
typedef struct _FSRTL_ADVANCED_FCB_HEADER : FSRTL_COMMON_FCB_HEADER {
#else
typedef struct NT_BITFIELDS _FSRTL_ADVANCED_FCB_HEADER {
    struct NT_BITFIELDS {
        CSHORT NodeTypeCode;
        CSHORT NodeByteSize;
        UCHAR Flags;
        UCHAR IsFastIoPossible;
        UCHAR Flags2;
        UCHAR Reserved : 4;
        UCHAR Version : 4;
        PERESOURCE Resource;
        PERESOURCE PagingIoResource;
        LARGE_INTEGER AllocationSize;
        LARGE_INTEGER FileSize;
        LARGE_INTEGER ValidDataLength;
    };
#endif
    PFAST_MUTEX FastMutex;
    LIST_ENTRY FilterContexts;
#if (NTDDI_VERSION >= NTDDI_VISTA)
    EX_PUSH_LOCK PushLock;
    PVOID *FileContextSupportPointer;
#endif
#if (NTDDI_VERSION >= NTDDI_WIN8)
    union {
        OPLOCK Oplock;
        PVOID ReservedForRemote;
    };
#endif
#if (NTDDI_VERSION >= NTDDI_WINBLUE)
    union {
        PVOID ReservedContext;
        PVOID AePushLock;
    };
#endif
#if (NTDDI_VERSION >= NTDDI_WIN10_CO)
    union {
        ULONG BypassIoOpenCount;
        PVOID ReservedContextRemote;
    };
#endif
} FSRTL_ADVANCED_FCB_HEADER, *PFSRTL_ADVANCED_FCB_HEADER;

#define FSRTL_FCB_HEADER_V0 (0x00)
#define FSRTL_FCB_HEADER_V1 (0x01)
#define FSRTL_FCB_HEADER_V2 (0x02)
#define FSRTL_FCB_HEADER_V3 (0x03)
#define FSRTL_FCB_HEADER_V4 (0x04)

#define FSRTL_FLAG_FILE_MODIFIED           (0x01)
#define FSRTL_FLAG_FILE_LENGTH_CHANGED     (0x02)
#define FSRTL_FLAG_LIMIT_MODIFIED_PAGES    (0x04)
#define FSRTL_FLAG_ACQUIRE_MAIN_RSRC_EX    (0x08)
#define FSRTL_FLAG_ACQUIRE_MAIN_RSRC_SH    (0x10)
#define FSRTL_FLAG_USER_MAPPED_FILE        (0x20)
#define FSRTL_FLAG_ADVANCED_HEADER         (0x40)
#define FSRTL_FLAG_EOF_ADVANCE_ACTIVE      (0x80)
#define FSRTL_FLAG2_DO_MODIFIED_WRITE      (0x01)
#define FSRTL_FLAG2_SUPPORTS_FILTER_CONTEXTS (0x02)
#define FSRTL_FLAG2_PURGE_WHEN_MAPPED      (0x04)
#define FSRTL_FLAG2_IS_PAGING_FILE         (0x08)
#define FSRTL_FLAG2_WRITABLE_USER_MAPPED_FILE (0x20)
#define FSRTL_FLAG2_BYPASSIO_STREAM_PAUSED (0x10)
#define FSRTL_AUXILIARY_FLAG_DEALLOCATE    0x00000001

typedef enum _FAST_IO_POSSIBLE {
    FastIoIsNotPossible = 0,
    FastIoIsPossible,
    FastIoIsQuestionable
} FAST_IO_POSSIBLE;

/* Values of the top-level IRP that are no IRPs. */
#define FSRTL_FSP_TOP_LEVEL_IRP         ((LONG_PTR)0x01)
#define FSRTL_CACHE_TOP_LEVEL_IRP       ((LONG_PTR)0x02)
#define FSRTL_MOD_WRITE_TOP_LEVEL_IRP   ((LONG_PTR)0x03)
#define FSRTL_FAST_IO_TOP_LEVEL_IRP     ((LONG_PTR)0x04)
#define FSRTL_NETWORK1_TOP_LEVEL_IRP    ((LONG_PTR)0x05)
#define FSRTL_NETWORK2_TOP_LEVEL_IRP    ((LONG_PTR)0x06)
#define FSRTL_MAX_TOP_LEVEL_IRP_FLAG    ((LONG_PTR)0xFFFF)

/* Byte-range locks. */
typedef struct _FILE_LOCK_INFO {
    LARGE_INTEGER StartingByte;
    LARGE_INTEGER Length;
    BOOLEAN ExclusiveLock;
    ULONG Key;
    PFILE_OBJECT FileObject;
    PVOID ProcessId;
    LARGE_INTEGER EndingByte;
} FILE_LOCK_INFO, *PFILE_LOCK_INFO;

typedef NTSTATUS NTAPI COMPLETE_LOCK_IRP_ROUTINE(PVOID Context, PIRP Irp);
typedef COMPLETE_LOCK_IRP_ROUTINE *PCOMPLETE_LOCK_IRP_ROUTINE;
typedef VOID NTAPI UNLOCK_ROUTINE(PVOID Context, PFILE_LOCK_INFO FileLockInfo);
typedef UNLOCK_ROUTINE *PUNLOCK_ROUTINE;

typedef struct _FILE_LOCK {
    PCOMPLETE_LOCK_IRP_ROUTINE CompleteLockIrpRoutine;
    PUNLOCK_ROUTINE UnlockRoutine;
    BOOLEAN FastIoIsQuestionable;
    BOOLEAN SpareC[3];
    PVOID LockInformation;
    FILE_LOCK_INFO LastReturnedLockInfo;
    PVOID LastReturnedLock;
    LONG volatile LockRequestsInProgress;
} FILE_LOCK, *PFILE_LOCK;

/* Oplocks. */
typedef VOID NTAPI OPLOCK_WAIT_COMPLETE_ROUTINE(PVOID Context, PIRP Irp);
typedef OPLOCK_WAIT_COMPLETE_ROUTINE *POPLOCK_WAIT_COMPLETE_ROUTINE;
typedef VOID NTAPI OPLOCK_FS_PREPOST_IRP(PVOID Context, PIRP Irp);
typedef OPLOCK_FS_PREPOST_IRP *POPLOCK_FS_PREPOST_IRP;

#define OPLOCK_FLAG_COMPLETE_IF_OPLOCKED      0x00000001
#define OPLOCK_FLAG_OPLOCK_KEY_CHECK_ONLY     0x00000002
#define OPLOCK_FLAG_BACK_OUT_ATOMIC_OPLOCK    0x00000004
#define OPLOCK_FLAG_IGNORE_OPLOCK_KEYS        0x00000008
#define OPLOCK_FLAG_PARENT_OBJECT             0x00000010
#define OPLOCK_FLAG_CLOSING_DELETE_ON_CLOSE   0x00000020
#define OPLOCK_FLAG_REMOVING_FILE_OR_LINK     0x00000040
#define OPLOCK_FLAG_BREAKING_FOR_SHARING_VIOLATION 0x00000080
#define OPLOCK_FSCTRL_FLAG_ALL_KEYS_MATCH     0x00000001
#define OPLOCK_UPPER_FLAG_CHECK_NO_BREAK      0x00010000
#define OPLOCK_UPPER_FLAG_NOTIFY_REFRESH_READ 0x00020000
#define OPLOCK_LEVEL_CACHE_READ               0x00000001
#define OPLOCK_LEVEL_CACHE_HANDLE             0x00000002
#define OPLOCK_LEVEL_CACHE_WRITE              0x00000004

typedef enum _OPLOCK_NOTIFY_REASON {
    OPLOCK_NOTIFY_BREAK_WAIT_INTERIM_TIMEOUT = 0,
    OPLOCK_NOTIFY_BREAK_WAIT_TERMINATED = 1
} OPLOCK_NOTIFY_REASON, *POPLOCK_NOTIFY_REASON;

typedef struct _OPLOCK_NOTIFY_PARAMS {
    OPLOCK_NOTIFY_REASON NotifyReason;
    PVOID NotifyContext;
    PIRP Irp;
    NTSTATUS Status;
} OPLOCK_NOTIFY_PARAMS, *POPLOCK_NOTIFY_PARAMS;

typedef NTSTATUS NTAPI OPLOCK_NOTIFY_ROUTINE(POPLOCK_NOTIFY_PARAMS NotifyParams);
typedef OPLOCK_NOTIFY_ROUTINE *POPLOCK_NOTIFY_ROUTINE;

/* Directory change notification. */
typedef struct _REAL_NOTIFY_SYNC *PNOTIFY_SYNC;
typedef BOOLEAN NTAPI CHECK_FOR_TRAVERSE_ACCESS(PVOID NotifyContext, PVOID TargetContext,
                                                PSECURITY_SUBJECT_CONTEXT SubjectContext);
typedef CHECK_FOR_TRAVERSE_ACCESS *PCHECK_FOR_TRAVERSE_ACCESS;
typedef BOOLEAN NTAPI FILTER_REPORT_CHANGE(PVOID NotifyContext, PVOID FilterContext);
typedef FILTER_REPORT_CHANGE *PFILTER_REPORT_CHANGE;

/* Volume notification. */
#define FSRTL_VOLUME_DISMOUNT          1
#define FSRTL_VOLUME_DISMOUNT_FAILED   2
#define FSRTL_VOLUME_LOCK              3
#define FSRTL_VOLUME_LOCK_FAILED       4
#define FSRTL_VOLUME_UNLOCK            5
#define FSRTL_VOLUME_MOUNT             6
#define FSRTL_VOLUME_NEEDS_CHKDSK      7
#define FSRTL_VOLUME_WORM_NEAR_FULL    8
#define FSRTL_VOLUME_WEARING_OUT       9
#define FSRTL_VOLUME_FORCED_CLOSED     10
#define FSRTL_VOLUME_INFO_MAKE_COMPAT  11
#define FSRTL_VOLUME_PREPARING_EJECT   12
#define FSRTL_VOLUME_CHANGE_SIZE       13
#define FSRTL_VOLUME_BACKGROUND_FORMAT 14

/* Tunnel cache. */
typedef struct _TUNNEL {
    FAST_MUTEX Mutex;
    struct _RTL_SPLAY_LINKS *Cache;
    LIST_ENTRY TimerQueue;
    USHORT NumEntries;
} TUNNEL, *PTUNNEL;

/* Map control blocks. */
/* Of the old MCBs only; large and base MCBs count in LONGLONG. */
typedef ULONG LBN, *PLBN;
typedef ULONG VBN, *PVBN;

typedef struct _BASE_MCB {
    ULONG MaximumPairCount;
    ULONG PairCount;
    USHORT PoolType;
    USHORT Flags;
    PVOID Mapping;
} BASE_MCB, *PBASE_MCB;

typedef struct _LARGE_MCB {
    PKGUARDED_MUTEX GuardedMutex;
    BASE_MCB BaseMcb;
} LARGE_MCB, *PLARGE_MCB;

typedef struct _MCB {
    LARGE_MCB DummyFieldThatSizesThisStructureCorrectly;
} MCB, *PMCB;

#define MCB_FLAG_RAISE_ON_ALLOCATION_FAILURE 1

/* Contexts that filters hang on streams, files and file objects. */

typedef struct _FSRTL_PER_STREAM_CONTEXT {
    LIST_ENTRY Links;
    PVOID OwnerId;
    PVOID InstanceId;
    PFREE_FUNCTION FreeCallback;
} FSRTL_PER_STREAM_CONTEXT, *PFSRTL_PER_STREAM_CONTEXT;

typedef struct _FSRTL_PER_FILE_CONTEXT {
    LIST_ENTRY Links;
    PVOID OwnerId;
    PVOID InstanceId;
    PFREE_FUNCTION FreeCallback;
} FSRTL_PER_FILE_CONTEXT, *PFSRTL_PER_FILE_CONTEXT;

typedef struct _FSRTL_PER_FILEOBJECT_CONTEXT {
    LIST_ENTRY Links;
    PVOID OwnerId;
    PVOID InstanceId;
} FSRTL_PER_FILEOBJECT_CONTEXT, *PFSRTL_PER_FILEOBJECT_CONTEXT;

/* Extra create parameters. */
typedef struct _ECP_HEADER ECP_HEADER, *PECP_HEADER;
typedef VOID NTAPI FSRTL_EXTRA_CREATE_PARAMETER_CLEANUP_CALLBACK(PVOID EcpContext,
                                                                 LPCGUID EcpType);
typedef FSRTL_EXTRA_CREATE_PARAMETER_CLEANUP_CALLBACK
    *PFSRTL_EXTRA_CREATE_PARAMETER_CLEANUP_CALLBACK;
typedef ULONG FSRTL_ALLOCATE_ECPLIST_FLAGS;
typedef ULONG FSRTL_ALLOCATE_ECP_FLAGS;
typedef ULONG FSRTL_ECP_LOOKASIDE_FLAGS;
#define FSRTL_ALLOCATE_ECPLIST_FLAG_CHARGE_QUOTA 0x00000001
#define FSRTL_ALLOCATE_ECP_FLAG_CHARGE_QUOTA     0x00000001
#define FSRTL_ALLOCATE_ECP_FLAG_NONPAGED_POOL    0x00000002
#define FSRTL_ECP_LOOKASIDE_FLAG_NONPAGED_POOL   0x00000002

/* File system filter callbacks (FS_FILTER). */
typedef enum _FS_FILTER_SECTION_SYNC_TYPE {
    SyncTypeOther = 0,
    SyncTypeCreateSection
} FS_FILTER_SECTION_SYNC_TYPE, *PFS_FILTER_SECTION_SYNC_TYPE;

typedef enum _FS_FILTER_STREAM_FO_NOTIFICATION_TYPE {
    NotifyTypeCreate = 0,
    NotifyTypeRetired
} FS_FILTER_STREAM_FO_NOTIFICATION_TYPE, *PFS_FILTER_STREAM_FO_NOTIFICATION_TYPE;

typedef struct _FS_FILTER_SECTION_SYNC_OUTPUT {
    ULONG StructureSize;
    ULONG SizeReturned;
    ULONG Flags;
    ULONG DesiredReadAlignment;
} FS_FILTER_SECTION_SYNC_OUTPUT, *PFS_FILTER_SECTION_SYNC_OUTPUT;

#define FS_FILTER_SECTION_SYNC_IN_FLAG_DONT_UPDATE_LAST_ACCESS 0x00000001
#define FS_FILTER_SECTION_SYNC_SUPPORTS_ASYNC_PARALLEL_IO      0x00000001
#define FS_FILTER_SECTION_SYNC_SUPPORTS_DIRECT_MAP_DATA        0x00000002
#define FS_FILTER_SECTION_SYNC_SUPPORTS_DIRECT_MAP_IMAGE       0x00000004
#define FS_FILTER_SECTION_SYNC_IMAGE_EXTENTS_ARE_NOT_RVA       0x00000008

typedef union _FS_FILTER_PARAMETERS {
    struct {
        PLARGE_INTEGER EndingOffset;
        PERESOURCE *ResourceToRelease;
    } AcquireForModifiedPageWriter;
    struct {
        PERESOURCE ResourceToRelease;
    } ReleaseForModifiedPageWriter;
    struct {
        FS_FILTER_SECTION_SYNC_TYPE SyncType;
        ULONG PageProtection;
        PFS_FILTER_SECTION_SYNC_OUTPUT OutputInformation;
        ULONG Flags;
        ULONG AllocationAttributes;
    } AcquireForSectionSynchronization;
    struct {
        FS_FILTER_STREAM_FO_NOTIFICATION_TYPE NotificationType;
        BOOLEAN POINTER_ALIGNMENT SafeToRecurse;
    } NotifyStreamFileObject;
    struct {
        PIRP Irp;
        PVOID FileInformation;
        PULONG Length;
        FILE_INFORMATION_CLASS FileInformationClass;
        NTSTATUS CompletionStatus;
    } QueryOpen;
    struct {
        PVOID Argument1;
        PVOID Argument2;
        PVOID Argument3;
        PVOID Argument4;
        PVOID Argument5;
    } Others;
} FS_FILTER_PARAMETERS, *PFS_FILTER_PARAMETERS;

typedef struct _FS_FILTER_CALLBACK_DATA {
    ULONG SizeOfFsFilterCallbackData;
    UCHAR Operation;
    UCHAR Reserved;
    struct _DEVICE_OBJECT *DeviceObject;
    struct _FILE_OBJECT *FileObject;
    FS_FILTER_PARAMETERS Parameters;
} FS_FILTER_CALLBACK_DATA, *PFS_FILTER_CALLBACK_DATA;

typedef NTSTATUS NTAPI FS_FILTER_CALLBACK(PFS_FILTER_CALLBACK_DATA Data,
                                          PVOID *CompletionContext);
typedef FS_FILTER_CALLBACK *PFS_FILTER_CALLBACK;
typedef VOID NTAPI FS_FILTER_COMPLETION_CALLBACK(PFS_FILTER_CALLBACK_DATA Data,
                                                 NTSTATUS OperationStatus,
                                                 PVOID CompletionContext);
typedef FS_FILTER_COMPLETION_CALLBACK *PFS_FILTER_COMPLETION_CALLBACK;

#define FS_FILTER_ACQUIRE_FOR_SECTION_SYNCHRONIZATION ((UCHAR)-1)
#define FS_FILTER_RELEASE_FOR_SECTION_SYNCHRONIZATION ((UCHAR)-2)
#define FS_FILTER_ACQUIRE_FOR_MOD_WRITE               ((UCHAR)-3)
#define FS_FILTER_RELEASE_FOR_MOD_WRITE               ((UCHAR)-4)
#define FS_FILTER_ACQUIRE_FOR_CC_FLUSH                ((UCHAR)-5)
#define FS_FILTER_RELEASE_FOR_CC_FLUSH                ((UCHAR)-6)
#define FS_FILTER_QUERY_OPEN                          ((UCHAR)-7)

typedef struct _FS_FILTER_CALLBACKS {
    ULONG SizeOfFsFilterCallbacks;
    ULONG Reserved;
    PFS_FILTER_CALLBACK PreAcquireForSectionSynchronization;
    PFS_FILTER_COMPLETION_CALLBACK PostAcquireForSectionSynchronization;
    PFS_FILTER_CALLBACK PreReleaseForSectionSynchronization;
    PFS_FILTER_COMPLETION_CALLBACK PostReleaseForSectionSynchronization;
    PFS_FILTER_CALLBACK PreAcquireForCcFlush;
    PFS_FILTER_COMPLETION_CALLBACK PostAcquireForCcFlush;
    PFS_FILTER_CALLBACK PreReleaseForCcFlush;
    PFS_FILTER_COMPLETION_CALLBACK PostReleaseForCcFlush;
    PFS_FILTER_CALLBACK PreAcquireForModifiedPageWriter;
    PFS_FILTER_COMPLETION_CALLBACK PostAcquireForModifiedPageWriter;
    PFS_FILTER_CALLBACK PreReleaseForModifiedPageWriter;
    PFS_FILTER_COMPLETION_CALLBACK PostReleaseForModifiedPageWriter;
    PFS_FILTER_CALLBACK PreQueryOpen;
    PFS_FILTER_COMPLETION_CALLBACK PostQueryOpen;
} FS_FILTER_CALLBACKS, *PFS_FILTER_CALLBACKS;

typedef VOID NTAPI FSRTL_STACK_OVERFLOW_ROUTINE(PVOID Context, PKEVENT Event);
typedef FSRTL_STACK_OVERFLOW_ROUTINE *PFSRTL_STACK_OVERFLOW_ROUTINE;

typedef enum _FSRTL_CHANGE_BACKING_TYPE {
    ChangeDataControlArea,
    ChangeImageControlArea,
    ChangeSharedCacheMap
} FSRTL_CHANGE_BACKING_TYPE, *PFSRTL_CHANGE_BACKING_TYPE;

typedef enum _FSRTL_COMPARISON_RESULT {
    LessThan = -1,
    EqualTo = 0,
    GreaterThan = 1
} FSRTL_COMPARISON_RESULT;

#define FSRTL_CC_FLUSH_ERROR_FLAG_NO_HARD_ERROR 0x1
#define FSRTL_CC_FLUSH_ERROR_FLAG_NO_LOG_ENTRY  0x2

#define FSRTL_UNC_PROVIDER_FLAGS_MAILSLOTS_SUPPORTED 0x00000001
#define FSRTL_UNC_PROVIDER_FLAGS_CSC_ENABLED         0x00000002
#define FSRTL_UNC_PROVIDER_FLAGS_DOMAIN_SVC_AWARE    0x00000004

typedef struct _FSRTL_MUP_PROVIDER_INFO_LEVEL_1 {
    ULONG ProviderId;
} FSRTL_MUP_PROVIDER_INFO_LEVEL_1, *PFSRTL_MUP_PROVIDER_INFO_LEVEL_1;

typedef struct _FSRTL_MUP_PROVIDER_INFO_LEVEL_2 {
    ULONG ProviderId;
    UNICODE_STRING ProviderName;
} FSRTL_MUP_PROVIDER_INFO_LEVEL_2, *PFSRTL_MUP_PROVIDER_INFO_LEVEL_2;

NT_END_C

#endif
