/* SPDX-License-Identifier: MIT */
/*
 * bench - what openflt costs, each figure next to the limit measured in the same run.
 * doc/performance.md says what the rows mean. `bench BUILD` prints the table, status 1 when a row
 * misses its target; `bench BUILD --smoke` runs every row with few repetitions and fails only when
 * a row has no positive value.
 */
#include "measure.h"
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/machine.h"
#include "machine/supervisor.h"
#include "ps/ps.h"
#include "zw/zw.h"

static struct plan plan = {.rounds = 21, .round_ns = 500000};
static bool smoke;
static const char *build;
static unsigned missed, rows, empty;

/* ---- the table ------------------------------------------------------------------------------- */

static const char *in_units(double ns, char text[24])
{
    if (ns < 1e4)
        snprintf(text, 24, "%.1f ns", ns);
    else if (ns < 1e6)
        snprintf(text, 24, "%.1f us", ns / 1e3);
    else
        snprintf(text, 24, "%.2f ms", ns / 1e6);
    return text;
}

static void heading(const char *text)
{
    printf("\n%-46s %10s %10s %6s  %-10s\n", text, "value", "limit", "ratio", "target");
}

/* target 0: information. aim: better than the target, said when it is met. */
static void row(const char *what, double value, double limit, const char *limit_name, double target,
                double aim)
{
    char v[24], l[24], t[24] = "-";
    const char *verdict = !target               ? ""
                          : value > target      ? "MISS"
                          : aim && value <= aim ? "pass (aim)"
                                                : "pass";

    if (target)
        in_units(target, t);
    printf("%-46s %10s %10s %6.2f  %-10s %-10s %s\n", what, in_units(value, v), in_units(limit, l),
           value / limit, t, verdict, limit_name);
    rows++;
    empty += !(value > 0) || !(limit > 0);
    missed += target && value > target;
}

/* Two probes that must cost the same: by instructions, else by their medians. */
static void same(const char *what, const struct probe *with, const struct probe *without,
                 int64_t in_with, int64_t in_without)
{
    double a = median(&plan, with, NULL, 1), b = median(&plan, without, NULL, 1);
    double s =
        spread(&plan, with) > spread(&plan, without) ? spread(&plan, with) : spread(&plan, without);
    bool counted = in_with > 0 && in_without > 0;
    bool good = counted ? in_with == in_without : a - b <= s && b - a <= s;
    char v[24], l[24], note[80];

    if (counted)
        snprintf(note, sizeof(note), "%lld instructions, with none %lld", (long long)in_with,
                 (long long)in_without);
    else
        snprintf(note, sizeof(note), "no instruction counts; spread %.1f ns", s);
    printf("%-46s %10s %10s %6.2f  %-10s %-10s %s\n", what, in_units(a, v), in_units(b, l), a / b,
           "same", good ? "pass" : "MISS", note);
    rows++;
    empty += !(a > 0) || !(b > 0);
    missed += !good;
}

