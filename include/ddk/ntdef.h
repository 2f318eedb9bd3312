/* SPDX-License-Identifier: MIT */
/* Basic types of NT: integers, strings, lists, object attributes, and the macros around them. */
#ifndef _NTDEF_
#define _NTDEF_

#include "nt/target.h"
#include "sal.h"
#include "sdkddkver.h"
#include "guiddef.h"
#if defined(_WIN32)
/* Drivers use these without including them: the kit's ntdef.h and wdm.h bring them. */
#include "crt/ctype.h"
#include "crt/excpt.h"
#include "crt/string.h"
#endif

#if defined(__cplusplus)
/* RTL_CONSTANT_STRING's buffer: counted strings have no const buffer, literals do. */
template <typename T, size_t N> constexpr T *NtConstantBuffer(const T (&s)[N])
{
    return const_cast<T *>(&s[0]);
}
#endif

NT_BEGIN_C

/* Integers. LONG has 32 bits in both worlds: Windows is LLP64. */
#define VOID    void
#define CONST   const
typedef void *PVOID, *LPVOID;
#if defined(_WIN32)
typedef long LONG;
typedef unsigned long ULONG;
#else
typedef int LONG;
typedef unsigned int ULONG;
#endif
typedef char CHAR, CCHAR;
typedef signed char SCHAR, *PSCHAR;
typedef short SHORT, CSHORT;
typedef int INT;
typedef unsigned char UCHAR, BYTE;
typedef unsigned short USHORT, WORD;
typedef unsigned int UINT;
typedef ULONG DWORD, LOGICAL;
typedef long long LONGLONG, LONG64, INT64, INT_PTR, LONG_PTR, SSIZE_T;
typedef unsigned long long ULONGLONG, ULONG64, UINT64, DWORD64, DWORDLONG, UINT_PTR, ULONG_PTR,
    DWORD_PTR, SIZE_T;
typedef signed char INT8;
typedef short INT16;
typedef int INT32, LONG32, HALF_PTR;
typedef unsigned char UINT8;
typedef unsigned short UINT16;
typedef unsigned int UINT32, ULONG32, DWORD32, UHALF_PTR;
typedef UCHAR BOOLEAN;
typedef int BOOL;
typedef wchar_t WCHAR;
typedef LONG NTSTATUS;
typedef LONG HRESULT;
typedef void *HANDLE;
typedef ULONG LCID, *PLCID;
typedef USHORT LANGID;
typedef UCHAR FCHAR;
typedef USHORT FSHORT;
typedef ULONG FLONG;
typedef float FLOAT;
typedef double DOUBLE;
typedef UCHAR KIRQL, *PKIRQL;
typedef char KPROCESSOR_MODE;
typedef ULONG_PTR KSPIN_LOCK, *PKSPIN_LOCK;
typedef ULONG_PTR KAFFINITY, *PKAFFINITY;
typedef LONG KPRIORITY;

typedef CHAR *PCHAR, *LPCH, *PCH, *NPSTR, *LPSTR, *PSTR, *PSZ, *PCCHAR;
typedef const CHAR *LPCCH, *PCCH, *LPCSTR, *PCSTR, *PCSZ;
typedef WCHAR *PWCHAR, *LPWCH, *PWCH, *NWPSTR, *LPWSTR, *PWSTR, *PNZWCH;
typedef const WCHAR *LPCWCH, *PCWCH, *LPCWSTR, *PCWSTR, *PCZZWSTR, *PCNZWCH, *LPCUWSTR, *PCUWSTR;
typedef WCHAR *PZZWSTR, *LPUWSTR, *PUWSTR;
typedef PWSTR *PZPWSTR;
typedef const PWSTR *PCZPWSTR;
typedef SHORT *PSHORT;
typedef LONG *PLONG, *LPLONG;
typedef INT *PINT, *LPINT;
typedef UCHAR *PUCHAR, *PBYTE, *LPBYTE;
typedef const UCHAR *PCUCHAR, *LPCBYTE;
typedef USHORT *PUSHORT, *PWORD, *LPWORD;
typedef UINT *PUINT;
typedef ULONG *PULONG, *PDWORD, *LPDWORD, *PLOGICAL;
typedef LONGLONG *PLONGLONG, *PLONG64;
typedef ULONGLONG *PULONGLONG, *PULONG64, *PDWORDLONG, *PDWORD64;
typedef LONG_PTR *PLONG_PTR, *PINT_PTR, *PSSIZE_T;
typedef ULONG_PTR *PULONG_PTR, *PDWORD_PTR, *PUINT_PTR, *PSIZE_T;
typedef INT8 *PINT8;
typedef INT16 *PINT16;
typedef INT32 *PINT32, *PLONG32;
typedef INT64 *PINT64;
typedef UINT8 *PUINT8;
typedef UINT16 *PUINT16;
typedef UINT32 *PUINT32, *PULONG32, *PDWORD32;
typedef UINT64 *PUINT64;
typedef BOOLEAN *PBOOLEAN;
typedef BOOL *PBOOL, *LPBOOL;
typedef NTSTATUS *PNTSTATUS;
typedef HANDLE *PHANDLE;
typedef const void *LPCVOID, *PCVOID;
typedef double *PDOUBLE;
typedef PVOID PSECURITY_DESCRIPTOR;
typedef PVOID PSID;
typedef ULONG SECURITY_INFORMATION, *PSECURITY_INFORMATION;
typedef ULONG ACCESS_MASK, *PACCESS_MASK;
typedef ULONG CLONG, *PCLONG;

