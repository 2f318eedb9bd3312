/* SPDX-License-Identifier: MIT */
/* The registry's tree: keys, values, and the machine's way to fill it. */
#include "cm/callback.h"

#include <stdlib.h>
#include <string.h>
#include "rtl/rtl.h"

KEX_LOCK CmxLock = KEX_LOCK_INIT(KEX_RANK_CM, "registry");
CMX_KEY *CmxRoot;

static bool CopyName(UNICODE_STRING *To, const WCHAR *Name, size_t Units)
{
    To->Buffer = malloc(Units * sizeof(WCHAR) + sizeof(WCHAR));
    if (!To->Buffer)
        return false;
    if (Units)
        memcpy(To->Buffer, Name, Units * sizeof(WCHAR));
    To->Buffer[Units] = 0;
    To->Length = (USHORT)(Units * sizeof(WCHAR));
    To->MaximumLength = (USHORT)(To->Length + sizeof(WCHAR));
    return true;
}

static LONG CompareName(const UNICODE_STRING *A, const WCHAR *Name, size_t Units)
{
    UNICODE_STRING b = {(USHORT)(Units * sizeof(WCHAR)), (USHORT)(Units * sizeof(WCHAR)),
                        (PWSTR)(uintptr_t)Name};

    return RtlCompareUnicodeString(A, &b, TRUE);
}

CMX_KEY *CmxFindChild(CMX_KEY *Key, const WCHAR *Name, size_t Units)
{
    for (CMX_KEY *k = Key->FirstChild; k; k = k->NextSibling)
        if (!CompareName(&k->Name, Name, Units))
            return k;
    return NULL;
}

static void Touch(CMX_KEY *Key)
{
    Key->LastWrite.QuadPart = KexSystemTime();
}

CMX_KEY *CmxAddChild(CMX_KEY *Key, const WCHAR *Name, size_t Units)
{
    CMX_KEY *New = calloc(1, sizeof(*New));
    CMX_KEY **At = &Key->FirstChild;

    if (!New || !CopyName(&New->Name, Name, Units)) {
        free(New);
        return NULL;
    }
    while (*At && CompareName(&(*At)->Name, Name, Units) < 0)
        At = &(*At)->NextSibling;
    New->Parent = Key;
    New->NextSibling = *At;
    *At = New;
    Touch(New);
    Touch(Key);
    return New;
}

CMX_VALUE *CmxFindValue(CMX_KEY *Key, PCUNICODE_STRING Name)
{
    for (CMX_VALUE *v = Key->FirstValue; v; v = v->Next)
        if (RtlEqualUnicodeString(&v->Name, Name, TRUE))
            return v;
    return NULL;
}

