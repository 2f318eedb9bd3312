/* SPDX-License-Identifier: MIT */
/*
 * Operations of .io scripts, one NT call each (a large read or write is several, of at most 1 MiB).
 * They call the Nt form with previous mode UserMode and pointers in the user window, as a program's
 * system call would.
 */
#include "machine/script.h"
#include "machine/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rtl/rtl.h"
#include "zw/zw.h"

/* ---- handles and names
 * ---------------------------------------------------------------------------------- */

static bool set_name(struct script *s, const char *path)
{
    PCUNICODE_STRING volume = machine_volume_name();
    struct script_user *u = s->user;
    size_t n = volume->Length / 2u, m;

    if (path[0] != '\\' && path[0] != '/')
        return script_bad(s, "a path begins with a backslash, at the volume's root: %s", path);
    memcpy(u->name_buffer, volume->Buffer, volume->Length);
    m = RtlxUtf8ToWide(path, strlen(path), u->name_buffer + n, RTL_NUMBER_OF(u->name_buffer) - n);
    if (m == SIZE_MAX || n + m >= RTL_NUMBER_OF(u->name_buffer))
        return script_bad(s, "not a valid UTF-8 name, or too long: %s", path);
    u->name.Buffer = u->name_buffer;
    u->name.Length = (USHORT)((n + m) * sizeof(WCHAR));
    u->name.MaximumLength = (USHORT)(u->name.Length + sizeof(WCHAR));
    InitializeObjectAttributes(&u->attributes, &u->name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    return true;
}

static struct script_handle *find_handle(struct script *s, const char *name)
{
    for (size_t i = 0; i < SCRIPT_HANDLES; i++)
        if (s->handles[i].handle && !strcmp(s->handles[i].name, name))
            return &s->handles[i];
    return NULL;
}

/* The handle an operation is about: on=NAME, else the last one opened. */
static struct script_handle *target(struct script *s)
{
    const char *name = script_option(s, "on");
    struct script_handle *h = name ? find_handle(s, name) : s->current;

    if (!h || !h->handle) {
        script_bad(s, name ? "no open handle is named %s" : "no handle is open", name ? name : "");
        return NULL;
    }
    return h;
}

#define USER_CALL(call)                                                                            \
    do {                                                                                           \
        KPROCESSOR_MODE Before = KexSetPreviousMode(UserMode);                                     \
        s->user->iosb = (IO_STATUS_BLOCK){.Status = 0};                                            \
        s->status = (call);                                                                        \
        KexSetPreviousMode(Before);                                                                \
    } while (0)

/* ---- create
 * --------------------------------------------------------------------------------------------- */

struct open_how {
    ACCESS_MASK access;
    ULONG share, disposition, options, attributes;
};

static const struct {
    const char *mode;
    struct open_how how;
} modes[] = {
    {"r", {FILE_GENERIC_READ, 7, FILE_OPEN, FILE_NON_DIRECTORY_FILE, 0}},
    {"w", {FILE_GENERIC_WRITE, 7, FILE_OPEN_IF, FILE_NON_DIRECTORY_FILE, FILE_ATTRIBUTE_NORMAL}},
    {"rw",
     {FILE_GENERIC_READ | FILE_GENERIC_WRITE, 7, FILE_OPEN_IF, FILE_NON_DIRECTORY_FILE,
      FILE_ATTRIBUTE_NORMAL}},
    {"d",
     {FILE_GENERIC_READ | FILE_GENERIC_WRITE, 7, FILE_OPEN_IF, FILE_DIRECTORY_FILE,
      FILE_ATTRIBUTE_DIRECTORY}},
};

static bool set_disposition(struct script *s, const char *text, struct open_how *how)
{
    static const char *const names[] = {"supersede", "open",      "create",
                                        "open-if",   "overwrite", "overwrite-if"};

    for (ULONG i = 0; i < RTL_NUMBER_OF(names); i++) {
        if (!strcmp(names[i], text)) {
            how->disposition = i;
            return true;
        }
    }
    return script_bad(s, "no such disposition: %s", text);
}

static bool set_share(struct script *s, const char *text, struct open_how *how)
{
    how->share = 0;
    if (!strcmp(text, "none"))
        return true;
    for (const char *p = text; *p; p++) {
        if (!strchr("rwd", *p))
            return script_bad(s, "share is none or letters of r, w, d: %s", text);
        how->share |= *p == 'r'   ? FILE_SHARE_READ
                      : *p == 'w' ? FILE_SHARE_WRITE
                                  : FILE_SHARE_DELETE;
    }
    return true;
}

static bool set_flag(struct script *s, const char *word, struct open_how *how)
{
    static const struct {
        const char *name;
        ULONG option;
        ACCESS_MASK access;
    } flags[] = {
        {"noncached", FILE_NO_INTERMEDIATE_BUFFERING, 0},
        {"write-through", FILE_WRITE_THROUGH, 0},
        {"sequential", FILE_SEQUENTIAL_ONLY, 0},
        {"delete-on-close", FILE_DELETE_ON_CLOSE, DELETE},
        {"delete", 0, DELETE},
    };

    for (size_t i = 0; i < RTL_NUMBER_OF(flags); i++) {
        if (!strcmp(flags[i].name, word)) {
            how->options |= flags[i].option;
            how->access |= flags[i].access;
            return true;
        }
    }
    if (!strncmp(word, "disposition=", 12))
        return set_disposition(s, word + 12, how);
    if (!strncmp(word, "share=", 6))
        return set_share(s, word + 6, how);
    return script_bad(s, "no such option of create: %s", word);
}

static void open_file(struct script *s, const struct open_how *how)
{
    struct script_user *u = s->user;
    ULONG options = how->options | FILE_SYNCHRONOUS_IO_NONALERT;

    USER_CALL(NtCreateFile(&u->handle, how->access | SYNCHRONIZE, &u->attributes, &u->iosb, NULL,
                           how->attributes, how->share, how->disposition, options, NULL, 0));
}

static bool op_create(struct script *s)
{
    const char *label = s->word[s->words];
    struct script_handle *h = label ? find_handle(s, label) : NULL;
    struct open_how how = {0};
    size_t m = 0;

    if (s->words < 3)
        return script_bad(s, "create PATH r|w|rw|d [options]");
    while (m < RTL_NUMBER_OF(modes) && strcmp(modes[m].mode, s->word[2]))
        m++;
    if (m == RTL_NUMBER_OF(modes))
        return script_bad(s, "the mode is r, w, rw or d: %s", s->word[2]);
    if (h)
        return script_bad(s, "a handle named %s is open", label);
    how = modes[m].how;
    for (size_t i = 3; i < s->words; i++)
        if (!set_flag(s, s->word[i], &how))
            return false;
    if (!set_name(s, s->word[1]))
        return false;
    for (h = s->handles; h < s->handles + SCRIPT_HANDLES && h->handle; h++)
        ;
    if (h == s->handles + SCRIPT_HANDLES)
        return script_bad(s, "%d handles are open", SCRIPT_HANDLES);
    open_file(s, &how);
    if (NT_SUCCESS(s->status)) {
        h->handle = s->user->handle;
        snprintf(h->name, sizeof(h->name), "%s", label ? label : "");
        s->current = h;
    }
    return true;
}

static void close_handle(struct script *s, struct script_handle *h)
{
    USER_CALL(NtClose(h->handle));
    h->handle = NULL;
    if (s->current != h)
        return;
    s->current = NULL;
    for (size_t i = 0; i < SCRIPT_HANDLES; i++)
        if (s->handles[i].handle)
            s->current = &s->handles[i];
}

static bool op_close(struct script *s)
{
    struct script_handle *h =
        s->words > 1 && !strchr(s->word[1], '=') ? find_handle(s, s->word[1]) : target(s);

    if (!h)
        return script_bad(s, "no such handle is open");
    close_handle(s, h);
    return true;
}

/* ---- read and write
 * ------------------------------------------------------------------------------------- */

static bool range(struct script *s, uint64_t *offset, uint64_t *length)
{
    if (s->words < 3 || !script_number(s->word[1], offset) || !script_number(s->word[2], length))
        return script_bad(s, "%s OFFSET LENGTH ...", s->word[0]);
    return true;
}

static bool pattern_of(struct script *s, const char *key, bool *given, uint64_t *n)
{
    const char *text = script_option(s, key);

    *given = text != NULL;
    return !text || script_number(text, n) || script_bad(s, "%s takes a number: %s", key, text);
}

static bool op_write(struct script *s)
{
    uint64_t offset, length, n = 0;
    struct script_handle *h = target(s);
    bool given;

    if (!h || !range(s, &offset, &length) || !pattern_of(s, "pattern", &given, &n))
        return false;
    if (!given)
        return script_bad(s, "write OFFSET LENGTH pattern=N");
    do {
        ULONG part = length < SCRIPT_CHUNK ? (ULONG)length : SCRIPT_CHUNK;
        for (ULONG i = 0; i < part; i++)
            s->user->data[i] = script_pattern(n, offset + i);
        s->user->offset.QuadPart = (LONGLONG)offset;
        USER_CALL(NtWriteFile(h->handle, NULL, NULL, NULL, &s->user->iosb, s->user->data, part,
                              &s->user->offset, NULL));
        if (NT_SUCCESS(s->status) && s->user->iosb.Information != part) {
            s->failed_check = true;
            script_bad(s, "%llu of %u bytes written", (unsigned long long)s->user->iosb.Information,
                       part);
        }
        offset += part;
        length -= part;
    } while (length && NT_SUCCESS(s->status));
    return true;
}

static void check_bytes(struct script *s, uint64_t n, uint64_t offset, ULONG part)
{
    ULONG got = (ULONG)s->user->iosb.Information;

    if (got != part) {
        s->failed_check = true;
        script_bad(s, "%u of %u bytes read at %llu", got, part, (unsigned long long)offset);
        return;
    }
    for (ULONG i = 0; i < part; i++) {
        UCHAR want = script_pattern(n, offset + i);
        if (s->user->data[i] != want) {
            s->failed_check = true;
            script_bad(s, "byte at %llu is 0x%02x, pattern %llu has 0x%02x",
                       (unsigned long long)(offset + i), s->user->data[i], (unsigned long long)n,
                       want);
            return;
        }
    }
}

static bool op_read(struct script *s)
{
    uint64_t offset, length, n = 0;
    struct script_handle *h = target(s);
    bool given;

    if (!h || !range(s, &offset, &length) || !pattern_of(s, "expect", &given, &n))
        return false;
    do {
        ULONG part = length < SCRIPT_CHUNK ? (ULONG)length : SCRIPT_CHUNK;
        memset(s->user->data, 0xA5, part);
        s->user->offset.QuadPart = (LONGLONG)offset;
        USER_CALL(NtReadFile(h->handle, NULL, NULL, NULL, &s->user->iosb, s->user->data, part,
                             &s->user->offset, NULL));
        if (NT_SUCCESS(s->status) && given)
            check_bytes(s, n, offset, part);
        offset += part;
        length -= part;
    } while (length && NT_SUCCESS(s->status) && !s->failed_check);
    return true;
}

/* ---- the rest of the core
 * ------------------------------------------------------------------------------- */

static bool op_flush(struct script *s)
{
    struct script_handle *h = target(s);

    if (!h)
        return false;
    USER_CALL(NtFlushBuffersFile(h->handle, &s->user->iosb));
    return true;
}

static bool set_information(struct script *s, HANDLE handle, ULONG length,
                            FILE_INFORMATION_CLASS class)
{
    USER_CALL(NtSetInformationFile(handle, &s->user->iosb, s->user->data, length, class));
    return true;
}

static bool op_size(struct script *s)
{
    struct script_handle *h = target(s);
    uint64_t size;

    if (!h)
        return false;
    if (s->words < 2 || !script_number(s->word[1], &size))
        return script_bad(s, "size BYTES");
    ((FILE_END_OF_FILE_INFORMATION *)s->user->data)->EndOfFile.QuadPart = (LONGLONG)size;
    return set_information(s, h->handle, sizeof(FILE_END_OF_FILE_INFORMATION),
                           FileEndOfFileInformation);
}

/* Opens a path for one set-information call and closes it again; the first failure is the line's
 * status. */
static bool with_path(struct script *s, const char *path, ULONG length,
                      FILE_INFORMATION_CLASS class)
{
    struct open_how how = {DELETE | FILE_READ_ATTRIBUTES, 7, FILE_OPEN, FILE_OPEN_REPARSE_POINT, 0};
    NTSTATUS status;
    HANDLE handle;

    if (!set_name(s, path))
        return false;
    open_file(s, &how);
    if (!NT_SUCCESS(s->status))
        return true;
    handle = s->user->handle;
    set_information(s, handle, length, class);
    status = s->status;
    USER_CALL(NtClose(handle));
    s->status = status;
    return true;
}

static bool op_delete(struct script *s)
{
    if (s->words != 2)
        return script_bad(s, "delete PATH");
    ((FILE_DISPOSITION_INFORMATION *)s->user->data)->DeleteFile = TRUE;
    return with_path(s, s->word[1], sizeof(FILE_DISPOSITION_INFORMATION),
                     FileDispositionInformation);
}

static bool op_rename(struct script *s)
{
    FILE_RENAME_INFORMATION *r = (FILE_RENAME_INFORMATION *)s->user->data;

    if (s->words != 3)
        return script_bad(s, "rename PATH PATH");
    if (!set_name(s, s->word[2]))
        return false;
    memset(r, 0, sizeof(*r));
    r->FileNameLength = s->user->name.Length;
    memcpy(r->FileName, s->user->name.Buffer, s->user->name.Length);
    return with_path(s, s->word[1],
                     FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) + r->FileNameLength,
                     FileRenameInformation);
}

