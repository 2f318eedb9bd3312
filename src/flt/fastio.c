/* SPDX-License-Identifier: MIT */
/*
 * FltMgr's FAST_IO_DISPATCH: the same chains as the IRP road, on the caller's stack, with
 * FLTFL_CALLBACK_DATA_FAST_IO_OPERATION. FALSE (refused here or below) makes the caller send an
 * IRP; the filters above the refusal see STATUS_FLT_DISALLOW_FAST_IO in their post-callbacks.
 */
#include "fltx.h"

/* Calls the routine of the driver below with what the filters left; FALSE when it has none. */
typedef BOOLEAN FLTX_BELOW(PFLT_VOLUME Volume, FLT_IO_PARAMETER_BLOCK *p, BOOLEAN Wait,
                           PIO_STATUS_BLOCK Iosb);

#define FLTX_LOWER(volume, routine)                                                                \
    PFAST_IO_DISPATCH Table = (volume)->Lower->DriverObject->FastIoDispatch;                       \
    if (!Table || Table->SizeOfFastIoDispatch <= FIELD_OFFSET(FAST_IO_DISPATCH, routine) ||        \
        !Table->routine)                                                                           \
    return FALSE

static BOOLEAN Outcome(FLTX_OP *Op, FLTX_CHAIN *Chain, LONG From, BOOLEAN Done,
                       PIO_STATUS_BLOCK Iosb)
{
    if (!Done) {
        Op->Data.IoStatus.Status = STATUS_FLT_DISALLOW_FAST_IO;
        Op->Data.IoStatus.Information = 0;
    }
    FltxPost(Op, Chain, From);
    if (Done)
        *Iosb = Op->Data.IoStatus;
    FltxEndOp(Op);
    return Done;
}

/* From: the filter that makes the call itself, which only those below it see; NULL for the I/O
 * manager's calls. */
static BOOLEAN RunFrom(PFLT_VOLUME Volume, PFLT_INSTANCE From, FLT_IO_PARAMETER_BLOCK *p,
                       FLTX_BELOW *Below, BOOLEAN Wait, PIO_STATUS_BLOCK Iosb)
{
    PFLT_INSTANCE Target = NULL;
    FLTX_CHAIN *Chain;
    FLTX_OP *Op;
    LONG At;

    if (!atomic_load_explicit(&Volume->Chain[FltxSlot(p->MajorFunction)], memory_order_relaxed))
        return Below(Volume, p, Wait, Iosb);
    Op = FltxBegin(Volume, p->MajorFunction, FLTX_OP_FASTIO, &Chain);
    if (!Op)
        return Chain ? FALSE : Below(Volume, p, Wait, Iosb);
    Op->Irp = NULL;
    Op->Data.Flags =
        FLTFL_CALLBACK_DATA_FAST_IO_OPERATION | (From ? FLTFL_CALLBACK_DATA_GENERATED_IO : 0);
    Op->Data.Thread = PsGetCurrentThread();
    Op->Data.RequestorMode = ExGetPreviousMode();
    Op->Iopb = Op->Committed = *p;
    if (!From &&
        __builtin_expect(atomic_load_explicit(&Volume->Targeted, memory_order_relaxed) != 0, 0))
        Target = FltxHoldTarget(p->TargetFileObject);
    FltxBeginOp(Op, Volume, Chain, From ? From : Target);
    if (Target)
        FltxDrop(&Target->Object);
    At = Op->First;
    switch (FltxPre(Op, Chain, &At, FALSE)) {
    case FLT_PREOP_SUCCESS_NO_CALLBACK: {
        BOOLEAN Done;

        FltxOpStep(Op, FLTX_CURSOR_BELOW);
        Op->Data.IoStatus.Status = STATUS_SUCCESS;
        Done = Below(Volume, &Op->Committed, Wait, &Op->Data.IoStatus);
        return Outcome(Op, Chain, Op->Layers - 1, Done, Iosb);
    }
    case FLT_PREOP_COMPLETE:
        return Outcome(Op, Chain, At, TRUE, Iosb);
    default:
        return Outcome(Op, Chain, At, FALSE, Iosb);
    }
}

