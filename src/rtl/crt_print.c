/* SPDX-License-Identifier: MIT */
/* The print family of the kernel's C library. Bodies are named RtlCrt_x: the host's libc has the
 * plain names. */
#include "ke/ke.h"
#include "rtl/rtl.h"
#include "rtl/crt.h"

#include <string.h>

typedef __builtin_ms_va_list MS_ARGS;

typedef struct _BUFFER_SINK {
    RTLX_SINK Sink;
    void *Buffer;
    size_t Room;
} BUFFER_SINK;

static void PutUnit(RTLX_SINK *Sink, uint32_t Unit)
{
    BUFFER_SINK *b = CONTAINING_RECORD(Sink, BUFFER_SINK, Sink);

    if (Sink->Units >= b->Room)
        return;
    if (Sink->Wide)
        ((WCHAR *)b->Buffer)[Sink->Units] = (WCHAR)Unit;
    else
        ((char *)b->Buffer)[Sink->Units] = (char)Unit;
}

static void Terminate(BUFFER_SINK *b, size_t At)
{
    if (b->Sink.Wide)
        ((WCHAR *)b->Buffer)[At] = 0;
    else
        ((char *)b->Buffer)[At] = 0;
}

/* The rule of _vsnprintf: a terminator only when there is room for it; -1 when the text does not
 * fit. */
static int PrintOld(void *Buffer, size_t Count, bool Wide, const void *Format, MS_ARGS Args)
{
    BUFFER_SINK b = {{PutUnit, 0, Wide, false}, Buffer, Count};

    RtlxFormat(&b.Sink, Format, (const uint64_t *)(const void *)Args);
    if (b.Sink.Units < Count)
        Terminate(&b, b.Sink.Units);
    return b.Sink.Units > Count ? -1 : (int)b.Sink.Units;
}

/*
 * The rule of the _s forms: always terminated, -1 when the text does not fit. The n forms (Limit
 * below the size, or _TRUNCATE) then keep what fits; the plain ones leave an empty string.
 */
#define TRUNCATE SIZE_MAX
#define NO_LIMIT (SIZE_MAX - 1)
static int PrintSecure(void *Buffer, size_t Size, size_t Limit, bool Wide, const void *Format,
                       MS_ARGS Args)
{
    BUFFER_SINK b = {{PutUnit, 0, Wide, false}, Buffer, Size};
    size_t Most = Limit < Size ? Limit : Size - 1;

    if (!Buffer || !Size || !Format)
        return -1;
    RtlxFormat(&b.Sink, Format, (const uint64_t *)(const void *)Args);
    if (b.Sink.Units <= Most) {
        Terminate(&b, b.Sink.Units);
        return (int)b.Sink.Units;
    }
    Terminate(&b, Limit == TRUNCATE || Limit < Size ? Most : 0);
    return -1;
}

int NTAPI RtlCrt__vsnprintf(char *Buffer, size_t Count, const char *Format, MS_ARGS Args)
{
    return PrintOld(Buffer, Count, false, Format, Args);
}

int NTAPI RtlCrt__vsnwprintf(WCHAR *Buffer, size_t Count, const WCHAR *Format, MS_ARGS Args)
{
    return PrintOld(Buffer, Count, true, Format, Args);
}

int NTAPI RtlCrt_vsprintf(char *Buffer, const char *Format, MS_ARGS Args)
{
    return PrintOld(Buffer, SIZE_MAX, false, Format, Args);
}

int NTAPI RtlCrt_vsprintf_s(char *Buffer, size_t Size, const char *Format, MS_ARGS Args)
{
    return PrintSecure(Buffer, Size, NO_LIMIT, false, Format, Args);
}

int NTAPI RtlCrt_vswprintf_s(WCHAR *Buffer, size_t Size, const WCHAR *Format, MS_ARGS Args)
{
    return PrintSecure(Buffer, Size, NO_LIMIT, true, Format, Args);
}

int NTAPI RtlCrt__vsnprintf_s(char *Buffer, size_t Size, size_t Count, const char *Format,
                              MS_ARGS Args)
{
    return PrintSecure(Buffer, Size, Count, false, Format, Args);
}

int NTAPI RtlCrt__vsnwprintf_s(WCHAR *Buffer, size_t Size, size_t Count, const WCHAR *Format,
                               MS_ARGS Args)
{
    return PrintSecure(Buffer, Size, Count, true, Format, Args);
}

#define VARIADIC(call)                                                                             \
    MS_ARGS Args;                                                                                  \
    int n;                                                                                         \
    __builtin_ms_va_start(Args, Format);                                                           \
    n = call;                                                                                      \
    __builtin_ms_va_end(Args);                                                                     \
    return n

int NTAPIV RtlCrt_sprintf(char *Buffer, const char *Format, ...)
{
    VARIADIC(PrintOld(Buffer, SIZE_MAX, false, Format, Args));
}

int NTAPIV RtlCrt_swprintf(WCHAR *Buffer, const WCHAR *Format, ...)
{
    VARIADIC(PrintOld(Buffer, SIZE_MAX, true, Format, Args));
}

int NTAPIV RtlCrt__snprintf(char *Buffer, size_t Count, const char *Format, ...)
{
    VARIADIC(PrintOld(Buffer, Count, false, Format, Args));
}

int NTAPIV RtlCrt__snwprintf(WCHAR *Buffer, size_t Count, const WCHAR *Format, ...)
{
    VARIADIC(PrintOld(Buffer, Count, true, Format, Args));
}

int NTAPIV RtlCrt_sprintf_s(char *Buffer, size_t Size, const char *Format, ...)
{
    VARIADIC(PrintSecure(Buffer, Size, NO_LIMIT, false, Format, Args));
}

int NTAPIV RtlCrt_swprintf_s(WCHAR *Buffer, size_t Size, const WCHAR *Format, ...)
{
    VARIADIC(PrintSecure(Buffer, Size, NO_LIMIT, true, Format, Args));
}

int NTAPIV RtlCrt__snprintf_s(char *Buffer, size_t Size, size_t Count, const char *Format, ...)
{
    VARIADIC(PrintSecure(Buffer, Size, Count, false, Format, Args));
}

int NTAPIV RtlCrt__snwprintf_s(WCHAR *Buffer, size_t Size, size_t Count, const WCHAR *Format, ...)
{
    VARIADIC(PrintSecure(Buffer, Size, Count, true, Format, Args));
}
