#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tools/gen-api.py refuses tables that make no sense, and says where."""
import os
import subprocess
import sys
import tempfile

top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
generator = os.path.join(top, "tools", "gen-api.py")
failed = 0


def check(text):
    with tempfile.NamedTemporaryFile("w", suffix=".api") as f:
        f.write(text)
        f.flush()
        return subprocess.run([sys.executable, generator, "check", f.name], capture_output=True, text=True)


def case(name, text, says):
    global failed
    p = check(text)
    good = p.returncode == 0 and says in p.stdout if says.endswith("rows") else p.returncode != 0 and says in p.stderr
    print(("ok " if good else "not ok ") + "tools.gen_api." + name)
    if not good:
        failed += 1
        print(p, file=sys.stderr)


GOOD = "FltFoo routine fltmgr.sys 2600 APC alloc - VOID (PVOID A, ULONG B)\n"
case("good_table", "# comment\n\n" + GOOD, "1 rows")
case("data_row", "IoFoo data ntoskrnl.exe ? - - - ?\n", "1 rows")
case("options", "memcpy routine ntoskrnl.exe ? HIGH none body=RtlCrt_memcpy,policy=p ?\n", "1 rows")
case("listed_twice", GOOD + GOOD, "fltmgr.sys!FltFoo is listed twice")
case("same_name_in_two_modules", GOOD + GOOD.replace("fltmgr.sys", "hal.dll"), "2 rows")
case("missing_column", "FltFoo routine fltmgr.sys 2600 APC alloc -\n", ":1: a line has eight columns")
case("wrong_kind", GOOD.replace("routine", "macro"), "unknown kind")
case("wrong_irql", GOOD.replace("APC", "APC_LEVEL"), "unknown kind, irql")
case("wrong_build", GOOD.replace("2600", "10"), "no Windows build")
case("wrong_option", GOOD.replace(" - ", " body ", 1), "unknown option")
case("wrong_module", GOOD.replace("fltmgr.sys", "fltmgr"), "no name or module")
case("irql_for_data", "IoFoo data ntoskrnl.exe ? APC - - ?\n", "only for data")
case("body_of_two_kinds", "IoA data ntoskrnl.exe ? - - body=X ?\n" + GOOD.replace(" - ", " body=X ", 1),
     "both routine and data")
sys.exit(1 if failed else 0)