static BOOLEAN Run(PDEVICE_OBJECT Device, FLT_IO_PARAMETER_BLOCK *p, FLTX_BELOW *Below,
                   BOOLEAN Wait, PIO_STATUS_BLOCK Iosb)
{
    return RunFrom(*(PFLT_VOLUME *)Device->DeviceExtension, NULL, p, Below, Wait, Iosb);
}

static void Init(FLT_IO_PARAMETER_BLOCK *p, UCHAR Major, PFILE_OBJECT FileObject)
{
    RtlZeroMemory(p, sizeof(*p));
    p->MajorFunction = Major;
    p->TargetFileObject = FileObject;
}

/* ---- read and write -------------------------------------------------------------------------- */

static BOOLEAN CheckBelow(PFLT_VOLUME Volume, FLT_IO_PARAMETER_BLOCK *p, BOOLEAN Wait,
                          PIO_STATUS_BLOCK Iosb)
{
    FLTX_LOWER(Volume, FastIoCheckIfPossible);
    return Table->FastIoCheckIfPossible(
        p->TargetFileObject, &p->Parameters.FastIoCheckIfPossible.FileOffset,
        p->Parameters.FastIoCheckIfPossible.Length, Wait,
        p->Parameters.FastIoCheckIfPossible.LockKey,
        p->Parameters.FastIoCheckIfPossible.CheckForReadOperation, Iosb, Volume->Lower);
}

static BOOLEAN NTAPI Check(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                           BOOLEAN Wait, ULONG LockKey, BOOLEAN CheckForReadOperation,
                           PIO_STATUS_BLOCK IoStatus, PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;

    Init(&p, IRP_MJ_FAST_IO_CHECK_IF_POSSIBLE, FileObject);
    p.Parameters.FastIoCheckIfPossible.FileOffset = *FileOffset;
    p.Parameters.FastIoCheckIfPossible.Length = Length;
    p.Parameters.FastIoCheckIfPossible.LockKey = LockKey;
    p.Parameters.FastIoCheckIfPossible.CheckForReadOperation = CheckForReadOperation;
    return Run(DeviceObject, &p, CheckBelow, Wait, IoStatus);
}

static BOOLEAN ReadBelow(PFLT_VOLUME Volume, FLT_IO_PARAMETER_BLOCK *p, BOOLEAN Wait,
                         PIO_STATUS_BLOCK Iosb)
{
    LARGE_INTEGER Offset = p->Parameters.Read.ByteOffset;

    FLTX_LOWER(Volume, FastIoRead);
    return Table->FastIoRead(p->TargetFileObject, &Offset, p->Parameters.Read.Length, Wait,
                             p->Parameters.Read.Key, p->Parameters.Read.ReadBuffer, Iosb,
                             Volume->Lower);
}

static BOOLEAN NTAPI Read(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                          BOOLEAN Wait, ULONG LockKey, PVOID Buffer, PIO_STATUS_BLOCK IoStatus,
                          PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;

    Init(&p, IRP_MJ_READ, FileObject);
    p.Parameters.Read.Length = Length;
    p.Parameters.Read.Key = LockKey;
    p.Parameters.Read.ByteOffset = *FileOffset;
    p.Parameters.Read.ReadBuffer = Buffer;
    return Run(DeviceObject, &p, ReadBelow, Wait, IoStatus);
}

static BOOLEAN WriteBelow(PFLT_VOLUME Volume, FLT_IO_PARAMETER_BLOCK *p, BOOLEAN Wait,
                          PIO_STATUS_BLOCK Iosb)
{
    LARGE_INTEGER Offset = p->Parameters.Write.ByteOffset;

    FLTX_LOWER(Volume, FastIoWrite);
    return Table->FastIoWrite(p->TargetFileObject, &Offset, p->Parameters.Write.Length, Wait,
                              p->Parameters.Write.Key, p->Parameters.Write.WriteBuffer, Iosb,
                              Volume->Lower);
}

static BOOLEAN NTAPI Write(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                           BOOLEAN Wait, ULONG LockKey, PVOID Buffer, PIO_STATUS_BLOCK IoStatus,
                           PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;

    Init(&p, IRP_MJ_WRITE, FileObject);
    p.Parameters.Write.Length = Length;
    p.Parameters.Write.Key = LockKey;
    p.Parameters.Write.ByteOffset = *FileOffset;
    p.Parameters.Write.WriteBuffer = Buffer;
    return Run(DeviceObject, &p, WriteBelow, Wait, IoStatus);
}

