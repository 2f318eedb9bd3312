/* SPDX-License-Identifier: MIT */
/* script.h - inside of the .io script engine: one parsed line, the process's memory, what the
 * operations share. */
#ifndef OPENFLT_MACHINE_SCRIPT_H
#define OPENFLT_MACHINE_SCRIPT_H

#include "ke/ke.h"

#define SCRIPT_WORDS 24
#define SCRIPT_HANDLES 64
#define SCRIPT_CHUNK (1u << 20) /* largest transfer of one NT call */

struct script_handle {
    char name[32];
    HANDLE handle;
};

/* Everything an NT call of the script points at lies in the user window, as a user-mode program's
 * memory would. */
struct script_user {
    IO_STATUS_BLOCK iosb;
    HANDLE handle;
    LARGE_INTEGER offset;
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name;
    WCHAR name_buffer[0x8000];
    UCHAR data[SCRIPT_CHUNK];
};

struct script {
    const char *path; /* for messages */
    unsigned line;
    char *word[SCRIPT_WORDS];
    size_t words;
    struct script_user *user;
    struct script_handle handles[SCRIPT_HANDLES];
    struct script_handle *current;
    /* outcome of the operation just done, judged when the next line is read */
    bool pending, failed_check;
    NTSTATUS status;
    char *text; /* of the line, for messages */
    unsigned text_line;
    char detail[300]; /* why a check failed */
    unsigned done, unmet;
    bool bad_line;
};

/* One operation; false when the line cannot be understood (script->detail says why). */
typedef bool script_op(struct script *s);
script_op *script_find_op(const char *name);

/* Words of the form key=value. NULL when absent. */
const char *script_option(struct script *s, const char *key);
bool script_number(const char *text, uint64_t *value);
/* The byte that pattern N has at an offset of a file. */
UCHAR script_pattern(uint64_t n, uint64_t offset);
bool script_bad(struct script *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
