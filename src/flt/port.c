/* SPDX-License-Identifier: MIT */
/*
 * Communication ports, the kernel's side: a server port has a unique name, the filter's callbacks
 * and a limit of connections. Connections and messages come through FltxPortTransport, which the
 * user-mode side fills; without it a port can be made and closed and nobody ever connects.
 */
#include "fltx.h"
#include "port.h"

const FLTX_PORT_TRANSPORT *FltxPortTransport;

static KEX_LOCK Lock = KEX_LOCK_INIT(KEX_RANK_FLT + 6, "flt ports");
static LIST_ENTRY Servers = {&Servers, &Servers};

static BOOLEAN Insert(PFLT_PORT Port)
{
    BOOLEAN Free = TRUE;
    PLIST_ENTRY Link;

    KexLockAcquire(&Lock);
    for (Link = Servers.Flink; Link != &Servers; Link = Link->Flink)
        if (RtlEqualUnicodeString(&CONTAINING_RECORD(Link, struct _FLT_PORT, Link)->Name,
                                  &Port->Name, TRUE))
            Free = FALSE;
    if (Free)
        InsertTailList(&Servers, &Port->Link);
    KexLockRelease(&Lock);
    return Free;
}

static void Remove(PFLT_PORT Port)
{
    KexLockAcquire(&Lock);
    RemoveEntryList(&Port->Link);
    KexLockRelease(&Lock);
}

static void Free(PFLT_PORT Port)
{
    FltxFreeString(&Port->Name);
    FltxDrop(&Port->Filter->Object);
    ExFreePoolWithTag(Port, FLTX_TAG);
}

static NTSTATUS Make(PFLT_FILTER Filter, PCUNICODE_STRING Name, PFLT_PORT *Out)
{
    PFLT_PORT Port = ExAllocatePoolWithTag(NonPagedPool, sizeof(*Port), FLTX_TAG);
    NTSTATUS Status;

    if (!Port)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(Port, sizeof(*Port));
    Port->Filter = Filter;
    FltxHold(&Filter->Object);
    Status = FltxCopyString(&Port->Name, Name);
    if (!NT_SUCCESS(Status)) {
        Free(Port);
        return Status;
    }
    *Out = Port;
    return STATUS_SUCCESS;
}

/*
 * Makes a server port. IRQL: PASSIVE_LEVEL. ObjectAttributes must name it and ask for a kernel
 * handle. Closed by FltCloseCommunicationPort. STATUS_OBJECT_NAME_COLLISION,
 * STATUS_FLT_DELETING_OBJECT, STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES
 * (nf-fltkernel-fltcreatecommunicationport).
 */
NTSTATUS NTAPI FltCreateCommunicationPort(PFLT_FILTER Filter, PFLT_PORT *ServerPort,
                                          POBJECT_ATTRIBUTES ObjectAttributes,
                                          PVOID ServerPortCookie,
                                          PFLT_CONNECT_NOTIFY ConnectNotifyCallback,
                                          PFLT_DISCONNECT_NOTIFY DisconnectNotifyCallback,
                                          PFLT_MESSAGE_NOTIFY MessageNotifyCallback,
                                          LONG MaxConnections)
{
    PFLT_PORT Port;
    NTSTATUS Status;

    if (!ObjectAttributes || !ObjectAttributes->ObjectName ||
        !ObjectAttributes->ObjectName->Length ||
        !(ObjectAttributes->Attributes & OBJ_KERNEL_HANDLE) || !ConnectNotifyCallback ||
        !DisconnectNotifyCallback)
        return STATUS_INVALID_PARAMETER;
    if (FltxClosing(&Filter->Object))
        return STATUS_FLT_DELETING_OBJECT;
    Status = Make(Filter, ObjectAttributes->ObjectName, &Port);
    if (!NT_SUCCESS(Status))
        return Status;
    Port->Cookie = ServerPortCookie;
    Port->Connect = ConnectNotifyCallback;
    Port->Disconnect = DisconnectNotifyCallback;
    Port->Message = MessageNotifyCallback;
    Port->MaxConnections = MaxConnections;
    if (!Insert(Port)) {
        Free(Port);
        return STATUS_OBJECT_NAME_COLLISION;
    }
    if (FltxPortTransport) {
        Status = FltxPortTransport->Create(Port, &Port->Name);
        if (!NT_SUCCESS(Status)) {
            Remove(Port);
            Free(Port);
            return Status;
        }
    }
    atomic_fetch_add(&Filter->Ports, 1);
    FltxTrackHeld(&Port->Held, "communication port", Port, Filter, __builtin_return_address(0),
                  sizeof(*Port), 0);
    *ServerPort = Port;
    return STATUS_SUCCESS;
}

/* Closes a server port: no new connections; existing ones stay. IRQL: PASSIVE_LEVEL
 * (nf-fltkernel-fltclosecommunicationport). */
VOID NTAPI FltCloseCommunicationPort(PFLT_PORT ServerPort)
{
    if (FltxPortTransport)
        FltxPortTransport->Close(ServerPort);
    Remove(ServerPort);
    atomic_fetch_sub(&ServerPort->Filter->Ports, 1);
    FltxUntrackHeld(&ServerPort->Held);
    Free(ServerPort);
}