#ifndef NULL
#define NULL ((void *)0)
#endif
#define NULL64 NULL
#define TRUE  1
#define FALSE 0
#define ANYSIZE_ARRAY 1
#define MAXCHAR   0x7f
#define MAXSHORT  0x7fff
#define MAXLONG   0x7fffffff
#define MAXUCHAR  0xff
#define MAXUSHORT 0xffff
#define MAXULONG  0xffffffff
#define MINCHAR   0x80
#define MINSHORT  0x8000
#define MINLONG   0x80000000
#define MAXLONGLONG (0x7fffffffffffffffLL)
#define MAXULONGLONG (~(ULONGLONG)0)
#define MAXULONG_PTR (~(ULONG_PTR)0)
#define MAXLONG_PTR ((LONG_PTR)(MAXULONG_PTR >> 1))
#define MAXSIZE_T ((SIZE_T)~(ULONG_PTR)0)
#define MAXUINT   ((UINT)~(UINT)0)
#define MAXULONG32 ((ULONG32)~(ULONG32)0)
#define MAXULONG64 (~(ULONG64)0)
#define MAXDWORD  0xffffffff
#define MAXDWORD64 (~(DWORD64)0)
#define MAXUINT8  ((UINT8)~(UINT8)0)
#define MAXUINT16 ((UINT16)~(UINT16)0)
#define MAXUINT32 ((UINT32)~(UINT32)0)
#define MAXUINT64 (~(UINT64)0)

#if defined(_WIN32)
#define IN
#define OUT
#define OPTIONAL
#define CRITICAL
#define FAR
#define NEAR
#define UNALIGNED __unaligned
#define UNALIGNED64 __unaligned
#define RESTRICTED_POINTER __restrict
#define POINTER_32 __ptr32
#define POINTER_64 __ptr64
#define STDAPICALLTYPE __stdcall
#define WINAPI __stdcall
#define CALLBACK __stdcall
#define APIENTRY __stdcall
#if !defined(__cplusplus) && !defined(NOMINMAX)
#ifndef min
#define min(a, b) (((a) < (b)) ? (a) : (b))
#endif
#ifndef max
#define max(a, b) (((a) > (b)) ? (a) : (b))
#endif
#endif
#else
#define UNALIGNED
#define POINTER_32
#endif

#define UNREFERENCED_PARAMETER(p)     ((void)(p))
#define DBG_UNREFERENCED_PARAMETER(p) ((void)(p))
#define DBG_UNREFERENCED_LOCAL_VARIABLE(v) ((void)(v))
#define DEFAULT_UNREACHABLE default: __builtin_unreachable()
#define ARGUMENT_PRESENT(p) ((p) != NULL)
#define FIELD_OFFSET(type, field)  ((LONG)__builtin_offsetof(type, field))
#define UFIELD_OFFSET(type, field) ((ULONG)__builtin_offsetof(type, field))
#define TYPE_ALIGNMENT(t) __builtin_offsetof(struct { char x; t test; }, test)
#define PROBE_ALIGNMENT(s) TYPE_ALIGNMENT(ULONG)
#define CONTAINING_RECORD(address, type, field) \
    ((type *)((PCHAR)(address) - (ULONG_PTR)__builtin_offsetof(type, field)))