/* ---- the three queries ----------------------------------------------------------------------- */

static BOOLEAN QueryBelow(PFLT_VOLUME Volume, FLT_IO_PARAMETER_BLOCK *p, BOOLEAN Wait,
                          PIO_STATUS_BLOCK Iosb)
{
    PVOID Buffer = p->Parameters.QueryFileInformation.InfoBuffer;

    switch (p->Parameters.QueryFileInformation.FileInformationClass) {
    case FileBasicInformation: {
        FLTX_LOWER(Volume, FastIoQueryBasicInfo);
        return Table->FastIoQueryBasicInfo(p->TargetFileObject, Wait, Buffer, Iosb, Volume->Lower);
    }
    case FileStandardInformation: {
        FLTX_LOWER(Volume, FastIoQueryStandardInfo);
        return Table->FastIoQueryStandardInfo(p->TargetFileObject, Wait, Buffer, Iosb,
                                              Volume->Lower);
    }
    default: {
        FLTX_LOWER(Volume, FastIoQueryNetworkOpenInfo);
        return Table->FastIoQueryNetworkOpenInfo(p->TargetFileObject, Wait, Buffer, Iosb,
                                                 Volume->Lower);
    }
    }
}

static BOOLEAN Query(PFILE_OBJECT FileObject, BOOLEAN Wait, PVOID Buffer, ULONG Length,
                     FILE_INFORMATION_CLASS Class, PIO_STATUS_BLOCK IoStatus,
                     PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;

    Init(&p, IRP_MJ_QUERY_INFORMATION, FileObject);
    p.Parameters.QueryFileInformation.Length = Length;
    p.Parameters.QueryFileInformation.FileInformationClass = Class;
    p.Parameters.QueryFileInformation.InfoBuffer = Buffer;
    return Run(DeviceObject, &p, QueryBelow, Wait, IoStatus);
}

static BOOLEAN NTAPI QueryBasic(PFILE_OBJECT FileObject, BOOLEAN Wait,
                                PFILE_BASIC_INFORMATION Buffer, PIO_STATUS_BLOCK IoStatus,
                                PDEVICE_OBJECT DeviceObject)
{
    return Query(FileObject, Wait, Buffer, sizeof(*Buffer), FileBasicInformation, IoStatus,
                 DeviceObject);
}

static BOOLEAN NTAPI QueryStandard(PFILE_OBJECT FileObject, BOOLEAN Wait,
                                   PFILE_STANDARD_INFORMATION Buffer, PIO_STATUS_BLOCK IoStatus,
                                   PDEVICE_OBJECT DeviceObject)
{
    return Query(FileObject, Wait, Buffer, sizeof(*Buffer), FileStandardInformation, IoStatus,
                 DeviceObject);
}

static BOOLEAN NTAPI QueryNetwork(PFILE_OBJECT FileObject, BOOLEAN Wait,
                                  PFILE_NETWORK_OPEN_INFORMATION Buffer, PIO_STATUS_BLOCK IoStatus,
                                  PDEVICE_OBJECT DeviceObject)
{
    return Query(FileObject, Wait, Buffer, sizeof(*Buffer), FileNetworkOpenInformation, IoStatus,
                 DeviceObject);
}

/* ---- byte-range locks: one major function, four routines told apart by the minor ------------- */

