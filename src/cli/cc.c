/* SPDX-License-Identifier: MIT */
/*
 * openflt cc: driver sources to an x64 driver image. Compiler and linker run as separate programs
 * (clang 19, lld 19); what is decided here is what the Microsoft environment gives a driver without
 * being asked.
 */
#include "cli/cc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "host/host.h"

#define EXIT_USAGE 64

/* Where headers and libraries are: beside the program in a build tree, below the prefix when
 * installed. */
struct cc_places {
    char ddk[CC_PATH];
    char lib[CC_PATH];     /* import libraries, made from api/ */
    char runtime[CC_PATH]; /* ofrt.lib, made from src/pe/rt */
};

struct cc_job {
    struct cc_places at;
    struct cc_list sources, objects, dirs, defines, extra, libraries;
    struct cc_list project_defines;
    const char *output, *optimise;
    char overlay[CC_PATH];
};

void cc_list_add(struct cc_list *list, const char *text)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 16;
        char **item = realloc(list->item, room * sizeof(*item));

        if (!item)
            abort();
        list->item = item;
        list->room = room;
    }
    list->item[list->count] = strdup(text);
    if (!list->item[list->count++])
        abort();
}

void cc_list_free(struct cc_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->item[i]);
    free(list->item);
    memset(list, 0, sizeof(*list));
}

__attribute__((format(printf, 2, 3))) static void add_format(struct cc_list *list,
                                                             const char *format, ...)
{
    char text[CC_PATH + 64];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    cc_list_add(list, text);
}

static bool path_exists(const char *path)
{
    struct host_stat st;

    return host_stat_path(path, true, &st) == 0;
}

static bool try_place(char *out, const char *root, const char *rest)
{
    if ((size_t)snprintf(out, CC_PATH, "%s%s", root, rest) >= CC_PATH)
        return false;
    return path_exists(out);
}

static bool find_places(struct cc_places *at)
{
    char root[CC_PATH - 64], source[CC_PATH], *slash;
    void *text = NULL;
    size_t size;

    if (host_self_path(root, sizeof(root)) || !(slash = strrchr(root, '/')))
        return false;
    *slash = 0;
    if (try_place(at->runtime, root, "/src/pe/ofrt.lib")) {
        /* Build tree: the build wrote down where the sources are. */
        snprintf(source, sizeof(source), "%s/src/cli/source-root", root);
        if (host_read_file(source, &text, &size))
            return false;
        ((char *)text)[strcspn(text, "\r\n")] = 0;
        size = (size_t)try_place(at->ddk, text, "/include/ddk");
        free(text);
        try_place(at->lib, root, "/lib");
        return size;
    }
    return try_place(at->ddk, root, "/../share/openflt/ddk") &&
           try_place(at->lib, root, "/../lib/openflt") &&
           try_place(at->runtime, root, "/../lib/openflt/ofrt.lib");
}

static int usage(const char *why)
{
    fprintf(
        stderr,
        "openflt cc: %s\n"
        "usage: openflt cc SOURCES... -o X.sys [-O0|-O1|-O2] [-I DIR] [-D NAME[=VALUE]] [-W...]\n",
        why);
    return EXIT_USAGE;
}

/* Value of an option that may be glued to its letter or stand apart; NULL when there is none. */
static const char *option_value(char **argv, int *i)
{
    return argv[*i][2] ? argv[*i] + 2 : argv[++*i];
}

static const char *suffix_of(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot && !strchr(dot, '/') ? dot : "";
}

static bool is_one_of(const char *suffix, const char *const *list)
{
    for (; *list; list++)
        if (!strcasecmp(suffix, *list))
            return true;
    return false;
}

static bool is_cxx(const char *path)
{
    static const char *const list[] = {".cpp", ".cc", ".cxx", ".c++", NULL};

    return is_one_of(suffix_of(path), list);
}

static int take_input(struct cc_job *job, const char *path)
{
    static const char *const ready[] = {".obj", ".o", ".lib", NULL};
    static char why[CC_PATH];

    if (is_one_of(suffix_of(path), ready)) {
        cc_list_add(&job->libraries, path);
        return 0;
    }
    if (!strcasecmp(suffix_of(path), ".vcxproj")) {
        if (!cc_read_project(path, &job->sources, &job->dirs, &job->project_defines))
            return 0;
        fprintf(stderr, "openflt cc: %s: cannot be read, or names no source\n", path);
        return 1;
    }
    if (strcasecmp(suffix_of(path), ".c") && !is_cxx(path)) {
        snprintf(why, sizeof(why), "%s: not a C or C++ source, object or library", path);
        return usage(why);
    }
    if (!path_exists(path)) {
        fprintf(stderr, "openflt cc: %s: no such file\n", path);
        return 1;
    }
    cc_list_add(&job->sources, path);
    return 0;
}

