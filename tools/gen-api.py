#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes everything that is made from the api/ tables (doc/api-tables.md).

    gen-api.py check FILES...                 syntax and sense of the tables
    gen-api.py table OUT.c FILES...           the C table
    gen-api.py thunks OUT.S FILES...          one thunk for each routine
    gen-api.py prototypes OUT.c FILES...      C that compiles when include/ddk declares as the table does
    gen-api.py def MODULE OUT.def FILES...    the export list of one module, for llvm-dlltool
    gen-api.py modules FILES...               the module names, one a line
"""
import re
import sys

IRQL = {"PASSIVE": 0, "APC": 1, "DISPATCH": 2, "HIGH": 15, "?": 0xFF, "-": 0xFF}
FAULT = {"none": "API_FAULT_NONE", "alloc": "API_FAULT_ALLOC", "io": "API_FAULT_IO", "?": "API_FAULT_UNKNOWN",
         "-": "API_FAULT_NONE"}
KIND = {"routine": "API_ROUTINE", "data": "API_DATA"}
NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
MODULE = re.compile(r"^[a-z0-9_]+\.(sys|exe|dll)$")


class Row:
    def __init__(self, where, line):
        fields = line.split(None, 7)
        if len(fields) != 8:
            raise ValueError(f"{where}: a line has eight columns")
        self.name, self.kind, self.module, build, irql, fault, options, self.args = fields
        if not NAME.match(self.name) or not MODULE.match(self.module):
            raise ValueError(f"{where}: no name or module: {self.name} {self.module}")
        if self.kind not in KIND or irql not in IRQL or fault not in FAULT:
            raise ValueError(f"{where}: {self.name}: unknown kind, irql or fault class")
        if {irql == "-", fault == "-"} != {self.kind == "data"}:
            raise ValueError(f"{where}: {self.name}: '-' is for data and only for data")
        if build != "?" and not 2600 <= int(build) <= 99999:
            raise ValueError(f"{where}: {self.name}: no Windows build: {build}")
        self.build = 0 if build == "?" else int(build)
        self.irql, self.fault = IRQL[irql], FAULT[fault]
        self.body, self.policy = self.name, None
        for option in [] if options == "-" else options.split(","):
            key, _, value = option.partition("=")
            if key not in ("body", "policy") or not NAME.match(value):
                raise ValueError(f"{where}: {self.name}: unknown option {option}")
            setattr(self, key, value)


def load(files):
    """All rows, sorted by module and then by name in byte order, as the look-up expects."""
    rows = []
    for path in files:
        with open(path, encoding="ascii") as f:
            for number, line in enumerate(f, 1):
                if line.strip() and not line.startswith("#"):
                    rows.append(Row(f"{path}:{number}", line.rstrip("\n")))
    rows.sort(key=lambda r: (r.module, r.name))
    for a, b in zip(rows, rows[1:]):
        if (a.module, a.name) == (b.module, b.name):
            raise ValueError(f"{a.module}!{a.name} is listed twice")
    bodies = {}
    for r in rows:
        if bodies.setdefault(r.body, r.kind) != r.kind:
            raise ValueError(f"{r.body} is both routine and data")
    return rows


def modules(rows):
    """[(name, first row, count)] in table order."""
    out = []
    for i, r in enumerate(rows):
        if not out or out[-1][0] != r.module:
            out.append([r.module, i, 0])
        out[-1][2] += 1
    return out


def c_string(text):
    return "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_table(out, rows):
    w = out.write
    w("/* Made by tools/gen-api.py from api/. */\n#include \"api/api.h\"\n\n")
    w("#define WEAK __attribute__((weak, visibility(\"hidden\")))\n")
    for body in sorted({r.body for r in rows}):
        w(f"extern const char {body}[] WEAK, ApixStub_{body}[] WEAK;\n")
    w("extern const char ApixThunks[] __attribute__((visibility(\"hidden\")));\n\n")
    w("extern const void *const ApixBodies[];\nextern const uint32_t api_thunk_rows[];\n\n")
    w("const struct api_export api_exports[] = {\n")
    thunk = 0
    for r in rows:
        at = "NULL"
        if r.kind == "routine":
            at = f"ApixThunks + 64 * {thunk}"
            thunk += 1
        args = None if r.args == "?" else r.args
        w(f"    {{{c_string(r.name)}, {c_string(r.module)}, {c_string(args)}, {c_string(r.policy)},\n"
          f"     {r.body}, {at}, ApixStub_{r.body}, {r.build}, {r.irql}, {r.fault}, {KIND[r.kind]}}},\n")
    w(f"}};\nconst uint32_t api_export_count = {len(rows)};\n\n")
    w("const struct api_module api_modules[] = {\n")
    for name, first, count in modules(rows):
        w(f"    {{{c_string(name)}, {c_string(name.rsplit('.', 1)[0])}, {first}, {count}}},\n")
    w(f"}};\nconst uint32_t api_module_count = {len(modules(rows))};\n\n")
    w("/* The bodies alone, for the thunks: one cache line serves eight of them. */\n")
    w("const void *const ApixBodies[] = {\n")
    for r in rows:
        w(f"    {r.body if r.kind == 'routine' else 'NULL'},\n")
    w("};\n\nconst uint32_t api_thunk_rows[] = {\n")
    for i, r in enumerate(rows):
        if r.kind == "routine":
            w(f"    {i},\n")
    w("};\n")


THUNKS_HEAD = """/* Made by tools/gen-api.py from api/. */
    .hidden ApixHooks
    .hidden ApixBodies
    .hidden ApixSlow
    .macro THUNK index, name
    .p2align 6
    .type "\\name", @function
