/* SPDX-License-Identifier: MIT */
/*
 * What filters hold: every callback data block, name, context, work item and aligned buffer has a
 * node here from the moment a filter gets it. What is left when the filter is gone has leaked, and
 * the node still says who took it.
 */
#include "fltx.h"

static KEX_LOCK Lock = KEX_LOCK_INIT(KEX_RANK_FLT + 5, "flt leaks");
static LIST_ENTRY All = {&All, &All};

void FltxTrackHeld(FLTX_HELD *Held, const char *Kind, const void *Object, PFLT_FILTER Filter,
                   const void *Caller, SIZE_T Bytes, ULONG Tag)
{
    Held->Kind = Kind;
    Held->Object = Object;
    Held->Caller = Caller;
    Held->Filter = Filter;
    Held->Bytes = Bytes;
    Held->Tag = Tag;
    if (Filter)
        FltxHold(&Filter->Object);
    KexLockAcquire(&Lock);
    InsertTailList(&All, &Held->Link);
    KexLockRelease(&Lock);
}

void FltxUntrackHeld(FLTX_HELD *Held)
{
    KexLockAcquire(&Lock);
    RemoveEntryList(&Held->Link);
    KexLockRelease(&Lock);
    if (Held->Filter)
        FltxDrop(&Held->Filter->Object);
}

/* Copies out under the lock, then calls: the callback may take any lock. */
void FltxForEachLeak(const char *Filter, void (*fn)(const FLTX_LEAK *Leak, void *Context),
                     void *Context)
{
    ULONG Index = 0;

    for (;; Index++) {
        FLTX_LEAK Leak = {0};
        PLIST_ENTRY Link;
        ULONG i = 0;
        char Name[64] = "";

        KexLockAcquire(&Lock);
        for (Link = All.Flink; Link != &All && i < Index; Link = Link->Flink)
            i++;
        if (Link != &All) {
            const FLTX_HELD *Held = CONTAINING_RECORD(Link, FLTX_HELD, Link);

            if (Held->Filter)
                RtlCopyMemory(Name, Held->Filter->NameText, sizeof(Name));
            Leak.Kind = Held->Kind;
            Leak.Object = Held->Object;
            Leak.Caller = Held->Caller;
            Leak.Bytes = Held->Bytes;
            Leak.Tag = Held->Tag;
        }
        KexLockRelease(&Lock);
        if (!Leak.Kind)
            return;
        Leak.Filter = Name;
        if (!Filter || !strcmp(Filter, Name))
            fn(&Leak, Context);
    }
}