static int take_folder(struct cc_job *job, const char *dir)
{
    char real[CC_PATH];

    if (host_realpath(dir, real, sizeof(real)))
        fprintf(stderr, "openflt cc: -I %s: no such folder\n", dir);
    else
        cc_list_add(&job->dirs, real);
    return 0;
}

static int take_option(struct cc_job *job, char **argv, int *i)
{
    const char *a = argv[*i], *value;
    static char why[512];

    if (!strcmp(a, "-O0") || !strcmp(a, "-O1") || !strcmp(a, "-O2")) {
        job->optimise = a;
        return 0;
    }
    if (!strcmp(a, "--asan") || !strcmp(a, "--tsan") || !strcmp(a, "--ubsan") ||
        !strcmp(a, "--cov")) {
        snprintf(why, sizeof(why), "%s is not built into this openflt yet; compile without it", a);
        return usage(why);
    }
    if (!strncmp(a, "-W", 2) || !strncmp(a, "-std=", 5)) {
        cc_list_add(&job->extra, a);
        return 0;
    }
    if (!strchr("oDI", a[1]) || !a[1]) {
        snprintf(why, sizeof(why), "unknown option %s", a);
        return usage(why);
    }
    if (!(value = option_value(argv, i))) {
        snprintf(why, sizeof(why), "option %s needs a value", a);
        return usage(why);
    }
    if (a[1] == 'I')
        return take_folder(job, value);
    if (a[1] == 'D')
        cc_list_add(&job->defines, value);
    else
        job->output = value;
    return 0;
}

static int parse(struct cc_job *job, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int status =
            argv[i][0] == '-' && argv[i][1] ? take_option(job, argv, &i) : take_input(job, argv[i]);
        if (status)
            return status;
    }
    if (!job->sources.count)
        return usage("no source");
    if (!job->output)
        return usage("-o X.sys is missing");
    return 0;
}

static bool defined_by_user(const struct cc_job *job, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < job->defines.count; i++)
        if (!strncmp(job->defines.item[i], name, n) && strchr("=", job->defines.item[i][n]))
            return true;
    for (size_t i = 0; i < job->project_defines.count; i++)
        if (!strncmp(job->project_defines.item[i], name, n) &&
            strchr("=", job->project_defines.item[i][n]))
            return true;
    return false;
}

/* What a WDK project defines without being asked; a definition of the user's own wins. */
static void add_definitions(const struct cc_job *job, struct cc_list *argv)
{
    static const char *const standard[][2] = {
        {"_AMD64_", "1"},      {"AMD64", "1"},         {"_WIN64", "1"},
        {"_KERNEL_MODE", "1"}, {"DBG", "0"},           {"ALLOC_PRAGMA", "1"},
        {"STD_CALL", "1"},     {"POOL_NX_OPTIN", "1"}, {"DEPRECATE_DDK_FUNCTIONS", "1"},
    };
    /* Headers derive one version from the other, so ours stay out as soon as the user names either.
     */
    static const char *const version[][2] = {
        {"NTDDI_VERSION", "0x0A000010"}, {"_WIN32_WINNT", "0x0A00"}, {"WINVER", "0x0A00"}};
    bool old = defined_by_user(job, "NTDDI_VERSION") || defined_by_user(job, "_WIN32_WINNT");

    for (size_t i = 0; i < sizeof(standard) / sizeof(*standard); i++)
        if (!defined_by_user(job, standard[i][0]))
            add_format(argv, "-D%s=%s", standard[i][0], standard[i][1]);
    for (size_t i = 0; !old && i < sizeof(version) / sizeof(*version); i++)
        if (!defined_by_user(job, version[i][0]))
            add_format(argv, "-D%s=%s", version[i][0], version[i][1]);
    /* The command line comes last: it wins over the project. */
    for (size_t i = 0; i < job->project_defines.count; i++)
        add_format(argv, "-D%s", job->project_defines.item[i]);
    for (size_t i = 0; i < job->defines.count; i++)
        add_format(argv, "-D%s", job->defines.item[i]);
}

