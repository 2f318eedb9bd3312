/* SPDX-License-Identifier: MIT */
/*
 * The text trace: one line an event, indented by how deep it is in its request, so that a request
 * reads as a block:
 *
 *     0.001204  T1  > WRITE IRP  \docs\a.txt  0+4096
 *     0.001207  T1      flushmon  pre   SUCCESS_WITH_CALLBACK
 *     0.001215  T1      ntfs      cached write
 *     0.001221  T1      flushmon  post  FINISHED  STATUS_SUCCESS 4096
 *     0.001223  T1  < WRITE  STATUS_SUCCESS 4096
 */
#include "trace/trace_text.h"
#include "trace/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "rtl/rtl.h"

bool TrcTextEnabled;
static uint64_t StartTime;
static __thread int Depth, ThreadNumber;
static int LastThread;

void TrcTextStart(void)
{
    StartTime = KexSched->Monotonic();
}

static int Number(void)
{
    if (!ThreadNumber)
        ThreadNumber = __atomic_add_fetch(&LastThread, 1, __ATOMIC_RELAXED);
    return ThreadNumber;
}

static double Seconds(void)
{
    return (double)(KexSched->Monotonic() - StartTime) / 1e9;
}

size_t TrcTextPrefix(char *Out, size_t Room, const char *Who)
{
    int n = snprintf(Out, Room, "%11.6f  T%-3d %*s%s: ", Seconds(), Number(), 2 * Depth, "", Who);

    return n < (int)Room ? (size_t)n : Room - 1;
}

static const char *const MajorNames[] = {
    "CREATE",
    "CREATE_NAMED_PIPE",
    "CLOSE",
    "READ",
    "WRITE",
    "QUERY_INFORMATION",
    "SET_INFORMATION",
    "QUERY_EA",
    "SET_EA",
    "FLUSH_BUFFERS",
    "QUERY_VOLUME_INFORMATION",
    "SET_VOLUME_INFORMATION",
    "DIRECTORY_CONTROL",
    "FILE_SYSTEM_CONTROL",
    "DEVICE_CONTROL",
    "INTERNAL_DEVICE_CONTROL",
    "SHUTDOWN",
    "LOCK_CONTROL",
    "CLEANUP",
    "CREATE_MAILSLOT",
    "QUERY_SECURITY",
    "SET_SECURITY",
    "POWER",
    "SYSTEM_CONTROL",
    "DEVICE_CHANGE",
    "QUERY_QUOTA",
    "SET_QUOTA",
    "PNP",
};

const char *TrcMajorName(UCHAR Major)
{
    switch (Major) {
    case (UCHAR)-1:
        return "ACQUIRE_FOR_SECTION_SYNCHRONIZATION";
    case (UCHAR)-2:
        return "RELEASE_FOR_SECTION_SYNCHRONIZATION";
    case (UCHAR)-3:
        return "ACQUIRE_FOR_MOD_WRITE";
    case (UCHAR)-4:
        return "RELEASE_FOR_MOD_WRITE";
    case (UCHAR)-5:
        return "ACQUIRE_FOR_CC_FLUSH";
    case (UCHAR)-6:
        return "RELEASE_FOR_CC_FLUSH";
    case (UCHAR)-7:
        return "QUERY_OPEN";
    case (UCHAR)-13:
        return "FAST_IO_CHECK_IF_POSSIBLE";
    case (UCHAR)-14:
        return "NETWORK_QUERY_OPEN";
    case (UCHAR)-15:
        return "MDL_READ";
    case (UCHAR)-16:
        return "MDL_READ_COMPLETE";
    case (UCHAR)-17:
        return "PREPARE_MDL_WRITE";
    case (UCHAR)-18:
        return "MDL_WRITE_COMPLETE";
    case (UCHAR)-19:
        return "VOLUME_MOUNT";
    case (UCHAR)-20:
        return "VOLUME_DISMOUNT";
    }
    return Major < RTL_NUMBER_OF(MajorNames) ? MajorNames[Major] : "?";
}

typedef struct _LINE {
    char Text[TRC_LINE * 2];
    int Length;
} LINE;

static void Add(LINE *l, const char *Format, ...) __attribute__((format(printf, 2, 3)));
static void Add(LINE *l, const char *Format, ...)
{
    int Room = (int)sizeof(l->Text) - 1 - l->Length;
    va_list a;
    int n;

    va_start(a, Format);
    n = vsnprintf(l->Text + l->Length, (size_t)Room, Format, a);
    va_end(a);
    l->Length += n < Room ? n : Room - 1;
}