static void print_entries(const UCHAR *data, ULONG_PTR bytes)
{
    for (ULONG_PTR at = 0; at < bytes;) {
        const FILE_DIRECTORY_INFORMATION *d = (const FILE_DIRECTORY_INFORMATION *)(data + at);
        char name[1024];
        if (RtlxWideToUtf8(d->FileName, d->FileNameLength / 2u, name, sizeof(name)) == SIZE_MAX)
            snprintf(name, sizeof(name), "(name is not valid UTF-16)");
        printf("%12lld  %s%s\n", (long long)d->EndOfFile.QuadPart, name,
               d->FileAttributes & FILE_ATTRIBUTE_DIRECTORY ? "\\" : "");
        if (!d->NextEntryOffset)
            break;
        at += d->NextEntryOffset;
    }
    fflush(stdout);
}

static bool op_list(struct script *s)
{
    struct open_how how = {FILE_LIST_DIRECTORY, 7, FILE_OPEN, FILE_DIRECTORY_FILE, 0};
    HANDLE handle;
    NTSTATUS status;

    if (s->words != 2)
        return script_bad(s, "list PATH");
    if (!set_name(s, s->word[1]))
        return false;
    open_file(s, &how);
    if (!NT_SUCCESS(s->status))
        return true;
    handle = s->user->handle;
    do {
        USER_CALL(NtQueryDirectoryFile(handle, NULL, NULL, NULL, &s->user->iosb, s->user->data,
                                       65536, FileDirectoryInformation, FALSE, NULL, FALSE));
        if (NT_SUCCESS(s->status))
            print_entries(s->user->data, s->user->iosb.Information);
    } while (NT_SUCCESS(s->status));
    status = s->status == STATUS_NO_MORE_FILES || s->status == STATUS_NO_SUCH_FILE ? STATUS_SUCCESS
                                                                                   : s->status;
    USER_CALL(NtClose(handle));
    s->status = status;
    return true;
}

