/* SPDX-License-Identifier: MIT */
/* callback.c - drivers that watch the registry: registration, rounds of notifications, contexts on
 * key objects. */
#include "cm/callback.h"

#include <stdlib.h>
#include <string.h>

struct _CMX_REGISTRATION {
    CMX_REGISTRATION *Next; /* by falling altitude; guarded by CmxLock */
    LONG References;
    PEX_CALLBACK_FUNCTION Function;
    PVOID Context;
    LARGE_INTEGER Cookie;
    UNICODE_STRING Altitude;
    EX_RUNDOWN_REF Rundown; /* held while the routine runs */
};

static CMX_REGISTRATION *Registrations;
ULONG CmxCallbackCount;

static void Release(CMX_REGISTRATION *r)
{
    if (__atomic_sub_fetch(&r->References, 1, __ATOMIC_ACQ_REL))
        return;
    free(r->Altitude.Buffer);
    free(r);
}

/* ---- altitudes ------------------------------------------------------------------------------ */

static bool ValidAltitude(PCUNICODE_STRING a)
{
    bool Digit = false, Point = false;

    for (unsigned i = 0; i < a->Length / sizeof(WCHAR); i++) {
        if (a->Buffer[i] == '.' && !Point)
            Point = true;
        else if (a->Buffer[i] >= '0' && a->Buffer[i] <= '9')
            Digit = true;
        else
            return false;
    }
    return Digit;
}

/* The digit that stands Place places above (below, when negative) the point; 0 where there is none.
 */
static int DigitAt(PCUNICODE_STRING a, int Whole, int Place)
{
    int Units = (int)(a->Length / sizeof(WCHAR)),
        At = Place >= 0 ? Whole - 1 - Place : Whole - Place;

    return At >= 0 && At < Units ? a->Buffer[At] - '0' : 0;
}

static int WholeDigits(PCUNICODE_STRING a)
{
    int n = 0;

    while (n < (int)(a->Length / sizeof(WCHAR)) && a->Buffer[n] != '.')
        n++;
    return n;
}

/* Decimal numbers of any length: no two altitudes are equal unless they are the same number. */
static int CompareAltitudes(PCUNICODE_STRING a, PCUNICODE_STRING b)
{
    int WholeA = WholeDigits(a), WholeB = WholeDigits(b), High = WholeA > WholeB ? WholeA : WholeB;
    int Low = (a->Length > b->Length ? a->Length : b->Length) / (int)sizeof(WCHAR);

    for (int Place = High - 1; Place >= -Low; Place--) {
        int d = DigitAt(a, WholeA, Place) - DigitAt(b, WholeB, Place);
        if (d)
            return d;
    }
    return 0;
}

/* ---- registration --------------------------------------------------------------------------- */

/* Altitude NULL: from before altitudes; below all others, in the order of registration. */
static NTSTATUS Insert(CMX_REGISTRATION *New)
{
    CMX_REGISTRATION **At = &Registrations;

    for (; *At; At = &(*At)->Next) {
        int d = !New->Altitude.Buffer     ? -1
                : !(*At)->Altitude.Buffer ? 1
                                          : CompareAltitudes(&New->Altitude, &(*At)->Altitude);
        if (!d)
            return STATUS_FLT_INSTANCE_ALTITUDE_COLLISION;
        if (d > 0)
            break;
    }
    New->Next = *At;
    *At = New;
    CmxCallbackCount++;
    return STATUS_SUCCESS;
}