/* Everything the descriptor has, as a string to be freed; NULL when there is no memory. */
static char *read_stream(int fd)
{
    size_t n = 0, room = 1 << 16;
    char *text = malloc(room), *more;
    int64_t got = 1;

    while (text && got > 0) {
        if (n + 1 == room) {
            more = realloc(text, room *= 2);
            if (!more)
                free(text);
            text = more;
            continue;
        }
        got = host_read(fd, text + n, room - 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    if (text)
        text[n] = 0;
    return text;
}

/* Runs a program; its error stream is left in *said (to be freed) when asked for, else it is passed
 * on. */
static int run(struct cc_list *args, char **said)
{
    const char **argv = calloc(args->count + 1, sizeof(*argv));
    struct host_child_state state;
    int pid, fds[2] = {-1, -1};

    if (said)
        *said = NULL;
    if (!argv || (said && host_pipe(fds)))
        return 1;
    for (size_t i = 0; i < args->count; i++)
        argv[i] = args->item[i];
    pid = host_spawn(argv, -1, -1, fds[1]);
    free(argv);
    if (said) {
        host_close(fds[1]);
        *said = read_stream(fds[0]);
        host_close(fds[0]);
    }
    if (pid < 0) {
        fprintf(stderr,
                "openflt cc: cannot start %s: %s\n"
                "openflt cc: install the packages clang-19 and lld-19\n",
                args->item[0], strerror(-pid));
        return 1;
    }
    if (host_wait_child(pid, UINT64_MAX, &state))
        return 1;
    if (state.end == HOST_SIGNALED)
        fprintf(stderr, "openflt cc: %s was ended by signal %d\n", args->item[0], state.code);
    return state.end == HOST_EXITED ? state.code : 1;
}

/* Flags and why: ref facts on unwind tables and fault handling; the rest is what cl.exe does by
 * default. */
static const char *const compile_flags[] = {
    "--target=x86_64-pc-windows-msvc",
    "-fms-extensions",
    "-fms-compatibility",
    "-fms-compatibility-version=19.40",
    "-ffreestanding",
    "-fasynchronous-unwind-tables", /* freestanding drops .pdata otherwise */
    "-Xclang",
    "-fasync-exceptions", /* a fault inside __try is catchable */
    "-fno-strict-aliasing",
    "-fwrapv",
    "-fcommon",                 /* several tentative definitions are one */
    "-fstack-protector-strong", /* /GS is on by default */
    "-gdwarf-4",
    "-nostdlibinc",
    /* The Microsoft compiler takes these with a warning at most. */
    "-Wno-error=implicit-function-declaration",
    "-Wno-error=implicit-int",
    "-Wno-error=int-conversion",
    "-Wno-error=incompatible-function-pointer-types",
    "-Wno-error=incompatible-pointer-types",
    "-Wno-error=return-type",
    "-Wno-microsoft",
    "-Wno-unknown-pragmas",
    "-Wno-ignored-pragmas",
    "-Wno-ignored-attributes",
    "-Wno-pragma-pack",
    "-Wno-missing-braces",
    "-Wno-nonportable-include-path",
    "-Wno-switch",
};

/* The command line for one source. `bridge`: overlay of cc_bridge_mismatches, or NULL. */
static void compiler_arguments(const struct cc_job *job, const char *source, const char *object,
                               const char *bridge, struct cc_list *argv)
{
    char header[CC_PATH];

    cc_list_add(argv, "clang-19");
    for (size_t i = 0; i < sizeof(compile_flags) / sizeof(*compile_flags); i++)
        cc_list_add(argv, compile_flags[i]);
    if (is_cxx(source)) {
        /* /kernel: neither exceptions nor type information. */
        cc_list_add(argv, "-fno-exceptions");
        cc_list_add(argv, "-fno-rtti");
        cc_list_add(argv, "-fno-threadsafe-statics");
        cc_list_add(argv, "-std=c++20");
    } else {
        cc_list_add(argv, "-std=gnu17");
    }
    cc_list_add(argv, job->optimise);
    add_definitions(job, argv);
    for (size_t i = 0; i < job->dirs.count; i++)
        add_format(argv, "-I%s", job->dirs.item[i]);
    add_format(argv, "-isystem%s", job->at.ddk);
    add_format(argv, "-isystem%s/crt", job->at.ddk);
    if (try_place(header, job->at.ddk, "/ofdriver.h"))
        add_format(argv, "-include%s", header);
    if (bridge) /* below the other: what that one finds is read through this one */
        add_format(argv, "-ivfsoverlay%s", bridge);
    if (job->overlay[0])
        add_format(argv, "-ivfsoverlay%s", job->overlay);
    for (size_t i = 0; i < job->extra.count; i++)
        cc_list_add(argv, job->extra.item[i]);
    cc_list_add(argv, is_cxx(source) ? "-xc++" : "-xc"); /* FILTER.C is C here */
    cc_list_add(argv, "-c");
    cc_list_add(argv, source);
    cc_list_add(argv, "-o");
    cc_list_add(argv, object);
}

static int compile_one(struct cc_job *job, size_t index)
{
    const char *source = job->sources.item[index];
    struct cc_list argv = {0};
    char object[CC_PATH], bridge[CC_PATH], *said = NULL, *again = NULL;
    int status;

    snprintf(object, sizeof(object), "%s/%zu.obj", host_temp_dir(), index);
    snprintf(bridge, sizeof(bridge), "%s/bridge.yaml", host_temp_dir());
    cc_list_add(&job->objects, object);
    compiler_arguments(job, source, object, NULL, &argv);
    status = run(&argv, &said);
    cc_list_free(&argv);
    if (status && said && !is_cxx(source) &&
        !cc_bridge_mismatches(said, job->at.ddk, host_temp_dir(), bridge)) {
        compiler_arguments(job, source, object, bridge, &argv);
        if (!run(&argv, &again)) {
            status = 0;
            free(said);
            said = again;
            again = NULL;
        }
        cc_list_free(&argv);
    }
    if (said)
        host_write_all(2, said, strlen(said));
    free(said);
    free(again);
    return status;
}

struct add_libs {
    struct cc_list *argv;
    const char *dir;
};

static int add_library(const char *name, void *arg)
{
    struct add_libs *a = arg;

    if (!strcasecmp(suffix_of(name), ".lib"))
        add_format(a->argv, "%s/%s", a->dir, name);
    return 0;
}

static int link_image(struct cc_job *job)
{
    static const char *const flags[] = {
        "lld-link-19",
        "/nologo",
        "/driver",
        "/subsystem:native",
        "/entry:DriverEntry",
        "/nodefaultlib",
        "/dynamicbase",
        "/nxcompat",
        "/debug:dwarf",
        "/lldignoreenv",
        "/include:_load_config_used",
        "/section:INIT,ERD", /* discardable: gone after DriverEntry */
        "/ignore:4254",
    };
    struct cc_list argv = {0};
    struct add_libs libs = {&argv, job->at.lib};
    int status;

    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        cc_list_add(&argv, flags[i]);
    add_format(&argv, "/out:%s", job->output);
    for (size_t i = 0; i < job->objects.count; i++)
        cc_list_add(&argv, job->objects.item[i]);
    for (size_t i = 0; i < job->libraries.count; i++)
        cc_list_add(&argv, job->libraries.item[i]);
    cc_list_add(&argv, job->at.runtime);
    host_list_dir(job->at.lib, add_library, &libs);
    status = run(&argv, NULL);
    cc_list_free(&argv);
    return status;
}

static int build(struct cc_job *job)
{
    struct cc_list dirs = {0};
    char crt[CC_PATH + 8];
    int status;

    for (size_t i = 0; i < job->dirs.count; i++)
        cc_list_add(&dirs, job->dirs.item[i]);
    cc_list_add(&dirs, job->at.ddk);
    snprintf(crt, sizeof(crt), "%s/crt", job->at.ddk);
    cc_list_add(&dirs, crt);
    snprintf(job->overlay, sizeof(job->overlay), "%s/overlay.yaml", host_temp_dir());
    status = cc_write_overlay(&job->sources, &dirs, job->dirs.count, job->overlay);
    cc_list_free(&dirs);
    if (status < 0) {
        fprintf(stderr, "openflt cc: cannot write %s\n", job->overlay);
        return 1;
    }
    if (status)
        job->overlay[0] = 0;
    for (size_t i = 0; i < job->sources.count; i++)
        if (compile_one(job, i))
            status = -1;
    return status < 0 || link_image(job) ? 1 : 0;
}

int cli_cc(int argc, char **argv)
{
    struct cc_job job = {.optimise = "-O2"};
    int status = parse(&job, argc, argv);

    if (!status && !find_places(&job.at)) {
        fprintf(stderr, "openflt cc: the driver headers and libraries of this installation are "
                        "missing; build it again (ninja) or install it\n");
        status = 1;
    }
    if (!status)
        status = build(&job);
    cc_list_free(&job.sources);
    cc_list_free(&job.objects);
    cc_list_free(&job.dirs);
    cc_list_free(&job.defines);
    cc_list_free(&job.project_defines);
    cc_list_free(&job.extra);
    cc_list_free(&job.libraries);
    return status;
}