static bool op_fsctl(struct script *s)
{
    struct script_handle *h = target(s);
    uint64_t code;

    if (!h)
        return false;
    if (s->words < 2 || !script_number(s->word[1], &code))
        return script_bad(s, "fsctl CODE");
    USER_CALL(NtFsControlFile(h->handle, NULL, NULL, NULL, &s->user->iosb, (ULONG)code, NULL, 0,
                              s->user->data, 65536));
    return true;
}

static bool op_sleep(struct script *s)
{
    char *end = NULL;
    double seconds = s->words == 2 ? strtod(s->word[1], &end) : -1;
    LARGE_INTEGER interval;

    if (seconds < 0 || *end || seconds > 86400)
        return script_bad(s, "sleep SECONDS");
    interval.QuadPart = -(LONGLONG)(seconds * 1e7);
    KeDelayExecutionThread(KernelMode, FALSE, &interval);
    return true;
}

static bool op_print(struct script *s)
{
    for (size_t i = 1; i < s->words; i++)
        printf("%s%s", i > 1 ? " " : "", s->word[i]);
    printf("\n");
    fflush(stdout);
    return true;
}

script_op *script_find_op(const char *name)
{
    static const struct {
        const char *name;
        script_op *op;
    } ops[] = {
        {"create", op_create}, {"write", op_write},   {"read", op_read},     {"flush", op_flush},
        {"close", op_close},   {"delete", op_delete}, {"rename", op_rename}, {"list", op_list},
        {"size", op_size},     {"fsctl", op_fsctl},   {"sleep", op_sleep},   {"print", op_print},
    };

    for (size_t i = 0; i < RTL_NUMBER_OF(ops); i++)
        if (!strcmp(ops[i].name, name))
            return ops[i].op;
    return NULL;
}