static BOOLEAN LockBelow(PFLT_VOLUME Volume, FLT_IO_PARAMETER_BLOCK *p, BOOLEAN Wait,
                         PIO_STATUS_BLOCK Iosb)
{
    LARGE_INTEGER Offset = p->Parameters.LockControl.ByteOffset;
    PEPROCESS Process = p->Parameters.LockControl.ProcessId;
    ULONG Key = p->Parameters.LockControl.Key;

    UNREFERENCED_PARAMETER(Wait);
    switch (p->MinorFunction) {
    case IRP_MN_LOCK: {
        FLTX_LOWER(Volume, FastIoLock);
        return Table->FastIoLock(p->TargetFileObject, &Offset, p->Parameters.LockControl.Length,
                                 Process, Key, p->Parameters.LockControl.FailImmediately,
                                 p->Parameters.LockControl.ExclusiveLock, Iosb, Volume->Lower);
    }
    case IRP_MN_UNLOCK_SINGLE: {
        FLTX_LOWER(Volume, FastIoUnlockSingle);
        return Table->FastIoUnlockSingle(p->TargetFileObject, &Offset,
                                         p->Parameters.LockControl.Length, Process, Key, Iosb,
                                         Volume->Lower);
    }
    case IRP_MN_UNLOCK_ALL: {
        FLTX_LOWER(Volume, FastIoUnlockAll);
        return Table->FastIoUnlockAll(p->TargetFileObject, Process, Iosb, Volume->Lower);
    }
    default: {
        FLTX_LOWER(Volume, FastIoUnlockAllByKey);
        return Table->FastIoUnlockAllByKey(p->TargetFileObject, Process, Key, Iosb, Volume->Lower);
    }
    }
}

static void InitLock(FLT_IO_PARAMETER_BLOCK *p, UCHAR Minor, PFILE_OBJECT FileObject,
                     PEPROCESS Process, ULONG Key)
{
    Init(p, IRP_MJ_LOCK_CONTROL, FileObject);
    p->MinorFunction = Minor;
    p->Parameters.LockControl.ProcessId = Process;
    p->Parameters.LockControl.Key = Key;
}

static BOOLEAN NTAPI Lock(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, PLARGE_INTEGER Length,
                          PEPROCESS Process, ULONG Key, BOOLEAN FailImmediately, BOOLEAN Exclusive,
                          PIO_STATUS_BLOCK IoStatus, PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;

    InitLock(&p, IRP_MN_LOCK, FileObject, Process, Key);
    p.Parameters.LockControl.ByteOffset = *FileOffset;
    p.Parameters.LockControl.Length = Length;
    p.Parameters.LockControl.FailImmediately = FailImmediately;
    p.Parameters.LockControl.ExclusiveLock = Exclusive;
    return Run(DeviceObject, &p, LockBelow, TRUE, IoStatus);
}

static BOOLEAN NTAPI UnlockSingle(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                  PLARGE_INTEGER Length, PEPROCESS Process, ULONG Key,
                                  PIO_STATUS_BLOCK IoStatus, PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;

    InitLock(&p, IRP_MN_UNLOCK_SINGLE, FileObject, Process, Key);
    p.Parameters.LockControl.ByteOffset = *FileOffset;
    p.Parameters.LockControl.Length = Length;
    return Run(DeviceObject, &p, LockBelow, TRUE, IoStatus);
}

static BOOLEAN NTAPI UnlockAll(PFILE_OBJECT FileObject, PEPROCESS Process,
                               PIO_STATUS_BLOCK IoStatus, PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;

    InitLock(&p, IRP_MN_UNLOCK_ALL, FileObject, Process, 0);
    return Run(DeviceObject, &p, LockBelow, TRUE, IoStatus);
}

static BOOLEAN NTAPI UnlockAllByKey(PFILE_OBJECT FileObject, PVOID Process, ULONG Key,
                                    PIO_STATUS_BLOCK IoStatus, PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;

    InitLock(&p, IRP_MN_UNLOCK_ALL_BY_KEY, FileObject, Process, Key);
    return Run(DeviceObject, &p, LockBelow, TRUE, IoStatus);
}

/* ---- device control -------------------------------------------------------------------------- */

static BOOLEAN ControlBelow(PFLT_VOLUME Volume, FLT_IO_PARAMETER_BLOCK *p, BOOLEAN Wait,
                            PIO_STATUS_BLOCK Iosb)
{
    FLTX_LOWER(Volume, FastIoDeviceControl);
    return Table->FastIoDeviceControl(
        p->TargetFileObject, Wait, p->Parameters.DeviceIoControl.FastIo.InputBuffer,
        p->Parameters.DeviceIoControl.FastIo.InputBufferLength,
        p->Parameters.DeviceIoControl.FastIo.OutputBuffer,
        p->Parameters.DeviceIoControl.FastIo.OutputBufferLength,
        p->Parameters.DeviceIoControl.FastIo.IoControlCode, Iosb, Volume->Lower);
}

