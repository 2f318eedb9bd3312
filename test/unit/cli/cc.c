/* SPDX-License-Identifier: MIT */
/* openflt cc as its users meet it: sources written for another file system and another compiler. */
#include "harness.h"

#include "host/host.h"
#include "pe/pe.h"

static char root[256];

static const char *in_root(const char *name)
{
    static char path[8][512];
    static unsigned next;
    char *p = path[next++ % 8];

    snprintf(p, sizeof(path[0]), "%s/%s", root, name);
    return p;
}

static void put(const char *name, const char *text)
{
    REQUIRE(!host_write_file(in_root(name), text, strlen(text)));
}

/* Runs openflt cc with up to eight arguments; what it says on both streams is left in `said`. */
static char said[16384];

static int cc(const char *const *args)
{
    const char *argv[16] = {NULL, "cc"}, *build = getenv("OPENFLT_BUILD");
    struct host_child_state state;
    char program[512];
    int fds[2], pid, n = 2;
    size_t got = 0;
    int64_t part;

    snprintf(program, sizeof(program), "%s/openflt", build ? build : "build");
    argv[0] = program;
    while (*args)
        argv[n++] = *args++;
    REQUIRE(!host_pipe(fds));
    pid = host_spawn(argv, -1, fds[1], fds[1]);
    REQUIRE(pid > 0);
    host_close(fds[1]);
    while (got + 1 < sizeof(said) &&
           (part = host_read(fds[0], said + got, sizeof(said) - 1 - got)) > 0)
        got += (size_t)part;
    said[got] = 0;
    host_close(fds[0]);
    REQUIRE(!host_wait_child(pid, UINT64_MAX, &state) && state.end == HOST_EXITED);
    return state.code;
}

#define CC(...) cc((const char *const[]){__VA_ARGS__, NULL})

static void start(void)
{
    snprintf(root, sizeof(root), "%s", host_temp_dir());
    host_mkdir(in_root("src"), 0755);
    host_mkdir(in_root("inc"), 0755);
}

#define ENTRY                                                                                      \
    "long DriverEntry(void *Object, void *Path);\n"                                                \
    "long DriverEntry(void *Object, void *Path) { return "

static void expect_ok(int status)
{
    if (status)
        fprintf(stderr, "status %d: %s\n", status, said);
    REQUIRE(!status);
}

TEST(includes, "cli.cc.includes_in_any_case_and_with_backslashes")
{
    start();
    put("inc/Mine.h", "#include \"Deeper.H\"\n#define MINE 7\n");
    put("inc/deeper.h", "#define DEEPER 3\n");
    put("src/Local.h", "#define LOCAL 1\n");
    put("src/a.c", "#include \"..\\INC\\mine.H\"\n#include \"LOCAL.h\"\n#include <MINE.h>\n" ENTRY
                   "MINE + DEEPER + LOCAL; }\n");
    expect_ok(CC(in_root("src/a.c"), "-I", in_root("inc"), "-o", in_root("a.sys")));
    CHECK(!strstr(said, "warning"));
}

TEST(several, "cli.cc.several_sources_of_both_languages")
{
    start();
    put("src/a.c", "int FromC(int x);\nint FromCxx(int x);\nint Shared;\n"
                   "int FromC(int x) { return x + Shared; }\n" ENTRY "FromCxx(1); }\n");
    put("src/b.cpp", "extern \"C\" int FromC(int x);\nextern \"C\" int Shared;\n"
                     "namespace { template <class T> T Twice(T x) { return x + x; } }\n"
                     "extern \"C\" int FromCxx(int x) { Shared = 2; return FromC(Twice(x)); }\n");
    /* A second tentative definition of the same variable, as the Microsoft compiler takes it. */
    put("src/c.c", "int Shared;\nint Unused(void);\nint Unused(void) { return Shared; }\n");
    expect_ok(CC(in_root("src/a.c"), in_root("src/b.cpp"), in_root("src/c.c"), "-O0", "-o",
                 in_root("b.sys")));
}

TEST(defines, "cli.cc.definitions_glued_and_apart")
{
    start();
    put("src/a.c", "#if A != 1 || B != 2 || DBG != 0 || !ALLOC_PRAGMA || !defined(_AMD64_)\n#error "
                   "no\n#endif\n"
                   "#if NTDDI_VERSION < 0x0A00000C\n#error old\n#endif\n" ENTRY "0; }\n");
    expect_ok(CC(in_root("src/a.c"), "-DA=1", "-D", "B=2", "-o", in_root("c.sys")));
    put("src/b.c",
        "#if DBG != 1 || NTDDI_VERSION != 0x06010000\n#error no\n#endif\n" ENTRY "0; }\n");
    expect_ok(
        CC(in_root("src/b.c"), "-DDBG=1", "-DNTDDI_VERSION=0x06010000", "-o", in_root("d.sys")));
}

TEST(lenient, "cli.cc.warnings_do_not_fail_unless_asked")
{
    start();
    put("src/a.c",
        "int *p; int g(char *c);\nint g(char *c) { return *c; }\n" ENTRY "g(p) + (int)&p; }\n");
    expect_ok(CC(in_root("src/a.c"), "-o", in_root("e.sys")));
    CHECK(strstr(said, "warning"));
    CHECK_EQ(CC(in_root("src/a.c"), "-Werror", "-o", in_root("f.sys")), 1);
}