"\\name":
    cmpb $0, ApixHooks(%rip)
    jne 1f
    movq ApixBodies + 8 * \\index(%rip), %r11
    testq %r11, %r11
    je 1f
    jmp *%r11
1:  movl $\\index, %r10d
    jmp ApixSlow
    .size "\\name", . - "\\name"
    .endm

    .text
    .globl ApixThunks, ApixThunksEnd
    .hidden ApixThunks, ApixThunksEnd
    .p2align 6
ApixThunks:
    .cfi_startproc
"""


def write_thunks(out, rows):
    """Every thunk is 64 bytes: one cache line, so a call costs one line of code and one of ApixBodies."""
    out.write(THUNKS_HEAD)
    for i, r in enumerate(rows):
        if r.kind == "routine":
            out.write(f"    THUNK {i}, {r.module.rsplit('.', 1)[0]}!{r.name}\n")
    out.write("    .p2align 6\n    .cfi_endproc\nApixThunksEnd:\n    .section .note.GNU-stack, \"\", @progbits\n")


def write_prototypes(out, rows):
    """Uses each declaration and then repeats it from the table: the compiler refuses what differs. A body is compiled
    against its declaration, so checking the declarations checks the bodies too."""
    w = out.write
    w("/* Made by tools/gen-api.py from api/. */\n#include <fltKernel.h>\n\n"
      "#define DECLARED(name) _Static_assert(sizeof(&name) == 8, #name)\n\n")
    done = set()
    for r in rows:
        if r.kind == "routine" and r.args != "?" and r.name not in done:
            done.add(r.name)
            result, _, args = r.args.partition(" (")
            w(f"DECLARED({r.name});\n{result} NTAPI {r.name}({args};\n")


def write_def(out, rows, module):
    mine = [r for r in rows if r.module == module]
    if not mine:
        raise ValueError(f"no rows for {module}")
    out.write(f"LIBRARY {module}\nEXPORTS\n")
    for r in mine:
        out.write(f"    {r.name}{' CONSTANT' if r.kind == 'data' else ''}\n")


def main(argv):
    verb, argv = argv[0], argv[1:]
    if verb == "check":
        print(f"{len(load(argv))} rows")
    elif verb == "modules":
        print("\n".join(m[0] for m in modules(load(argv))))
    elif verb == "table":
        rows = load(argv[1:])
        with open(argv[0], "w", encoding="ascii") as out:
            write_table(out, rows)
    elif verb == "thunks":
        rows = load(argv[1:])
        with open(argv[0], "w", encoding="ascii") as out:
            write_thunks(out, rows)
    elif verb == "prototypes":
        rows = load(argv[1:])
        with open(argv[0], "w", encoding="ascii") as out:
            write_prototypes(out, rows)
    elif verb == "def":
        rows = load(argv[2:])
        with open(argv[1], "w", encoding="ascii") as out:
            write_def(out, rows, argv[0])
    else:
        raise ValueError(f"unknown verb {verb}")


try:
    main(sys.argv[1:])
except (ValueError, OSError) as problem:
    sys.exit(f"gen-api: {problem}")