static BOOLEAN NTAPI Control(PFILE_OBJECT FileObject, BOOLEAN Wait, PVOID InputBuffer,
                             ULONG InputBufferLength, PVOID OutputBuffer, ULONG OutputBufferLength,
                             ULONG IoControlCode, PIO_STATUS_BLOCK IoStatus,
                             PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;

    Init(&p, IRP_MJ_DEVICE_CONTROL, FileObject);
    p.Parameters.DeviceIoControl.FastIo.InputBuffer = InputBuffer;
    p.Parameters.DeviceIoControl.FastIo.InputBufferLength = InputBufferLength;
    p.Parameters.DeviceIoControl.FastIo.OutputBuffer = OutputBuffer;
    p.Parameters.DeviceIoControl.FastIo.OutputBufferLength = OutputBufferLength;
    p.Parameters.DeviceIoControl.FastIo.IoControlCode = IoControlCode;
    return Run(DeviceObject, &p, ControlBelow, Wait, IoStatus);
}

/* ---- opening only to ask (network query open) ------------------------------------------------ */

static BOOLEAN QueryOpenBelow(PFLT_VOLUME Volume, FLT_IO_PARAMETER_BLOCK *p, BOOLEAN Wait,
                              PIO_STATUS_BLOCK Iosb)
{
    PIRP Irp = p->Parameters.NetworkQueryOpen.Irp;
    BOOLEAN Done;

    UNREFERENCED_PARAMETER(Wait);
    FLTX_LOWER(Volume, FastIoQueryOpen);
    /* The next driver reads its own stack location, as with IoCallDriver; it is given back
     * afterwards. */
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetNextIrpStackLocation(Irp);
    IoGetCurrentIrpStackLocation(Irp)->DeviceObject = Volume->Lower;
    Done = Table->FastIoQueryOpen(Irp, p->Parameters.NetworkQueryOpen.NetworkInformation,
                                  Volume->Lower);
    Irp->CurrentLocation++;
    Irp->Tail.Overlay.CurrentStackLocation++;
    *Iosb = Irp->IoStatus;
    return Done;
}

static BOOLEAN NTAPI QueryOpen(PIRP Irp, PFILE_NETWORK_OPEN_INFORMATION NetworkInformation,
                               PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;
    IO_STATUS_BLOCK Iosb = {0};
    BOOLEAN Done;

    Init(&p, IRP_MJ_NETWORK_QUERY_OPEN, IoGetCurrentIrpStackLocation(Irp)->FileObject);
    p.Parameters.NetworkQueryOpen.Irp = Irp;
    p.Parameters.NetworkQueryOpen.NetworkInformation = NetworkInformation;
    Done = Run(DeviceObject, &p, QueryOpenBelow, TRUE, &Iosb);
    if (Done)
        Irp->IoStatus = Iosb;
    return Done;
}

/* ---- MDL transfers --------------------------------------------------------------------------- */

static BOOLEAN MdlReadBelow(PFLT_VOLUME Volume, FLT_IO_PARAMETER_BLOCK *p, BOOLEAN Wait,
                            PIO_STATUS_BLOCK Iosb)
{
    LARGE_INTEGER Offset = p->Parameters.MdlRead.FileOffset;

    UNREFERENCED_PARAMETER(Wait);
    FLTX_LOWER(Volume, MdlRead);
    return Table->MdlRead(p->TargetFileObject, &Offset, p->Parameters.MdlRead.Length,
                          p->Parameters.MdlRead.Key, p->Parameters.MdlRead.MdlChain, Iosb,
                          Volume->Lower);
}

static BOOLEAN NTAPI MdlRead(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset, ULONG Length,
                             ULONG LockKey, PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus,
                             PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;

    Init(&p, IRP_MJ_MDL_READ, FileObject);
    p.Parameters.MdlRead.FileOffset = *FileOffset;
    p.Parameters.MdlRead.Length = Length;
    p.Parameters.MdlRead.Key = LockKey;
    p.Parameters.MdlRead.MdlChain = MdlChain;
    return Run(DeviceObject, &p, MdlReadBelow, TRUE, IoStatus);
}