#define RTL_NUMBER_OF_V1(a) (sizeof(a) / sizeof((a)[0]))
#define RTL_NUMBER_OF_V2(a) RTL_NUMBER_OF_V1(a)
#define RTL_NUMBER_OF(a) RTL_NUMBER_OF_V1(a)
#define ARRAYSIZE(a) RTL_NUMBER_OF_V2(a)
#define _ARRAYSIZE(a) RTL_NUMBER_OF_V1(a)
#define RTL_FIELD_TYPE(type, field) (((type *)0)->field)
#define RTL_FIELD_SIZE(type, field) (sizeof(((type *)0)->field))
#define FIELD_SIZE(type, field) (sizeof(((type *)0)->field))
#define RTL_NUMBER_OF_FIELD(type, field) (RTL_NUMBER_OF(RTL_FIELD_TYPE(type, field)))
#define RTL_SIZEOF_THROUGH_FIELD(type, field) \
    (FIELD_OFFSET(type, field) + RTL_FIELD_SIZE(type, field))
#define RTL_CONTAINS_FIELD(p, size, field) \
    ((((PCHAR)(&(p)->field)) + sizeof((p)->field)) <= (((PCHAR)(p)) + (size)))
#define RTL_BITS_OF(x) (sizeof(x) * 8)
#define RTL_BITS_OF_FIELD(type, field) (RTL_BITS_OF(RTL_FIELD_TYPE(type, field)))
#define RTL_PADDING_BETWEEN_FIELDS(t, f1, f2) \
    ((FIELD_OFFSET(t, f2) > FIELD_OFFSET(t, f1)) \
         ? (FIELD_OFFSET(t, f2) - FIELD_OFFSET(t, f1) - RTL_FIELD_SIZE(t, f1)) \
         : (FIELD_OFFSET(t, f1) - FIELD_OFFSET(t, f2) - RTL_FIELD_SIZE(t, f2)))
#define RTL_CONST_CAST(type) (type)
#define C_ASSERT_OFFSET(type, field, offset) \
    C_ASSERT(__builtin_offsetof(type, field) == (offset))

#define ALIGN_DOWN_BY(length, alignment) ((ULONG_PTR)(length) & ~((ULONG_PTR)(alignment) - 1))
#define ALIGN_UP_BY(length, alignment) \
    (ALIGN_DOWN_BY(((ULONG_PTR)(length) + (alignment) - 1), alignment))
#define ALIGN_DOWN(length, type) ALIGN_DOWN_BY(length, sizeof(type))
#define ALIGN_UP(length, type) ALIGN_UP_BY(length, sizeof(type))
#define ALIGN_DOWN_POINTER_BY(address, alignment) ((PVOID)ALIGN_DOWN_BY(address, alignment))
#define ALIGN_UP_POINTER_BY(address, alignment) ((PVOID)ALIGN_UP_BY(address, alignment))
#define ALIGN_DOWN_POINTER(address, type) ALIGN_DOWN_POINTER_BY(address, sizeof(type))
#define ALIGN_UP_POINTER(address, type) ALIGN_UP_POINTER_BY(address, sizeof(type))
#define IS_ALIGNED(p, alignment) (((ULONG_PTR)(p) & ((alignment) - 1)) == 0)

#define FlagOn(flags, mask)        ((flags) & (mask))
#define BooleanFlagOn(flags, mask) ((BOOLEAN)(((flags) & (mask)) != 0))
#define SetFlag(flags, mask)       ((flags) |= (mask))
#define ClearFlag(flags, mask)     ((flags) &= ~(mask))

#define LANG_NEUTRAL 0x00
#define SUBLANG_NEUTRAL 0x00
#define SUBLANG_DEFAULT 0x01
#define MAKELANGID(p, s) ((((USHORT)(s)) << 10) | (USHORT)(p))
#define PRIMARYLANGID(l) ((USHORT)(l) & 0x3ff)
#define SUBLANGID(l) ((USHORT)(l) >> 10)
#define MAKELCID(l, s) ((ULONG)((((ULONG)((USHORT)(s))) << 16) | ((ULONG)((USHORT)(l)))))