static void broken(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(2);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void run_bare_calls(void *arg, unsigned n)
{
    PFLT_PRE_OPERATION_CALLBACK volatile *pre = rig_pre;
    PFLT_POST_OPERATION_CALLBACK volatile *post = rig_post;
    PVOID context[FILTERS];

    (void)arg;
    while (n--) {
        for (unsigned i = 0; i < FILTERS; i++)
            pre[i](NULL, NULL, &context[i]);
        for (unsigned i = FILTERS; i--;)
            post[i](NULL, NULL, context[i], 0);
    }
}

/* What no request can avoid: its memory cleared, two dispatch routines, pre, post, and two
 * completion routines. */
static void run_bare_request(void *arg, unsigned n)
{
    static UCHAR block[sizeof(IRP) + 3 * sizeof(IO_STACK_LOCATION)];
    PFLT_PRE_OPERATION_CALLBACK volatile *pre = rig_pre;
    PFLT_POST_OPERATION_CALLBACK volatile *post = rig_post;
    PVOID context;

    (void)arg;
    while (n--) {
        memset(block, 0, sizeof(block));
        __asm__ volatile("" : : "r"(block) : "memory");
        for (unsigned i = 0; i < 3; i++) {
            pre[i](NULL, NULL, &context);
            post[i](NULL, NULL, context, 0);
        }
    }
}

static int plain_file;
static UCHAR plain[2][PAGE] __attribute__((aligned(4096)));

static void run_pread(void *arg, unsigned n)
{
    (void)arg;
    while (n--)
        if (host_pread(plain_file, plain[0], PAGE, 0) != PAGE)
            broken("pread");
}

static void run_pwrite(void *arg, unsigned n)
{
    (void)arg;
    while (n--)
        if (host_pwrite(plain_file, plain[0], PAGE, 0) != PAGE)
            broken("pwrite");
}

static void run_memcpy(void *arg, unsigned n)
{
    (void)arg;
    while (n--) {
        memcpy(plain[0], plain[1], PAGE);
        __asm__ volatile("" : : "r"(plain) : "memory");
    }
}

/* ---- operations ------------------------------------------------------------------------------ */

static NTSTATUS NTAPI keep(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    (void)device, (void)irp, (void)context;
    return STATUS_MORE_PROCESSING_REQUIRED;
}

/* A request from allocation to release through FltMgr's device, as a driver above would send it. */
static inline void request(const struct rig_volume *v, UCHAR major)
{
    PIRP irp = IoAllocateIrp(v->top->StackSize, FALSE);
    PIO_STACK_LOCATION s = IoGetNextIrpStackLocation(irp);

    s->MajorFunction = major;
    s->FileObject = v->file;
    irp->Tail.Overlay.Thread = PsGetCurrentThread();
    IoSetCompletionRoutine(irp, keep, NULL, TRUE, TRUE, TRUE);
    if (IoCallDriver(v->top, irp) != STATUS_SUCCESS)
        broken("a request did not complete");
    IoFreeIrp(irp);
}

static void run_irp_read(void *arg, unsigned n)
{
    while (n--)
        request(arg, IRP_MJ_READ);
}

static void run_irp_flush(void *arg, unsigned n)
{
    while (n--)
        request(arg, IRP_MJ_FLUSH_BUFFERS);
}

static void run_fast_read(void *arg, unsigned n)
{
    const struct rig_volume *v = arg;
    LARGE_INTEGER offset = {.QuadPart = 0};
    IO_STATUS_BLOCK iosb;

    while (n--)
        if (!v->fast->FastIoRead(v->file, &offset, PAGE, TRUE, 0, plain[0], &iosb, v->top))
            broken("fast read refused");
}

static void run_fast_query(void *arg, unsigned n)
{
    const struct rig_volume *v = arg;
    FILE_BASIC_INFORMATION basic;
    IO_STATUS_BLOCK iosb;

    while (n--)
        if (!v->fast->FastIoQueryBasicInfo(v->file, TRUE, &basic, &iosb, v->top))
            broken("fast query refused");
}

static void run_nt_read(void *arg, unsigned n)
{
    struct rig_user *u = rig_user;

    while (n--)
        if (RIG_AS_USER(
                NtReadFile(arg, NULL, NULL, NULL, &u->iosb, u->data, PAGE, &u->offset, NULL)))
            broken("NtReadFile");
}

static void run_nt_write(void *arg, unsigned n)
{
    struct rig_user *u = rig_user;

    while (n--)
        if (RIG_AS_USER(
                NtWriteFile(arg, NULL, NULL, NULL, &u->iosb, u->data, PAGE, &u->offset, NULL)))
            broken("NtWriteFile");
}

/* ---- the rows that are nanoseconds ----------------------------------------------------------- */

enum { NONE, ONE, ALL, KINDS };

static struct probe bare_calls = {.run = run_bare_calls}, bare_request = {.run = run_bare_request},
                    pread_4k = {.run = run_pread}, pwrite_4k = {.run = run_pwrite},
                    memcpy_4k = {.run = run_memcpy}, irp_read[KINDS], irp_flush[KINDS],
                    fast_read[KINDS], fast_query[KINDS], nt_fast[KINDS], nt_irp[KINDS],
                    nt_write[KINDS];

static void counted(void *probe)
{
    struct probe *p = probe;

    p->run(p->arg, 1);
}

/* The least of a few: another thread on a free list's lock costs a retry now and then. */
static int64_t instructions(struct probe *p)
{
    int64_t least = -1;

    counted(p);
    for (unsigned i = 0; i < 5; i++) {
        int64_t n = host_count_instructions(counted, p);

        if (n > 0 && (least < 0 || n < least))
            least = n;
    }
    return least;
}

/* The chains are what the figures say they are: one operation calls each filter of the volume once.
 */
static void check_layers(struct probe *kinds, const struct rig_volume *volumes)
{
    for (unsigned k = 0; k < KINDS; k++) {
        uint64_t before[FILTERS];

        memcpy(before, rig_calls, sizeof(before));
        kinds[k].run(kinds[k].arg, 1);
        for (unsigned i = 0; i < FILTERS; i++)
            if (rig_calls[i] != before[i] + (i < volumes[k].layers))
                broken("an operation did not pass the filters it should pass");
    }
}

static void measure_all(void)
{
    struct probe *all[5 + 7 * KINDS] = {&bare_calls, &bare_request, &pread_4k, &pwrite_4k,
                                        &memcpy_4k};
    size_t n = 5;

    for (unsigned k = 0; k < KINDS; k++) {
        irp_read[k] = (struct probe){.run = run_irp_read, .arg = &rig_bare[k]};
        irp_flush[k] = (struct probe){.run = run_irp_flush, .arg = &rig_bare[k]};
        fast_read[k] = (struct probe){.run = run_fast_read, .arg = &rig_bare[k]};
        fast_query[k] = (struct probe){.run = run_fast_query, .arg = &rig_bare[k]};
        nt_fast[k] = (struct probe){.run = run_nt_read, .arg = rig_ntfs[k].cached};
        nt_irp[k] = (struct probe){.run = run_nt_read, .arg = rig_ntfs[k].overlapped};
        nt_write[k] = (struct probe){.run = run_nt_write, .arg = rig_ntfs[k].cached};
        struct probe *mine[] = {&irp_read[k], &irp_flush[k], &fast_read[k], &fast_query[k],
                                &nt_fast[k],  &nt_irp[k],    &nt_write[k]};
        memcpy(all + n, mine, sizeof(mine));
        n += RTL_NUMBER_OF(mine);
    }
    check_layers(irp_read, rig_bare);
    check_layers(fast_read, rig_bare);
    check_layers(nt_fast, rig_ntfs);
    check_layers(nt_irp, rig_ntfs);
    measure(&plan, all, n);
}

static void print_layers(void)
{
    double call = median(&plan, &bare_calls, NULL, FILTERS),
           request_limit = median(&plan, &bare_request, NULL, 1);

    heading("Filter Manager");
    row("one filter layer, IRP", median(&plan, &irp_read[ALL], &irp_read[NONE], FILTERS), call,
        "two bare indirect calls", 40, 15);
    row("one filter layer, fast I/O read",
        median(&plan, &fast_read[ALL], &fast_read[NONE], FILTERS), call, "two bare indirect calls",
        40, 15);
    same("IRP nobody registered for, 16 filters", &irp_flush[ALL], &irp_flush[NONE],
         instructions(&irp_flush[ALL]), instructions(&irp_flush[NONE]));
    same("fast I/O nobody registered for, 16 filters", &fast_query[ALL], &fast_query[NONE],
         instructions(&fast_query[ALL]), instructions(&fast_query[NONE]));
    row("IRP, no filter", median(&plan, &irp_read[NONE], NULL, 1), request_limit,
        "memory cleared + 6 bare calls", 0, 0);
    row("IRP and callback data, one filter", median(&plan, &irp_read[ONE], NULL, 1), request_limit,
        "memory cleared + 6 bare calls", 150, 0);
}

static void print_files(void)
{
    static const char *const texts[3][KINDS] = {
        {"NtReadFile, fast I/O, no filter", "NtReadFile, fast I/O, 1 filter",
         "NtReadFile, fast I/O, 16 filters"},
        {"NtReadFile, IRP, no filter", "NtReadFile, IRP, 1 filter", "NtReadFile, IRP, 16 filters"},
        {"NtWriteFile, fast I/O, no filter", "NtWriteFile, fast I/O, 1 filter",
         "NtWriteFile, fast I/O, 16 filters"}};
    struct probe *probes[3] = {nt_fast, nt_irp, nt_write};
    double read = median(&plan, &pread_4k, NULL, 1), write = median(&plan, &pwrite_4k, NULL, 1);

    heading("4 KiB of a cached file, user mode");
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < KINDS; k++)
            row(texts[i][k], median(&plan, &probes[i][k], NULL, 1), i == 2 ? write : read,
                i == 2 ? "pwrite(2) of a memory file" : "pread(2) of a memory file", 0, 0);
    row("pread(2)", read, median(&plan, &memcpy_4k, NULL, 1), "memcpy", 0, 0);
    row("pwrite(2)", write, median(&plan, &memcpy_4k, NULL, 1), "memcpy", 0, 0);
}

