/* SPDX-License-Identifier: MIT */
/*
 * callback.h - registry callbacks as the calls of the registry see them. One call is one round: the
 * pre-notifications by falling altitude, the operation, the post-notifications back up to those
 * that saw the first half.
 */
#ifndef OPENFLT_CM_CALLBACK_H
#define OPENFLT_CM_CALLBACK_H

#include "cm/cm.h"

typedef struct _CMX_REGISTRATION CMX_REGISTRATION;

/* What a driver attached to a key object by CmSetCallbackObjectContext. Guarded by CmxLock. */
typedef struct _CMX_OBJECT_CONTEXT {
    struct _CMX_OBJECT_CONTEXT *Next;
    CMX_REGISTRATION *Owner; /* referenced */
    PVOID Context;
} CMX_OBJECT_CONTEXT;

/* Body of a key object: what a handle stands for. Key is the first member, which the tree relies
 * on. */
typedef struct _CMX_KEY_OBJECT {
    CMX_KEY *Key;
    CMX_OBJECT_CONTEXT *Contexts;
    PUNICODE_STRING Name; /* made by CmCallbackGetKeyObjectID, lives as long as the object */
} CMX_KEY_OBJECT;

typedef struct _CMX_SEEN {
    CMX_REGISTRATION *Registration; /* referenced */
    PVOID CallContext;
} CMX_SEEN;

typedef struct _CMX_ROUND {
    CMX_SEEN *Seen;
    ULONG Count;   /* entries of Seen */
    ULONG Reached; /* those whose pre-notification ran */
    void *Info;
    PVOID *Contexts;     /* CallContext and ObjectContext inside Info, one behind the other */
    PVOID ContextObject; /* whose contexts drivers see: the key, or the root of a create */
} CMX_ROUND;

extern ULONG CmxCallbackCount; /* 0: nothing below needs to be called */

/*
 * Runs the pre-notifications. STATUS_SUCCESS: the operation goes on. STATUS_CALLBACK_BYPASS: a
 * driver did it instead. Else a driver refuses. In every case CmxAfter must follow.
 */
NTSTATUS CmxBefore(CMX_ROUND *Round, REG_NOTIFY_CLASS Class, PVOID ContextObject, void *Info,
                   size_t ContextsAt);
/* Runs the post-notifications and frees the round; returns the status of the call. Object may be
 * NULL on failure. */
NTSTATUS CmxAfter(CMX_ROUND *Round, REG_NOTIFY_CLASS Class, PVOID Object, NTSTATUS Status);
/* The object goes: every driver that attached a context to it hears so. */
void CmxDropContexts(PVOID Object);

/* Path of a key from the root; returns the bytes it takes, writes them when they fit Room. CmxLock
 * held. */
ULONG CmxPathOf(const CMX_KEY *Key, WCHAR *Out, ULONG Room);
/* Copies in the forms of ZwQueryKey and ZwQueryValueKey. CmxLock held. */
NTSTATUS CmxCopyKey(CMX_KEY *Key, KEY_INFORMATION_CLASS Class, void *Out, ULONG Length,
                    PULONG Needed);
NTSTATUS CmxCopyValue(const CMX_VALUE *Value, KEY_VALUE_INFORMATION_CLASS Class, void *Out,
                      ULONG Length, PULONG Needed);

extern PVOID CmxRootObject; /* \Registry */

#endif