#define HandleToULong(h)  ((ULONG)(ULONG_PTR)(h))
#define HandleToUlong(h)  HandleToULong(h)
#define HandleToLong(h)   ((LONG)(LONG_PTR)(h))
#define ULongToHandle(u)  ((HANDLE)(ULONG_PTR)(u))
#define UlongToHandle(u)  ULongToHandle(u)
#define LongToHandle(l)   ((HANDLE)(LONG_PTR)(l))
#define PtrToUlong(p)     ((ULONG)(ULONG_PTR)(p))
#define PtrToLong(p)      ((LONG)(LONG_PTR)(p))
#define PtrToUint(p)      ((UINT)(UINT_PTR)(p))
#define PtrToInt(p)       ((INT)(INT_PTR)(p))
#define PtrToUshort(p)    ((USHORT)(ULONG_PTR)(p))
#define PtrToShort(p)     ((SHORT)(LONG_PTR)(p))
#define UlongToPtr(u)     ((void *)(ULONG_PTR)(ULONG)(u))
#define ULongToPtr(u)     UlongToPtr(u)
#define LongToPtr(l)      ((void *)(LONG_PTR)(LONG)(l))
#define UIntToPtr(u)      ((void *)(UINT_PTR)(UINT)(u))
#define IntToPtr(i)       ((void *)(INT_PTR)(INT)(i))
#define UintToPtr(u)      UIntToPtr(u)

