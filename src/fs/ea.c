/* SPDX-License-Identifier: MIT */
/*
 * ea.c - extended attributes: IRP_MJ_QUERY_EA and IRP_MJ_SET_EA. A node's attributes are kept as
 * one chain of FILE_FULL_EA_INFORMATION, in order of first setting. Names are compared without
 * case; a value of length zero deletes.
 */
#include "fs/fsp.h"
#include "ke/try.h"

#include <stdlib.h>
#include <string.h>

#define EA_MAX 0xffffu /* of a whole chain */

typedef FILE_FULL_EA_INFORMATION EA;

static ULONG EaBytes(const EA *Ea)
{
    return FIELD_OFFSET(EA, EaName) + Ea->EaNameLength + 1u + Ea->EaValueLength;
}

static ULONG Round4(ULONG Bytes)
{
    return (Bytes + 3) & ~3u;
}

static bool NameIs(const EA *Ea, const char *Name, UCHAR Length)
{
    if (Ea->EaNameLength != Length)
        return false;
    for (UCHAR i = 0; i < Length; i++) {
        if (RtlUpperChar(Ea->EaName[i]) != RtlUpperChar(Name[i]))
            return false;
    }
    return true;
}

static bool NameIsValid(const EA *Ea)
{
    if (!Ea->EaNameLength || Ea->EaName[Ea->EaNameLength])
        return false;
    for (UCHAR i = 0; i < Ea->EaNameLength; i++) {
        UCHAR c = (UCHAR)Ea->EaName[i];

        if (c < 0x20 || strchr("\"*+,/:;<=>?[\\]|", c))
            return false;
    }
    return true;
}

/* Whether a chain given by a caller holds together; *ErrorOffset says where it does not. */
NTSTATUS FsxCheckEas(const void *Buffer, ULONG Length, PULONG ErrorOffset)
{
    ULONG At = 0;

    for (;;) {
        const EA *Ea = (const EA *)((const UCHAR *)Buffer + At);

        *ErrorOffset = At;
        if (At % 4 || Length - At < FIELD_OFFSET(EA, EaName) + 1u || Length - At < EaBytes(Ea))
            return STATUS_EA_LIST_INCONSISTENT;
        if (!NameIsValid(Ea))
            return STATUS_INVALID_EA_NAME;
        if (Ea->Flags & ~FILE_NEED_EA)
            return STATUS_INVALID_EA_NAME;
        if (!Ea->NextEntryOffset)
            break;
        if (Ea->NextEntryOffset < EaBytes(Ea) || Ea->NextEntryOffset > Length - At)
            return STATUS_EA_LIST_INCONSISTENT;
        At += Ea->NextEntryOffset;
    }
    *ErrorOffset = 0;
    return STATUS_SUCCESS;
}

/*
 * chains of our own: entries follow each other at Round4(EaBytes), NextEntryOffset is set when
 * given out
 */

static EA *FindIn(PUCHAR Chain, ULONG Bytes, const char *Name, UCHAR Length, PULONG At)
{
    for (*At = 0; *At < Bytes; *At += Round4(EaBytes((EA *)(Chain + *At)))) {
        if (NameIs((EA *)(Chain + *At), Name, Length))
            return (EA *)(Chain + *At);
    }
    return NULL;
}

static NTSTATUS LoadChain(FSX_VOLUME *Volume, FSX_ID Id, PUCHAR *Chain, PULONG Bytes)
{
    NTSTATUS Status;

    *Chain = calloc(1, EA_MAX + 4);
    *Bytes = 0;
    if (!*Chain)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = Volume->Store->Ops->GetBlob(Volume->Store, Id, FSX_BLOB_EA, *Chain, EA_MAX, Bytes);
    if (Status == STATUS_NOT_FOUND)
        Status = STATUS_SUCCESS;
    if (!NT_SUCCESS(Status)) {
        free(*Chain);
        *Chain = NULL;
    }
    return Status;
}