static NTSTATUS Register(PEX_CALLBACK_FUNCTION Function, PCUNICODE_STRING Altitude, PVOID Context,
                         PLARGE_INTEGER Cookie)
{
    static LONGLONG LastCookie;
    CMX_REGISTRATION *New;
    NTSTATUS Status;

    if (Altitude && !ValidAltitude(Altitude))
        return STATUS_INVALID_PARAMETER;
    New = calloc(1, sizeof *New);
    if (New && Altitude) {
        New->Altitude = *Altitude;
        New->Altitude.Buffer = malloc(Altitude->Length);
        if (New->Altitude.Buffer)
            memcpy(New->Altitude.Buffer, Altitude->Buffer, Altitude->Length);
    }
    if (!New || (Altitude && !New->Altitude.Buffer)) {
        free(New);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    New->References = 1;
    New->Function = Function;
    New->Context = Context;
    New->Cookie.QuadPart = __atomic_add_fetch(&LastCookie, 1, __ATOMIC_RELAXED);
    ExInitializeRundownProtection(&New->Rundown);
    *Cookie = New->Cookie; /* the first notification may come before this call returns */
    KexLockAcquire(&CmxLock);
    Status = Insert(New);
    KexLockRelease(&CmxLock);
    if (!NT_SUCCESS(Status))
        Release(New);
    return Status;
}

/*
 * Has Function called for every registry operation, below all drivers with an altitude. *Cookie
 * ends it in CmUnRegisterCallback. STATUS_INSUFFICIENT_RESOURCES. IRQL <= APC_LEVEL.
 * nf-wdm-cmregistercallback
 */
NTSTATUS NTAPI CmRegisterCallback(PEX_CALLBACK_FUNCTION Function, PVOID Context,
                                  PLARGE_INTEGER Cookie)
{
    return Register(Function, NULL, Context, Cookie);
}

/*
 * The same at an altitude: pre-notifications run from the highest down.
 * STATUS_FLT_INSTANCE_ALTITUDE_COLLISION when the altitude is taken. nf-wdm-cmregistercallbackex
 */
NTSTATUS NTAPI CmRegisterCallbackEx(PEX_CALLBACK_FUNCTION Function, PCUNICODE_STRING Altitude,
                                    PVOID Driver, PVOID Context, PLARGE_INTEGER Cookie,
                                    PVOID Reserved)
{
    UNREFERENCED_PARAMETER(Driver);
    UNREFERENCED_PARAMETER(Reserved);
    return Altitude ? Register(Function, Altitude, Context, Cookie) : STATUS_INVALID_PARAMETER;
}

static CMX_REGISTRATION *Find(LARGE_INTEGER Cookie)
{
    CMX_REGISTRATION *r = Registrations;

    while (r && r->Cookie.QuadPart != Cookie.QuadPart)
        r = r->Next;
    return r;
}

/* Takes the context that Owner (NULL: anyone) attached to a key object off it. CmxLock held. */
static CMX_OBJECT_CONTEXT *TakeContext(CMX_KEY_OBJECT *Object, const CMX_REGISTRATION *Owner)
{
    for (CMX_OBJECT_CONTEXT **At = &Object->Contexts; *At; At = &(*At)->Next) {
        CMX_OBJECT_CONTEXT *c = *At;
        if (!Owner || c->Owner == Owner) {
            *At = c->Next;
            return c;
        }
    }
    return NULL;
}

static void CleanContext(PVOID Object, CMX_OBJECT_CONTEXT *c)
{
    REG_CALLBACK_CONTEXT_CLEANUP_INFORMATION Info = {.Object = Object, .ObjectContext = c->Context};

    c->Owner->Function(c->Owner->Context, (PVOID)(ULONG_PTR)RegNtCallbackObjectContextCleanup,
                       &Info);
    Release(c->Owner);
    free(c);
}

static void DropOwned(const OBX_LIVE *Live, void *Owner)
{
    CMX_OBJECT_CONTEXT *c;

    KexLockAcquire(&CmxLock);
    c = TakeContext(Live->Body, Owner);
    KexLockRelease(&CmxLock);
    if (c)
        CleanContext(Live->Body, c);
}

/*
 * Ends a registration: waits for calls of the routine that are under way, then has it clean the
 * contexts it still has on key objects. From inside the routine that is a deadlock, as documented.
 * STATUS_INVALID_PARAMETER for an unknown cookie. PASSIVE_LEVEL. nf-wdm-cmunregistercallback
 */
NTSTATUS NTAPI CmUnRegisterCallback(LARGE_INTEGER Cookie)
{
    CMX_REGISTRATION *r, **At = &Registrations;

    KexLockAcquire(&CmxLock);
    r = Find(Cookie);
    if (r) {
        while (*At != r)
            At = &(*At)->Next;
        *At = r->Next;
        CmxCallbackCount--;
    }
    KexLockRelease(&CmxLock);
    if (!r)
        return STATUS_INVALID_PARAMETER;
    ExWaitForRundownProtectionRelease(&r->Rundown);
    ObxForEachObject(&CmxKeyType, DropOwned, r);
    Release(r);
    return STATUS_SUCCESS;
}

/* Version of the notifications. nf-wdm-cmgetcallbackversion */
VOID NTAPI CmGetCallbackVersion(PULONG Major, PULONG Minor)
{
    if (Major)
        *Major = 1;
    if (Minor)
        *Minor = KexBuild >= 7600 ? 1 : 0;
}

void CmxForEachCallback(void (*fn)(const void *Routine, void *Context), void *Context)
{
    const void *Routine[64];
    ULONG n = 0;

    KexLockAcquire(&CmxLock);
    for (CMX_REGISTRATION *r = Registrations; r && n < 64; r = r->Next)
        Routine[n++] = (const void *)r->Function;
    KexLockRelease(&CmxLock);
    for (ULONG i = 0; i < n; i++)
        fn(Routine[i], Context);
}

/* ---- rounds --------------------------------------------------------------------------------- */

static PVOID ContextOf(PVOID Object, const CMX_REGISTRATION *r)
{
    PVOID Context = NULL;

    if (!Object)
        return NULL;
    KexLockAcquire(&CmxLock);
    for (CMX_OBJECT_CONTEXT *c = ((CMX_KEY_OBJECT *)Object)->Contexts; c; c = c->Next)
        if (c->Owner == r)
            Context = c->Context;
    KexLockRelease(&CmxLock);
    return Context;
}

/* References everyone who is registered now. Without memory the call goes by unseen, as if nobody
 * were. */
static void Collect(CMX_ROUND *Round)
{
    KexLockAcquire(&CmxLock);
    Round->Seen = calloc(CmxCallbackCount + 1, sizeof *Round->Seen);
    for (CMX_REGISTRATION *r = Registrations; r && Round->Seen; r = r->Next) {
        __atomic_fetch_add(&r->References, 1, __ATOMIC_RELAXED);
        Round->Seen[Round->Count++].Registration = r;
    }
    KexLockRelease(&CmxLock);
}

NTSTATUS CmxBefore(CMX_ROUND *Round, REG_NOTIFY_CLASS Class, PVOID ContextObject, void *Info,
                   size_t ContextsAt)
{
    NTSTATUS Status = STATUS_SUCCESS;

    memset(Round, 0, sizeof *Round);
    if (__builtin_expect(!CmxCallbackCount, 1))
        return STATUS_SUCCESS;
    Round->Info = Info;
    Round->Contexts = (PVOID *)((char *)Info + ContextsAt);
    Round->ContextObject = ContextObject;
    Collect(Round);
    while (Round->Reached < Round->Count && Status == STATUS_SUCCESS) {
        CMX_SEEN *s = &Round->Seen[Round->Reached++];
        CMX_REGISTRATION *r = s->Registration;
        if (!ExAcquireRundownProtection(&r->Rundown))
            continue;
        Round->Contexts[0] = NULL;
        Round->Contexts[1] = ContextOf(ContextObject, r);
        Status = r->Function(r->Context, (PVOID)(ULONG_PTR)Class, Info);
        s->CallContext = Round->Contexts[0];
        ExReleaseRundownProtection(&r->Rundown);
        if (NT_SUCCESS(Status))
            Status = STATUS_SUCCESS;
    }
    /* Whoever ended the round knows how it ended: only those above hear of it. */
    if (Status != STATUS_SUCCESS)
        Round->Reached--;
    return Status;
}

NTSTATUS CmxAfter(CMX_ROUND *Round, REG_NOTIFY_CLASS Class, PVOID Object, NTSTATUS Status)
{
    if (Status == STATUS_CALLBACK_BYPASS)
        Status = STATUS_SUCCESS;
    if (!Round->Seen)
        return Status;
    while (Round->Reached) {
        CMX_SEEN *s = &Round->Seen[--Round->Reached];
        CMX_REGISTRATION *r = s->Registration;
        REG_POST_OPERATION_INFORMATION Post = {.Object = Object,
                                               .Status = Status,
                                               .PreInformation = Round->Info,
                                               .ReturnStatus = Status,
                                               .CallContext = s->CallContext,
                                               .ObjectContext = ContextOf(Round->ContextObject, r)};
        if (!ExAcquireRundownProtection(&r->Rundown))
            continue;
        Round->Contexts[0] = Post.CallContext;
        Round->Contexts[1] = Post.ObjectContext;
        if (r->Function(r->Context, (PVOID)(ULONG_PTR)Class, &Post) == STATUS_CALLBACK_BYPASS)
            Status = Post.ReturnStatus;
        ExReleaseRundownProtection(&r->Rundown);
    }
    for (ULONG i = 0; i < Round->Count; i++)
        Release(Round->Seen[i].Registration);
    free(Round->Seen);
    Round->Seen = NULL;
    return Status;
}

/* ---- what drivers ask about key objects ----------------------------------------------------- */

void CmxDropContexts(PVOID Object)
{
    CMX_OBJECT_CONTEXT *c;

    for (;;) {
        KexLockAcquire(&CmxLock);
        c = TakeContext(Object, NULL);
        KexLockRelease(&CmxLock);
        if (!c)
            return;
        CleanContext(Object, c);
    }
}

static bool IsKey(PVOID Object)
{
    return Object && ObxIsObject(Object) && ObxTypeOf(Object) == &CmxKeyType;
}

/*
 * Attaches NewContext to a key object for this driver's routine; the one before comes back in
 * *OldContext. It ends with a RegNtCallbackObjectContextCleanup. STATUS_INVALID_PARAMETER (cookie
 * or object), STATUS_INSUFFICIENT_RESOURCES. IRQL <= APC_LEVEL. nf-wdm-cmsetcallbackobjectcontext
 */
NTSTATUS NTAPI CmSetCallbackObjectContext(PVOID Object, PLARGE_INTEGER Cookie, PVOID NewContext,
                                          PVOID *OldContext)
{
    CMX_OBJECT_CONTEXT *New = calloc(1, sizeof *New), *c;
    NTSTATUS Status = STATUS_SUCCESS;
    CMX_REGISTRATION *r;

    if (OldContext)
        *OldContext = NULL;
    KexLockAcquire(&CmxLock);
    r = IsKey(Object) ? Find(*Cookie) : NULL;
    if (!r) {
        Status = STATUS_INVALID_PARAMETER;
    } else {
        for (c = ((CMX_KEY_OBJECT *)Object)->Contexts; c && c->Owner != r;)
            c = c->Next;
        if (c) {
            if (OldContext)
                *OldContext = c->Context;
            c->Context = NewContext;
        } else if (New) {
            *New = (CMX_OBJECT_CONTEXT){((CMX_KEY_OBJECT *)Object)->Contexts, r, NewContext};
            ((CMX_KEY_OBJECT *)Object)->Contexts = New;
            __atomic_fetch_add(&r->References, 1, __ATOMIC_RELAXED);
            New = NULL;
        } else {
            Status = STATUS_INSUFFICIENT_RESOURCES;
        }
    }
    KexLockRelease(&CmxLock);
    free(New);
    return Status;
}

/* A string and its text in one block of pool. */
static PUNICODE_STRING NameOf(const CMX_KEY_OBJECT *Object)
{
    PUNICODE_STRING Name = NULL;
    ULONG Bytes = 0, Room;

    do {
        Room = Bytes;
        if (Name)
            ExFreePoolWithTag(Name, 'bNmC');
        Name = Room ? ExAllocatePoolWithTag(PagedPool, sizeof *Name + Room + sizeof(WCHAR), 'bNmC')
                    : NULL;
        if (Room && !Name)
            return NULL;
        KexLockAcquire(&CmxLock);
        Bytes = CmxPathOf(Object->Key, Name ? (WCHAR *)(Name + 1) : NULL, Room);
        KexLockRelease(&CmxLock);
    } while (Bytes > Room);
    *Name = (UNICODE_STRING){(USHORT)Bytes, (USHORT)(Bytes + sizeof(WCHAR)), (PWSTR)(Name + 1)};
    Name->Buffer[Bytes / sizeof(WCHAR)] = 0;
    return Name;
}

static NTSTATUS CheckAsk(PLARGE_INTEGER Cookie, PVOID Object)
{
    bool Known;

    KexLockAcquire(&CmxLock);
    Known = Find(*Cookie) != NULL;
    KexLockRelease(&CmxLock);
    return Known && IsKey(Object) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/*
 * Identity and path of the key that Object stands for. Two objects of one key have one identity.
 * The name is the system's and lasts as long as the object. STATUS_INVALID_PARAMETER. IRQL <=
 * APC_LEVEL. nf-wdm-cmcallbackgetkeyobjectid
 */
NTSTATUS NTAPI CmCallbackGetKeyObjectID(PLARGE_INTEGER Cookie, PVOID Object, PULONG_PTR ObjectID,
                                        PCUNICODE_STRING *ObjectName)
{
    CMX_KEY_OBJECT *o = Object;
    PUNICODE_STRING Name, None = NULL;
    NTSTATUS Status = CheckAsk(Cookie, Object);

    if (!NT_SUCCESS(Status))
        return Status;
    if (ObjectName && !__atomic_load_n(&o->Name, __ATOMIC_ACQUIRE)) {
        Name = NameOf(o);
        if (!Name)
            return STATUS_INSUFFICIENT_RESOURCES;
        if (!__atomic_compare_exchange_n(&o->Name, &None, Name, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE))
            ExFreePoolWithTag(Name, 'bNmC');
    }
    if (ObjectName)
        *ObjectName = o->Name;
    if (ObjectID)
        *ObjectID = (ULONG_PTR)o->Key;
    return STATUS_SUCCESS;
}

/* The same with a name of the caller's own, freed by CmCallbackReleaseKeyObjectIDEx.
 * nf-wdm-cmcallbackgetkeyobjectidex */
NTSTATUS NTAPI CmCallbackGetKeyObjectIDEx(PLARGE_INTEGER Cookie, PVOID Object, PULONG_PTR ObjectID,
                                          PCUNICODE_STRING *ObjectName, ULONG Flags)
{
    NTSTATUS Status = Flags ? STATUS_INVALID_PARAMETER : CheckAsk(Cookie, Object);

    if (!NT_SUCCESS(Status))
        return Status;
    if (ObjectName) {
        *ObjectName = NameOf(Object);
        if (!*ObjectName)
            return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (ObjectID)
        *ObjectID = (ULONG_PTR)((CMX_KEY_OBJECT *)Object)->Key;
    return STATUS_SUCCESS;
}

VOID NTAPI CmCallbackReleaseKeyObjectIDEx(PCUNICODE_STRING ObjectName)
{
    if (ObjectName)
        ExFreePoolWithTag((PVOID)(uintptr_t)ObjectName, 'bNmC');
}

/* Keys are never part of a transaction here. nf-wdm-cmgetboundtransaction */
PVOID NTAPI CmGetBoundTransaction(PLARGE_INTEGER Cookie, PVOID Object)
{
    UNREFERENCED_PARAMETER(Cookie);
    UNREFERENCED_PARAMETER(Object);
    return NULL;
}