NTSTATUS CmxPutValue(CMX_KEY *Key, PCUNICODE_STRING Name, ULONG Type, const void *Data,
                     ULONG Length)
{
    CMX_VALUE *v = CmxFindValue(Key, Name);
    UCHAR *Copy = malloc(Length ? Length : 1);

    if (!Copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!v) {
        CMX_VALUE **At = &Key->FirstValue;
        v = calloc(1, sizeof(*v));
        if (!v || !CopyName(&v->Name, Name->Buffer, Name->Length / sizeof(WCHAR))) {
            free(v);
            free(Copy);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        while (*At)
            At = &(*At)->Next;
        *At = v;
    }
    if (Length)
        memcpy(Copy, Data, Length);
    free(v->Data);
    v->Data = Copy;
    v->Type = Type;
    v->Length = Length;
    Touch(Key);
    return STATUS_SUCCESS;
}

void CmxFreeValue(CMX_KEY *Key, CMX_VALUE *Value)
{
    CMX_VALUE **At = &Key->FirstValue;

    while (*At != Value)
        At = &(*At)->Next;
    *At = Value->Next;
    free(Value->Name.Buffer);
    free(Value->Data);
    free(Value);
    Touch(Key);
}

static void FreeNode(CMX_KEY *Key)
{
    while (Key->FirstValue)
        CmxFreeValue(Key, Key->FirstValue);
    free(Key->Name.Buffer);
    free(Key);
}

/* Takes a childless key out of the tree; key objects on it keep the node until their close. */
void CmxUnlinkKey(CMX_KEY *Key)
{
    CMX_KEY **At = &Key->Parent->FirstChild;

    while (*At != Key)
        At = &(*At)->NextSibling;
    *At = Key->NextSibling;
    Touch(Key->Parent);
    Key->Parent = NULL;
    Key->Deleted = true;
    if (!Key->Opens)
        FreeNode(Key);
}

void CmxReleaseNode(CMX_KEY *Key)
{
    if (!--Key->Opens && Key->Deleted)
        FreeNode(Key);
}

static void FreeTree(CMX_KEY *Key)
{
    while (Key->FirstChild) {
        CMX_KEY *Child = Key->FirstChild;
        Key->FirstChild = Child->NextSibling;
        FreeTree(Child);
    }
    FreeNode(Key);
}

/* ---- the machine's side
 * --------------------------------------------------------------------------------- */

/* Walks "\Registry\A\B" below the root; makes what is missing when Create is set. Lock held. */
static CMX_KEY *WalkPath(PCWSTR Path, bool Create)
{
    CMX_KEY *Key = CmxRoot;
    bool First = true;

    while (*Path) {
        const WCHAR *Start = Path + (*Path == '\\');
        size_t n = 0;
        CMX_KEY *Next;
        while (Start[n] && Start[n] != '\\')
            n++;
        Path = Start + n;
        if (!n || First) { /* the first component is \Registry itself */
            First = false;
            continue;
        }
        Next = CmxFindChild(Key, Start, n);
        if (!Next && Create)
            Next = CmxAddChild(Key, Start, n);
        if (!Next)
            return NULL;
        Key = Next;
    }
    return Key;
}

NTSTATUS CmxCreatePath(PCWSTR Path)
{
    CMX_KEY *Key;

    KexLockAcquire(&CmxLock);
    Key = WalkPath(Path, true);
    KexLockRelease(&CmxLock);
    return Key ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS CmxSetValue(PCWSTR Path, PCWSTR Name, ULONG Type, const void *Data, ULONG Length)
{
    UNICODE_STRING n;
    NTSTATUS Status = STATUS_OBJECT_NAME_NOT_FOUND;
    CMX_KEY *Key;

    RtlInitUnicodeString(&n, Name);
    KexLockAcquire(&CmxLock);
    Key = WalkPath(Path, false);
    if (Key)
        Status = CmxPutValue(Key, &n, Type, Data, Length);
    KexLockRelease(&CmxLock);
    return Status;
}

NTSTATUS CmxSetString(PCWSTR Path, PCWSTR Name, PCWSTR Text)
{
    UNICODE_STRING t;

    RtlInitUnicodeString(&t, Text);
    return CmxSetValue(Path, Name, REG_SZ, Text, t.Length + (ULONG)sizeof(WCHAR));
}

NTSTATUS CmxSetDword(PCWSTR Path, PCWSTR Name, ULONG Value)
{
    return CmxSetValue(Path, Name, REG_DWORD, &Value, sizeof(Value));
}

PVOID CmxRootObject;

NTSTATUS CmxStart(void)
{
    UNICODE_STRING Name = RTL_CONSTANT_STRING(L"\\Registry");
    NTSTATUS Status;

    CmxRoot = calloc(1, sizeof(*CmxRoot));
    if (!CmxRoot || !CopyName(&CmxRoot->Name, L"Registry", 8))
        return STATUS_INSUFFICIENT_RESOURCES;
    CmxRoot->Opens = 1;
    ObxRegisterType(&CmxKeyType);
    Status = ObxCreateObject(&CmxKeyType, sizeof(CMX_KEY_OBJECT), NULL, &CmxRootObject);
    if (!NT_SUCCESS(Status))
        return Status;
    ((CMX_KEY_OBJECT *)CmxRootObject)->Key = CmxRoot;
    Status = ObxInsertName(CmxRootObject, NULL, &Name, OBJ_CASE_INSENSITIVE | OBJ_PERMANENT);
    if (NT_SUCCESS(Status))
        Status = CmxCreatePath(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services");
    if (NT_SUCCESS(Status))
        Status = CmxCreatePath(L"\\Registry\\Machine\\Software");
    if (NT_SUCCESS(Status))
        Status = CmxCreatePath(L"\\Registry\\User");
    return Status;
}

void CmxEnd(void)
{
    if (CmxRootObject) {
        ObxRemoveName(CmxRootObject);
        ObDereferenceObject(CmxRootObject);
        CmxRootObject = NULL;
    }
    if (CmxRoot)
        FreeTree(CmxRoot);
    CmxRoot = NULL;
}