/* One attribute replaces its namesake, goes, or comes last. */
static NTSTATUS Merge(PUCHAR Chain, PULONG Bytes, const EA *New)
{
    ULONG At, Size = Round4(EaBytes(New));
    EA *Old = FindIn(Chain, *Bytes, New->EaName, New->EaNameLength, &At);

    if (Old) {
        ULONG Gone = Round4(EaBytes(Old));

        memmove(Chain + At, Chain + At + Gone, *Bytes - At - Gone);
        *Bytes -= Gone;
    }
    if (!New->EaValueLength)
        return STATUS_SUCCESS;
    if (*Bytes + Size > EA_MAX)
        return STATUS_EA_TOO_LARGE;
    memset(Chain + *Bytes, 0, Size);
    memcpy(Chain + *Bytes, New, EaBytes(New));
    ((EA *)(Chain + *Bytes))->NextEntryOffset = 0;
    *Bytes += Size;
    return STATUS_SUCCESS;
}

NTSTATUS FsxStoreEas(FSX_VOLUME *Volume, FSX_ID Id, const void *Buffer, ULONG Length)
{
    PUCHAR Chain;
    ULONG Bytes;
    NTSTATUS Status = LoadChain(Volume, Id, &Chain, &Bytes);

    for (const EA *Ea = Buffer; NT_SUCCESS(Status);) {
        Status = Merge(Chain, &Bytes, Ea);
        if (!Ea->NextEntryOffset)
            break;
        Ea = (const EA *)((const UCHAR *)Ea + Ea->NextEntryOffset);
    }
    if (NT_SUCCESS(Status))
        Status = Volume->Store->Ops->SetBlob(Volume->Store, Id, FSX_BLOB_EA, Chain, Bytes);
    free(Chain);
    return Status;
}

/* ---- requests ------------------------------------------------------------------------------ */

typedef struct _EA_COPY {
    PUCHAR To;
    const void *From;
    ULONG Length;
} EA_COPY;

static void Copy(void *Argument)
{
    EA_COPY *c = Argument;

    memcpy(c->To, c->From, c->Length);
}

NTSTATUS FsxSetEa(FSX_IRP *x)
{
    ULONG Length = x->Stack->Parameters.SetEa.Length, Bad = 0;
    EA_COPY c = {.From = FsxUserBuffer(x->Irp), .Length = Length};
    NTSTATUS Status;

    if (x->Fcb->Kind == FSX_VOLUME_FILE)
        return STATUS_INVALID_PARAMETER;
    if (!x->Volume->Personality->Eas)
        return STATUS_EAS_NOT_SUPPORTED;
    if (x->Volume->Store->Geometry.ReadOnly)
        return STATUS_MEDIA_WRITE_PROTECTED;
    if (!c.From || !Length)
        return STATUS_INVALID_PARAMETER;
    c.To = malloc(Length);
    if (!c.To)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = KexTry(Copy, &c); /* a copy: the caller cannot change it under our eyes */
    if (NT_SUCCESS(Status))
        Status = FsxCheckEas(c.To, Length, &Bad);
    x->Information = Bad;
    if (NT_SUCCESS(Status)) {
        ExAcquireResourceExclusiveLite(&x->Fcb->Main, TRUE);
        Status = FsxStoreEas(x->Volume, x->Fcb->File->Id, c.To, Length);
        FsxTouchChange(x->Fcb, x->Ccb);
        ExReleaseResourceLite(&x->Fcb->Main);
        FsrtlxSetFileFlags(x->FileObject, FO_FILE_MODIFIED);
    }
    free(c.To);
    return Status;
}

/* What a query gathers before it is copied out. */
typedef struct _GATHER {
    PUCHAR Out;
    ULONG Room, Used;
    EA *Last;
} GATHER;

static bool Give(GATHER *g, const EA *Ea)
{
    ULONG Start = Round4(g->Used), Bytes = EaBytes(Ea);
    EA *To = (EA *)(g->Out + Start);

    if (Start > g->Room || g->Room - Start < Bytes)
        return false;
    memcpy(To, Ea, Bytes);
    To->NextEntryOffset = 0;
    if (g->Last)
        g->Last->NextEntryOffset = (ULONG)((PUCHAR)To - (PUCHAR)g->Last);
    g->Last = To;
    g->Used = Start + Bytes;
    return true;
}