TEST(mismatch, "cli.cc.definition_may_disagree_with_its_declaration")
{
    start();
    put("inc/Mine.h", "struct A; struct B;\nint Takes(struct A *a,\n          int (*f)(int));\n");
    put("src/a.c", "#include \"mine.H\"\nstatic int Own(struct A *a);\n"
                   "int Takes(struct B *b, int (*f)(int))\n{ return b != 0 && f != 0; }\n"
                   "int Use(struct A *a);\nint Use(struct A *a) { return Own(a) + Takes(a, 0); }\n"
                   "static int Own(struct B *b)\n{ return b != 0; }\n" ENTRY "Use(0); }\n");
    expect_ok(CC(in_root("src/a.c"), "-I", in_root("inc"), "-o", in_root("m.sys")));
    CHECK(strstr(said, "'Takes' is defined with other types") && strstr(said, "'Own' is defined"));
    /* With another error beside it, all errors are shown as they are. */
    put("src/b.c",
        "struct A; struct B; int F(struct A *a);\nint F(struct B *b) { return nothing; }\n" ENTRY
        "0; }\n");
    CHECK_EQ(CC(in_root("src/b.c"), "-o", in_root("n.sys")), 1);
    CHECK(strstr(said, "conflicting types for 'F'") && strstr(said, "nothing"));
}

TEST(project, "cli.cc.wdk_project")
{
    start();
    put("inc/Mine.h", "#define MINE 7\n");
    put("src/Main.c",
        "#include <mine.h>\n#if P != 1 || D || Q != 3\n#error no\n#endif\nint Other(void);\n" ENTRY
        "MINE + Other(); }\n");
    put("src/other.c", "int Other(void);\nint Other(void) { return P; }\n");
    put("src/x.vcxproj",
        "<?xml version=\"1.0\"?><!-- a <ClCompile Include=\"gone.c\"/> -->\n<Project "
        "DefaultTargets=\"Build\">\n"
        "<PropertyGroup "
        "Condition=\"'$(Configuration)|$(Platform)'=='Debug|x64'\"><A>b</A></PropertyGroup>\n"
        "<ItemDefinitionGroup><ClCompile>\n"
        " <AdditionalIncludeDirectories>%(AdditionalIncludeDirectories);..\\INC;$(DDK_INC)</"
        "AdditionalIncludeDirectories>\n"
        " <PreprocessorDefinitions>%(PreprocessorDefinitions);P=1;Q=2</PreprocessorDefinitions>\n"
        "</ClCompile></ItemDefinitionGroup>\n"
        "<ItemDefinitionGroup Condition=\"'$(Configuration)|$(Platform)' == "
        "'Debug|x64'\"><ClCompile>\n"
        " <PreprocessorDefinitions>D=1</PreprocessorDefinitions></ClCompile></"
        "ItemDefinitionGroup>\n"
        "<ItemGroup><ClCompile Include=\"main.C\" /><ClCompile "
        "Include='$(ProjectDir)Other.c'></ClCompile>\n"
        "<ResourceCompile Include=\"x.rc\" /></ItemGroup>\n</Project>\n");
    expect_ok(CC(in_root("src/x.vcxproj"), "-DQ=3", "-o", in_root("p.sys")));
    put("src/bad.vcxproj", "<Project><ItemGroup>");
    CHECK_EQ(CC(in_root("src/bad.vcxproj"), "-o", in_root("p.sys")), 1);
}

TEST(errors, "cli.cc.errors_pass_through")
{
    start();
    put("src/a.c", ENTRY "nothing_here; }\n");
    CHECK_EQ(CC(in_root("src/a.c"), "-o", in_root("g.sys")), 1);
    CHECK(strstr(said, "src/a.c:2:") && strstr(said, "nothing_here"));
    put("src/a.c", "void Missing(void);\n" ENTRY "(Missing(), 0); }\n");
    CHECK_EQ(CC(in_root("src/a.c"), "-o", in_root("g.sys")), 1);
    CHECK(strstr(said, "Missing"));
    CHECK_EQ(CC(in_root("src/none.c"), "-o", in_root("g.sys")), 1);
}

TEST(usage, "cli.cc.usage_is_64")
{
    start();
    put("src/a.c", ENTRY "0; }\n");
    CHECK_EQ(CC("-o", in_root("h.sys")), 64);
    CHECK_EQ(CC(in_root("src/a.c")), 64);
    CHECK_EQ(CC(in_root("src/a.c"), "-Q", "-o", in_root("h.sys")), 64);
    CHECK_EQ(CC(in_root("src/a.c"), "--asan", "-o", in_root("h.sys")), 64);
    CHECK(strstr(said, "--asan"));
}

TEST(image, "cli.cc.image_has_cookie_chkstk_and_init")
{
    void *data;
    size_t size;

    start();
    put("src/a.c",
        "long DriverEntry(void *Object, void *Path);\n#pragma alloc_text(INIT, DriverEntry)\n"
        "static __declspec(noinline) int f(int n) { volatile char big[20000]; volatile char "
        "s[16];\n"
        "  for (int i = 0; i < n; i++) s[i % 16] = big[i] = (char)n; return s[0] + big[n]; }\n"
        "double d = 1.5;\n"
        "long DriverEntry(void *Object, void *Path) { return f((int)d); }\n");
    expect_ok(CC(in_root("src/a.c"), "-o", in_root("i.sys")));
    REQUIRE(!host_read_file(in_root("i.sys"), &data, &size));
    CHECK(memmem(data, size < 1024 ? size : 1024, "INIT", 4));
    free(data);
}
