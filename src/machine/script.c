/* SPDX-License-Identifier: MIT */
/*
 * .io scripts: reading lines, judging expectations. doc/io-script.md defines the language; the
 * operations are in script_ops.c. A script is a user-mode process of an administrator with one
 * thread.
 */
#include "machine/script.h"
#include "machine/machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mm/mm.h"
#include "ps/ps.h"

bool script_bad(struct script *s, const char *format, ...)
{
    va_list a;

    va_start(a, format);
    vsnprintf(s->detail, sizeof(s->detail), format, a);
    va_end(a);
    return false;
}

/* Decimal or 0x, with an optional k, m or g. */
bool script_number(const char *text, uint64_t *value)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    *value = strtoull(text, &end, 0);
    if (*end == 'k' || *end == 'K')
        *value <<= 10, end++;
    else if (*end == 'm' || *end == 'M')
        *value <<= 20, end++;
    else if (*end == 'g' || *end == 'G')
        *value <<= 30, end++;
    return !*end;
}

/* Mixes number and position so that a shifted, stale or swapped page never looks right. */
UCHAR script_pattern(uint64_t n, uint64_t offset)
{
    uint64_t x = (n + 1) * 0x9E3779B97F4A7C15ull + (offset >> 3);

    x ^= x >> 29;
    x *= 0xBF58476D1CE4E5B9ull;
    x ^= x >> 32;
    return (UCHAR)(x >> (8 * (offset & 7)));
}

const char *script_option(struct script *s, const char *key)
{
    size_t n = strlen(key);

    for (size_t i = 1; i < s->words; i++)
        if (!strncmp(s->word[i], key, n) && s->word[i][n] == '=')
            return s->word[i] + n + 1;
    return NULL;
}

/*
 * Splits at blanks. Double quotes keep blanks; a backslash is never an escape; # begins a comment
 * at the start of a word. Works in place.
 */
static bool split(struct script *s, char *line)
{
    char *p = line;

    s->words = 0;
    for (;;) {
        char *out;
        bool quoted = false;
        p += strspn(p, " \t\r");
        if (!*p || *p == '#')
            return true;
        if (s->words == SCRIPT_WORDS)
            return script_bad(s, "more than %d words", SCRIPT_WORDS);
        s->word[s->words++] = out = p;
        while (*p && (quoted || !strchr(" \t\r", *p))) {
            if (*p == '"')
                quoted = !quoted;
            else
                *out++ = *p;
            p++;
        }
        if (quoted)
            return script_bad(s, "a double quote is not closed");
        if (*p)
            p++;
        *out = 0;
    }
}

/* ---- expectations
 * --------------------------------------------------------------------------------------- */

static void unmet(struct script *s, const char *expected)
{
    char b[12];

    s->unmet++;
    TrcSay("%s:%u: %s: %s%s%s, expected %s", s->path, s->text_line, s->text,
           TrcStatusName(s->status, b), s->failed_check ? "; " : "",
           s->failed_check ? s->detail : "", expected);
}

/* A line without `expect` expects success and that its own check held. */
static void judge(struct script *s)
{
    if (!s->pending)
        return;
    s->pending = false;
    if (!NT_SUCCESS(s->status) || s->failed_check)
        unmet(s, NT_SUCCESS(s->status) ? "the bytes it names" : "success");
}

static bool op_expect(struct script *s)
{
    NTSTATUS want;

    if (s->words != 2 || !TrcStatusValue(s->word[1], &want))
        return script_bad(s, "expect takes one STATUS_ name or number");
    if (!s->pending)
        return script_bad(s, "there is no operation before this line to expect something of");
    s->pending = false;
    if (s->status != want)
        unmet(s, s->word[1]);
    return true;
}

/* ---- the loop
 * ------------------------------------------------------------------------------------------- */

static void run_line(struct script *s, char *line)
{
    char *copy = strdup(line + strspn(line, " \t"));
    script_op *op;
    bool ok;

    s->line++;
    if (!split(s, line)) {
        ok = false;
    } else if (!s->words) {
        free(copy);
        return;
    } else if (!strcmp(s->word[0], "expect")) {
        ok = op_expect(s);
    } else {
        judge(s);
        /* `name: create ...` names the handle: the operation sees the name as a trailing word of
         * its own. */
        size_t n = strlen(s->word[0]);
        char *label = NULL;
        if (n > 1 && s->word[0][n - 1] == ':' && s->words > 1) {
            s->word[0][n - 1] = 0;
            label = s->word[0];
            memmove(s->word, s->word + 1, --s->words * sizeof(s->word[0]));
        }
        op = script_find_op(s->word[0]);
        free(s->text);
        s->text = copy ? strdup(copy) : NULL;
        s->text_line = s->line;
        s->failed_check = false;
        s->status = STATUS_SUCCESS;
        s->word[s->words] = label;
        TrcPhase(TRC_PHASE_RUN, "%s:%u: %.120s", s->path, s->line, copy ? copy : "");
        ok = op ? op(s) : script_bad(s, "no such operation: %s", s->word[0]);
        s->pending = ok;
        s->done += ok;
    }
    if (!ok) {
        TrcSay("%s:%u: %s: %s", s->path, s->line, copy ? copy : "", s->detail);
        s->bad_line = true;
    }
    free(copy);
}

static void run_text(struct script *s, char *text)
{
    while (text && *text && !s->bad_line) {
        char *end = strchr(text, '\n');
        if (end)
            *end = 0;
        run_line(s, text);
        text = end ? end + 1 : NULL;
    }
    judge(s);
}

struct script_job {
    struct script *script;
    char *text;
};

static VOID NTAPI script_thread(PVOID context)
{
    struct script_job *job = context;

    run_text(job->script, job->text);
}

static char *read_script(const char *path)
{
    void *data;
    size_t size;
    int e = host_read_file(strcmp(path, "-") ? path : "/dev/stdin", &data, &size);

    if (e) {
        snprintf(TrcShared->final_text, sizeof(TrcShared->final_text),
                 "script %s cannot be read: %s", path, strerror(-e));
        TrcShared->final_status = OF_USAGE;
        return NULL;
    }
    return data;
}

int machine_run_script(const char *path)
{
    UNICODE_STRING image =
        RTL_CONSTANT_STRING(L"\\Device\\HarddiskVolume1\\Windows\\System32\\script.exe");
    struct script *s = calloc(1, sizeof(*s));
    struct script_job job = {s, read_script(path)};
    PEPROCESS process = NULL;
    PKTHREAD thread;
    int result = OF_USAGE;

    if (!s || !job.text) {
        free(s);
        return OF_USAGE;
    }
    s->path = strcmp(path, "-") ? path : "standard input";
    s->user = MmxAllocateUser(sizeof(*s->user), PAGE_READWRITE);
    if (s->user && NT_SUCCESS(PsxCreateProcess(&image, NULL, &process)) &&
        NT_SUCCESS(KexThreadStart("script", process, script_thread, &job, &thread))) {
        KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL);
        ObDereferenceObject(thread);
        if (!s->bad_line)
            TrcSay("openflt: %s: %u operations, %u unmet", s->path, s->done, s->unmet);
        result = s->bad_line ? OF_USAGE : s->unmet ? OF_EXPECTATION : OF_OK;
        TrcPhase(TRC_PHASE_CLOSE, "closing the script's handles");
        PsxEndProcess(process, STATUS_SUCCESS);
        ObDereferenceObject(process);
    }
    if (s->user)
        MmxFreeUser(s->user, sizeof(*s->user));
    free(s->text);
    free(job.text);
    free(s);
    return result;
}