static BOOLEAN MdlReadCompleteBelow(PFLT_VOLUME Volume, FLT_IO_PARAMETER_BLOCK *p, BOOLEAN Wait,
                                    PIO_STATUS_BLOCK Iosb)
{
    UNREFERENCED_PARAMETER(Wait);
    UNREFERENCED_PARAMETER(Iosb);
    FLTX_LOWER(Volume, MdlReadComplete);
    return Table->MdlReadComplete(p->TargetFileObject, p->Parameters.MdlReadComplete.MdlChain,
                                  Volume->Lower);
}

static BOOLEAN NTAPI MdlReadComplete(PFILE_OBJECT FileObject, PMDL MdlChain,
                                     PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;
    IO_STATUS_BLOCK Iosb;

    Init(&p, IRP_MJ_MDL_READ_COMPLETE, FileObject);
    p.Parameters.MdlReadComplete.MdlChain = MdlChain;
    return Run(DeviceObject, &p, MdlReadCompleteBelow, TRUE, &Iosb);
}

static BOOLEAN PrepareBelow(PFLT_VOLUME Volume, FLT_IO_PARAMETER_BLOCK *p, BOOLEAN Wait,
                            PIO_STATUS_BLOCK Iosb)
{
    LARGE_INTEGER Offset = p->Parameters.PrepareMdlWrite.FileOffset;

    UNREFERENCED_PARAMETER(Wait);
    FLTX_LOWER(Volume, PrepareMdlWrite);
    return Table->PrepareMdlWrite(p->TargetFileObject, &Offset,
                                  p->Parameters.PrepareMdlWrite.Length,
                                  p->Parameters.PrepareMdlWrite.Key,
                                  p->Parameters.PrepareMdlWrite.MdlChain, Iosb, Volume->Lower);
}

static BOOLEAN NTAPI PrepareMdlWrite(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                     ULONG Length, ULONG LockKey, PMDL *MdlChain,
                                     PIO_STATUS_BLOCK IoStatus, PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;

    Init(&p, IRP_MJ_PREPARE_MDL_WRITE, FileObject);
    p.Parameters.PrepareMdlWrite.FileOffset = *FileOffset;
    p.Parameters.PrepareMdlWrite.Length = Length;
    p.Parameters.PrepareMdlWrite.Key = LockKey;
    p.Parameters.PrepareMdlWrite.MdlChain = MdlChain;
    return Run(DeviceObject, &p, PrepareBelow, TRUE, IoStatus);
}

static BOOLEAN MdlWriteCompleteBelow(PFLT_VOLUME Volume, FLT_IO_PARAMETER_BLOCK *p, BOOLEAN Wait,
                                     PIO_STATUS_BLOCK Iosb)
{
    LARGE_INTEGER Offset = p->Parameters.MdlWriteComplete.FileOffset;

    UNREFERENCED_PARAMETER(Wait);
    UNREFERENCED_PARAMETER(Iosb);
    FLTX_LOWER(Volume, MdlWriteComplete);
    return Table->MdlWriteComplete(p->TargetFileObject, &Offset,
                                   p->Parameters.MdlWriteComplete.MdlChain, Volume->Lower);
}

static BOOLEAN NTAPI MdlWriteComplete(PFILE_OBJECT FileObject, PLARGE_INTEGER FileOffset,
                                      PMDL MdlChain, PDEVICE_OBJECT DeviceObject)
{
    FLT_IO_PARAMETER_BLOCK p;
    IO_STATUS_BLOCK Iosb;

    Init(&p, IRP_MJ_MDL_WRITE_COMPLETE, FileObject);
    p.Parameters.MdlWriteComplete.FileOffset = *FileOffset;
    p.Parameters.MdlWriteComplete.MdlChain = MdlChain;
    return Run(DeviceObject, &p, MdlWriteCompleteBelow, TRUE, &Iosb);
}

/*
 * The MDL routines for filters: as the file system's own fast-I/O routines, seen by the instances
 * below InitiatingInstance only. IRQL: <= APC_LEVEL. FALSE when somebody below refuses
 * (nf-fltkernel-fltfastiomdlread and its siblings).
 */