/* Attributes asked for by name; one that is not there is given with an empty value. */
static NTSTATUS GiveNamed(GATHER *g, PUCHAR Chain, ULONG Bytes, const UCHAR *List, ULONG ListBytes)
{
    ULONG Offset = 0, At;

    for (;;) {
        const FILE_GET_EA_INFORMATION *Ask = (const FILE_GET_EA_INFORMATION *)(List + Offset);
        union {
            EA Ea;
            UCHAR Bytes[FIELD_OFFSET(EA, EaName) + 257];
        } Empty = {.Ea = {0}};
        EA *Found;

        if (ListBytes - Offset < FIELD_OFFSET(FILE_GET_EA_INFORMATION, EaName) + 1u ||
            ListBytes - Offset <
                FIELD_OFFSET(FILE_GET_EA_INFORMATION, EaName) + 1u + Ask->EaNameLength)
            return STATUS_EA_LIST_INCONSISTENT;
        Found = FindIn(Chain, Bytes, Ask->EaName, Ask->EaNameLength, &At);
        if (!Found) {
            Empty.Ea.EaNameLength = Ask->EaNameLength;
            for (UCHAR i = 0; i < Ask->EaNameLength; i++)
                Empty.Ea.EaName[i] = RtlUpperChar(Ask->EaName[i]);
            Found = &Empty.Ea;
        }
        if (!Give(g, Found))
            return STATUS_BUFFER_OVERFLOW;
        if (!Ask->NextEntryOffset)
            return STATUS_SUCCESS;
        if (Ask->NextEntryOffset > ListBytes - Offset)
            return STATUS_EA_LIST_INCONSISTENT;
        Offset += Ask->NextEntryOffset;
    }
}

/* The rest of the enumeration of this open; it goes on where the last query stopped. */
static NTSTATUS GiveNext(FSX_IRP *x, GATHER *g, PUCHAR Chain, ULONG Bytes)
{
    bool Single = x->Stack->Flags & SL_RETURN_SINGLE_ENTRY;
    ULONG Index = 0, From = x->Ccb->EaIndex;

    if (x->Stack->Flags & SL_RESTART_SCAN)
        From = 0;
    if (x->Stack->Flags & SL_INDEX_SPECIFIED)
        From = x->Stack->Parameters.QueryEa.EaIndex ? x->Stack->Parameters.QueryEa.EaIndex - 1 : 0;
    if (!Bytes)
        return STATUS_NO_EAS_ON_FILE;
    for (ULONG At = 0; At < Bytes; At += Round4(EaBytes((EA *)(Chain + At))), Index++) {
        if (Index < From)
            continue;
        if (!Give(g, (EA *)(Chain + At))) {
            x->Ccb->EaIndex = Index;
            return g->Last ? STATUS_BUFFER_OVERFLOW : STATUS_BUFFER_TOO_SMALL;
        }
        if (Single) {
            x->Ccb->EaIndex = Index + 1;
            return STATUS_SUCCESS;
        }
    }
    x->Ccb->EaIndex = Index;
    return g->Last ? STATUS_SUCCESS : STATUS_NO_MORE_EAS;
}

NTSTATUS FsxQueryEa(FSX_IRP *x)
{
    GATHER g = {.Room = x->Stack->Parameters.QueryEa.Length};
    const UCHAR *List = x->Stack->Parameters.QueryEa.EaList;
    EA_COPY c = {.To = FsxUserBuffer(x->Irp)};
    NTSTATUS Status;
    PUCHAR Chain;
    ULONG Bytes;

    if (x->Fcb->Kind == FSX_VOLUME_FILE)
        return STATUS_INVALID_PARAMETER;
    if (!x->Volume->Personality->Eas)
        return STATUS_EAS_NOT_SUPPORTED;
    g.Out = calloc(1, g.Room + 4);
    if (!g.Out || !c.To) {
        free(g.Out);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    ExAcquireResourceExclusiveLite(&x->Fcb->Main, TRUE); /* the position in the open is moved */
    Status = LoadChain(x->Volume, x->Fcb->File->Id, &Chain, &Bytes);
    if (NT_SUCCESS(Status))
        Status = List ? GiveNamed(&g, Chain, Bytes, List, x->Stack->Parameters.QueryEa.EaListLength)
                      : GiveNext(x, &g, Chain, Bytes);
    ExReleaseResourceLite(&x->Fcb->Main);
    free(Chain);
    if (NT_SUCCESS(Status) || Status == STATUS_BUFFER_OVERFLOW) {
        NTSTATUS Copied;

        c.From = g.Out;
        c.Length = g.Used;
        Copied = KexTry(Copy, &c);
        if (NT_SUCCESS(Copied))
            x->Information = g.Used;
        else
            Status = Copied;
    }
    free(g.Out);
    return Status;
}