/* 64-bit integers in parts. */
typedef union _LARGE_INTEGER {
    struct {
        ULONG LowPart;
        LONG HighPart;
    };
    struct {
        ULONG LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;
typedef const LARGE_INTEGER *PCLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
    struct {
        ULONG LowPart;
        ULONG HighPart;
    };
    struct {
        ULONG LowPart;
        ULONG HighPart;
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

typedef LARGE_INTEGER PHYSICAL_ADDRESS, *PPHYSICAL_ADDRESS;

typedef struct _LUID {
    ULONG LowPart;
    LONG HighPart;
} LUID, *PLUID;

typedef struct _M128A {
    ULONGLONG Low;
    LONGLONG High;
} DECLSPEC_ALIGN(16) M128A, *PM128A;

typedef struct _PROCESSOR_NUMBER {
    USHORT Group;
    UCHAR Number;
    UCHAR Reserved;
} PROCESSOR_NUMBER, *PPROCESSOR_NUMBER;

typedef struct _GROUP_AFFINITY {
    KAFFINITY Mask;
    USHORT Group;
    USHORT Reserved[3];
} GROUP_AFFINITY, *PGROUP_AFFINITY;

/* Counted strings. Lengths are in bytes and need not include a terminator. */
typedef struct _STRING {
    USHORT Length;
    USHORT MaximumLength;
    PCHAR Buffer;
} STRING, *PSTRING, ANSI_STRING, *PANSI_STRING, OEM_STRING, *POEM_STRING, UTF8_STRING,
    *PUTF8_STRING;
typedef const STRING *PCSTRING, *PCANSI_STRING, *PCOEM_STRING, *PCUTF8_STRING;

typedef struct _CSTRING {
    USHORT Length;
    USHORT MaximumLength;
    const char *Buffer;
} CSTRING;

typedef struct _UNICODE_STRING {
    USHORT Length;
    USHORT MaximumLength;
    PWCH Buffer;
} UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;

#define UNICODE_NULL ((WCHAR)0)
#define ANSI_NULL ((CHAR)0)
#define UNICODE_STRING_MAX_BYTES ((USHORT)65534)
#define UNICODE_STRING_MAX_CHARS (32767)
#if defined(__cplusplus)
#define RTL_CONSTANT_STRING(s) { sizeof(s) - sizeof((s)[0]), sizeof(s), NtConstantBuffer(s) }
#else
#define RTL_CONSTANT_STRING(s) { sizeof(s) - sizeof((s)[0]), sizeof(s), (void *)(s) }
#endif
#define DECLARE_CONST_UNICODE_STRING(name, text) \
    const WCHAR name##_buffer[] = text; \
    const UNICODE_STRING name = { sizeof(text) - sizeof(WCHAR), sizeof(text), (PWCH)name##_buffer }
#define DECLARE_GLOBAL_CONST_UNICODE_STRING(name, text) \
    extern const DECLSPEC_SELECTANY UNICODE_STRING name = RTL_CONSTANT_STRING(text)
#define DECLARE_UNICODE_STRING_SIZE(name, chars) \
    WCHAR name##_buffer[chars]; \
    UNICODE_STRING name = { 0, (chars) * sizeof(WCHAR), name##_buffer }

/* Lists. */
typedef struct _LIST_ENTRY {
    struct _LIST_ENTRY *Flink;
    struct _LIST_ENTRY *Blink;
} LIST_ENTRY, *PLIST_ENTRY, *RESTRICTED_PLIST_ENTRY;

typedef struct _SINGLE_LIST_ENTRY {
    struct _SINGLE_LIST_ENTRY *Next;
} SINGLE_LIST_ENTRY, *PSINGLE_LIST_ENTRY;

typedef struct _LIST_ENTRY32 {
    ULONG Flink;
    ULONG Blink;
} LIST_ENTRY32, *PLIST_ENTRY32;

typedef struct _LIST_ENTRY64 {
    ULONGLONG Flink;
    ULONGLONG Blink;
} LIST_ENTRY64, *PLIST_ENTRY64;

typedef struct _OBJECT_ATTRIBUTES {
    ULONG Length;
    HANDLE RootDirectory;
    PUNICODE_STRING ObjectName;
    ULONG Attributes;
    PVOID SecurityDescriptor;
    PVOID SecurityQualityOfService;
} OBJECT_ATTRIBUTES, *POBJECT_ATTRIBUTES;
typedef const OBJECT_ATTRIBUTES *PCOBJECT_ATTRIBUTES;

#define OBJ_INHERIT                     0x00000002L
#define OBJ_PERMANENT                   0x00000010L
#define OBJ_EXCLUSIVE                   0x00000020L
#define OBJ_CASE_INSENSITIVE            0x00000040L
#define OBJ_OPENIF                      0x00000080L
#define OBJ_OPENLINK                    0x00000100L
#define OBJ_KERNEL_HANDLE               0x00000200L
#define OBJ_FORCE_ACCESS_CHECK          0x00000400L
#define OBJ_IGNORE_IMPERSONATED_DEVICEMAP 0x00000800L
#define OBJ_DONT_REPARSE                0x00001000L
#define OBJ_VALID_ATTRIBUTES            0x00001FF2L

#define InitializeObjectAttributes(p, name, attributes, root, descriptor) \
    do { \
        (p)->Length = sizeof(OBJECT_ATTRIBUTES); \
        (p)->RootDirectory = (root); \
        (p)->Attributes = (attributes); \
        (p)->ObjectName = (name); \
        (p)->SecurityDescriptor = (descriptor); \
        (p)->SecurityQualityOfService = NULL; \
    } while (0)
#define RTL_CONSTANT_OBJECT_ATTRIBUTES(name, attributes) \
    { sizeof(OBJECT_ATTRIBUTES), NULL, (PUNICODE_STRING)(name), attributes, NULL, NULL }
#define RTL_INIT_OBJECT_ATTRIBUTES(name, attributes) \
    RTL_CONSTANT_OBJECT_ATTRIBUTES(name, attributes)

#define OBJ_HANDLE_TAGBITS 0x00000003L
#define OBJ_NAME_PATH_SEPARATOR ((WCHAR)L'\\')

#define NT_SUCCESS(s)     (((NTSTATUS)(s)) >= 0)
#define NT_INFORMATION(s) ((((ULONG)(s)) >> 30) == 1)
#define NT_WARNING(s)     ((((ULONG)(s)) >> 30) == 2)
#define NT_ERROR(s)       ((((ULONG)(s)) >> 30) == 3)
#define NT_FACILITY_MASK  0xfff
#define NT_FACILITY_SHIFT 16
#define NT_FACILITY(s)    ((((ULONG)(s)) >> NT_FACILITY_SHIFT) & NT_FACILITY_MASK)
#define NT_SUCCESS_OR_INFORMATION(s) NT_SUCCESS(s)
#define APPLICATION_ERROR_MASK       0x20000000
#define ERROR_SEVERITY_SUCCESS       0x00000000
#define ERROR_SEVERITY_INFORMATIONAL 0x40000000
#define ERROR_SEVERITY_WARNING       0x80000000
#define ERROR_SEVERITY_ERROR         0xC0000000

typedef enum _EVENT_TYPE { NotificationEvent, SynchronizationEvent } EVENT_TYPE;
typedef enum _TIMER_TYPE { NotificationTimer, SynchronizationTimer } TIMER_TYPE;
typedef enum _WAIT_TYPE {
    WaitAll,
    WaitAny,
    WaitNotification,
    WaitDequeue,
    WaitDpc
} WAIT_TYPE;

typedef enum _NT_PRODUCT_TYPE {
    NtProductWinNt = 1,
    NtProductLanManNt,
    NtProductServer
} NT_PRODUCT_TYPE, *PNT_PRODUCT_TYPE;

typedef enum _SUITE_TYPE { SmallBusiness, Enterprise, MaxSuiteType = 18 } SUITE_TYPE;

typedef struct _QUAD {
    union {
        LONGLONG UseThisFieldToCopy;
        double DoNotUseThisField;
    };
} QUAD, *PQUAD, UQUAD, *PUQUAD;

#define DECLARE_HANDLE(name) \
    struct name##__ { \
        int unused; \
    }; \
    typedef struct name##__ *name

NT_END_C

#endif