static void AddPath(LINE *l, PCUNICODE_STRING Path)
{
    char Utf8[300];

    if (!Path || !Path->Buffer)
        return;
    if (RtlxWideToUtf8(Path->Buffer, Path->Length / 2u, Utf8, sizeof(Utf8)) == SIZE_MAX)
        snprintf(Utf8, sizeof(Utf8), "(name is not valid UTF-16)");
    Add(l, "  %s", Path->Length ? Utf8 : "(volume)");
}

static void AddFlags(LINE *l, ULONG Flags)
{
    if (Flags & IRP_PAGING_IO)
        Add(l, Flags & IRP_SYNCHRONOUS_PAGING_IO ? " paging sync" : " paging");
    else if (Flags & IRP_NOCACHE)
        Add(l, " non-cached");
}

static void AddRange(LINE *l, const KEX_TRACE *e)
{
    bool Ranged = e->Major == IRP_MJ_READ || e->Major == IRP_MJ_WRITE ||
                  e->Kind == KEX_TRACE_STORE || e->Kind == KEX_TRACE_CC;

    if (Ranged && (e->Length || e->Offset))
        Add(l, "  %lld+%u", (long long)e->Offset, (unsigned)e->Length);
}

static void AddRequest(LINE *l, const KEX_TRACE *e, const char *Way)
{
    Add(l, "> %s %s", TrcMajorName(e->Major), Way);
    if (e->Minor)
        Add(l, " minor %u", e->Minor);
    AddFlags(l, e->IrpFlags);
    AddPath(l, e->Path);
    AddRange(l, e);
    if (e->What)
        Add(l, "  %s", e->What);
}

static void AddDone(LINE *l, const KEX_TRACE *e)
{
    char Status[12];

    Add(l, "< %s  %s", TrcMajorName(e->Major),
        e->What ? e->What : TrcStatusName(e->Status, Status));
    if (e->Information && e->Major != IRP_MJ_CREATE)
        Add(l, " %llu", (unsigned long long)e->Information);
}

static void AddLayer(LINE *l, const KEX_TRACE *e)
{
    char Status[12];

    Add(l, "%-10s ", e->Who ? e->Who : "?");
    switch (e->Kind) {
    case KEX_TRACE_PRE:
        Add(l, "pre  %s  %s", TrcMajorName(e->Major), e->What ? e->What : "");
        break;
    case KEX_TRACE_POST:
        Add(l, "post %s  %s  %s", TrcMajorName(e->Major), e->What ? e->What : "",
            TrcStatusName(e->Status, Status));
        break;
    default:
        Add(l, "%s", e->What ? e->What : TrcMajorName(e->Major));
        if (!e->What && e->Minor)
            Add(l, " minor %u", e->Minor);
        AddPath(l, e->Path);
        AddRange(l, e);
        if (e->Status)
            Add(l, "  %s", TrcStatusName(e->Status, Status));
    }
}

static void Emit(LINE *l)
{
    uint64_t Slot = __atomic_fetch_add(&TrcShared->ring_next, 1, __ATOMIC_RELAXED) % TRC_RING;
    int n = l->Length < TRC_LINE - 1 ? l->Length : TRC_LINE - 1;

    memcpy(TrcShared->ring[Slot], l->Text, (size_t)n);
    TrcShared->ring[Slot][n] = 0;
    l->Text[l->Length] = '\n';
    host_write_all(2, l->Text, (size_t)l->Length + 1);
}

void TrcTextEvent(const KEX_TRACE *e)
{
    LINE l = {.Length = 0};

    if ((e->Kind == KEX_TRACE_IRP_DONE || e->Kind == KEX_TRACE_FASTIO_DONE) && Depth)
        Depth--;
    Add(&l, "%11.6f  T%-3d %*s", Seconds(), Number(), 2 * Depth, "");
    switch (e->Kind) {
    case KEX_TRACE_IRP:
        AddRequest(&l, e, "IRP");
        Depth++;
        break;
    case KEX_TRACE_FASTIO:
        AddRequest(&l, e, "fast I/O");
        Depth++;
        break;
    case KEX_TRACE_IRP_DONE:
    case KEX_TRACE_FASTIO_DONE:
        AddDone(&l, e);
        break;
    default:
        AddLayer(&l, e);
    }
    Emit(&l);
}