BOOLEAN NTAPI FltFastIoMdlRead(PFLT_INSTANCE InitiatingInstance, PFILE_OBJECT FileObject,
                               PLARGE_INTEGER FileOffset, ULONG Length, ULONG LockKey,
                               PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus)
{
    FLT_IO_PARAMETER_BLOCK p;

    Init(&p, IRP_MJ_MDL_READ, FileObject);
    p.Parameters.MdlRead.FileOffset = *FileOffset;
    p.Parameters.MdlRead.Length = Length;
    p.Parameters.MdlRead.Key = LockKey;
    p.Parameters.MdlRead.MdlChain = MdlChain;
    return RunFrom(InitiatingInstance->Volume, InitiatingInstance, &p, MdlReadBelow, TRUE,
                   IoStatus);
}

BOOLEAN NTAPI FltFastIoMdlReadComplete(PFLT_INSTANCE InitiatingInstance, PFILE_OBJECT FileObject,
                                       PMDL MdlChain)
{
    FLT_IO_PARAMETER_BLOCK p;
    IO_STATUS_BLOCK Iosb;

    Init(&p, IRP_MJ_MDL_READ_COMPLETE, FileObject);
    p.Parameters.MdlReadComplete.MdlChain = MdlChain;
    return RunFrom(InitiatingInstance->Volume, InitiatingInstance, &p, MdlReadCompleteBelow, TRUE,
                   &Iosb);
}

BOOLEAN NTAPI FltFastIoPrepareMdlWrite(PFLT_INSTANCE InitiatingInstance, PFILE_OBJECT FileObject,
                                       PLARGE_INTEGER FileOffset, ULONG Length, ULONG LockKey,
                                       PMDL *MdlChain, PIO_STATUS_BLOCK IoStatus)
{
    FLT_IO_PARAMETER_BLOCK p;

    Init(&p, IRP_MJ_PREPARE_MDL_WRITE, FileObject);
    p.Parameters.PrepareMdlWrite.FileOffset = *FileOffset;
    p.Parameters.PrepareMdlWrite.Length = Length;
    p.Parameters.PrepareMdlWrite.Key = LockKey;
    p.Parameters.PrepareMdlWrite.MdlChain = MdlChain;
    return RunFrom(InitiatingInstance->Volume, InitiatingInstance, &p, PrepareBelow, TRUE,
                   IoStatus);
}

BOOLEAN NTAPI FltFastIoMdlWriteComplete(PFLT_INSTANCE InitiatingInstance, PFILE_OBJECT FileObject,
                                        PLARGE_INTEGER FileOffset, PMDL MdlChain)
{
    FLT_IO_PARAMETER_BLOCK p;
    IO_STATUS_BLOCK Iosb;

    Init(&p, IRP_MJ_MDL_WRITE_COMPLETE, FileObject);
    p.Parameters.MdlWriteComplete.FileOffset = *FileOffset;
    p.Parameters.MdlWriteComplete.MdlChain = MdlChain;
    return RunFrom(InitiatingInstance->Volume, InitiatingInstance, &p, MdlWriteCompleteBelow, TRUE,
                   &Iosb);
}

FAST_IO_DISPATCH FltxFastIo = {
    .SizeOfFastIoDispatch = sizeof(FAST_IO_DISPATCH),
    .FastIoCheckIfPossible = Check,
    .FastIoRead = Read,
    .FastIoWrite = Write,
    .FastIoQueryBasicInfo = QueryBasic,
    .FastIoQueryStandardInfo = QueryStandard,
    .FastIoLock = Lock,
    .FastIoUnlockSingle = UnlockSingle,
    .FastIoUnlockAll = UnlockAll,
    .FastIoUnlockAllByKey = UnlockAllByKey,
    .FastIoDeviceControl = Control,
    .FastIoQueryNetworkOpenInfo = QueryNetwork,
    .FastIoQueryOpen = QueryOpen,
    .MdlRead = MdlRead,
    .MdlReadComplete = MdlReadComplete,
    .PrepareMdlWrite = PrepareMdlWrite,
    .MdlWriteComplete = MdlWriteComplete,
};