/* ---- loading --------------------------------------------------------------------------------- */

static double spawn_ns(const char *const argv[])
{
    uint64_t start = host_monotonic_ns();
    int null = host_open("/dev/null", HOST_O_READ | HOST_O_WRITE, 0),
        pid = host_spawn(argv, null, null, null);
    struct host_child_state state = {.end = HOST_RUNNING};

    if (pid < 0 || host_wait_child(pid, 60ull * 1000000000u, &state) < 0 ||
        state.end != HOST_EXITED || state.code)
        broken(argv[0]);
    host_close(null);
    return (double)(host_monotonic_ns() - start);
}

static double spawn_median(const char *const argv[])
{
    double v[MOST_ROUNDS];
    unsigned n = smoke ? 2 : 11;

    for (unsigned i = 0; i < n; i++)
        v[i] = spawn_ns(argv);
    return median_of(v, n);
}

static void quiet(const char *text, size_t bytes)
{
    (void)text, (void)bytes;
}

/* The machine is up and its volume mounted; from the image's file to the end of the first
 * NtCreateFile. */
static double load_once(const struct of_driver *driver)
{
    uint64_t start = host_monotonic_ns(), end;
    HANDLE handle;

    if (machine_load(driver)) {
        fprintf(stderr, "%s\n", TrcShared->final_text);
        broken("the driver does not load");
    }
    if (!NT_SUCCESS(
            rig_open(machine_volume_name(), "\\first.txt", FILE_SYNCHRONOUS_IO_NONALERT, &handle)))
        broken("the first NtCreateFile");
    end = host_monotonic_ns();
    NtClose(handle);
    machine_unload_all();
    return (double)(end - start);
}

static double first_load, later_load;

static void measure_load(void)
{
    struct of_options options = {.volume = "mem:ntfs"};
    double v[MOST_ROUNDS];
    char path[4096];
    struct of_driver driver = {.path = path};
    unsigned n = smoke ? 2 : 11;

    snprintf(path, sizeof(path), "%s/filters/flushmon.sys", build);
    KexHooks.DebugPrint = quiet;
    if (machine_mount(&options))
        broken(TrcShared->final_text);
    first_load = load_once(&driver);
    for (unsigned i = 0; i < n; i++)
        v[i] = load_once(&driver);
    later_load = median_of(v, n);
    machine_dismount(&options);
}

static void print_load(void)
{
    char openflt[4096], driver[4096], script[4096];
    const char *const nothing[] = {"true", NULL};
    const char *const whole[] = {openflt, "run", driver, "--io", script, NULL};
    static const char text[] =
        "create \\a.txt rw\nwrite 0 12k pattern=7\nread 0 4k expect=7\nclose\n";
    double process = spawn_median(nothing);

    snprintf(openflt, sizeof(openflt), "%s/openflt", build);
    snprintf(driver, sizeof(driver), "%s/filters/flushmon.sys", build);
    snprintf(script, sizeof(script), "%s/bench.io", host_temp_dir());
    if (host_write_file(script, text, sizeof(text) - 1))
        broken(script);
    heading("Loading flushmon.sys");
    row("load to first I/O, first time", first_load, process, "process start of true(1)", 20e6, 0);
    row("load to first I/O, later", later_load, process, "process start of true(1)", 20e6, 0);
    row("openflt run, whole process, 4 operations", spawn_median(whole), process,
        "process start of true(1)", 0, 0);
}

/* ---- main ------------------------------------------------------------------------------------ */

static VOID NTAPI body(PVOID context)
{
    const char *problem;

    (void)context;
    if (host_pwrite(plain_file, plain[1], PAGE, 0) != PAGE)
        broken("no memory file");
    problem = rig_build();
    if (problem)
        broken(problem);
    measure_all();
    print_layers();
    print_files();
    rig_tear_down();
}

static VOID NTAPI load_body(PVOID context)
{
    (void)context;
    if (!rig_user_start())
        broken("no user memory");
    measure_load();
}

static void in_process(PKSTART_ROUTINE routine)
{
    UNICODE_STRING image = RTL_CONSTANT_STRING(L"\\Device\\HarddiskVolume1\\bench.exe");
    PEPROCESS process;
    PKTHREAD thread = NULL;

    if (!NT_SUCCESS(PsxCreateProcess(&image, NULL, &process)) ||
        !NT_SUCCESS(KexThreadStart("bench", process, routine, NULL, &thread)))
        broken("no process for the bench");
    KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(thread);
    PsxEndProcess(process, STATUS_SUCCESS);
    ObDereferenceObject(process);
}

int main(int argc, char **argv)
{
    struct of_options options = {.verify = OF_VERIFY_OFF};

    if (argc < 2 || argc > 3 || (argc == 3 && strcmp(argv[2], "--smoke"))) {
        fprintf(stderr, "usage: bench BUILD [--smoke]\n");
        return OF_USAGE;
    }
    build = argv[1];
    smoke = argc == 3;
    if (smoke)
        plan = (struct plan){.rounds = 3, .round_ns = 100000};
    plain_file = host_memfd("bench", PAGE);
    TrcShared = host_map_shared(sizeof(*TrcShared));
    if (!TrcShared || machine_start(&options, TrcShared))
        broken(TrcShared ? TrcShared->final_text : "no shared memory");
    in_process(load_body);
    in_process(body);
    print_load();
    machine_end();
    printf("\n%u rows, %u missed\n", rows, missed);
    if (empty)
        broken("a row has no positive value");
    return missed && !smoke;
}
