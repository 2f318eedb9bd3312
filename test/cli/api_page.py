#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`openflt api`: text and JSON agree with each other and with the fact files; wrong use is refused."""
import collections
import json
import os
import re
import subprocess
import sys

build = os.environ["OPENFLT_BUILD"]
top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
failed = 0


def case(name, good, why=""):
    global failed
    print(("ok " if good else "not ok ") + "cli.api." + name)
    if not good:
        failed += 1
        print(why, file=sys.stderr)


def openflt(*args):
    return subprocess.run([os.path.join(build, "openflt"), "api", *args], capture_output=True, text=True)


def names(fact_file):
    with open(os.path.join(top, "test", "abi", fact_file), encoding="ascii") as f:
        return {tuple(line.split()) for line in f if line.strip() and not line.startswith("#")}


page = openflt("--json")
rows = json.loads(page.stdout)
case("json_is_an_array_of_the_five_fields", page.returncode == 0 and rows and all(
    set(r) == {"name", "module", "first_build", "max_irql", "state"} for r in rows))
case("states_are_the_three", {r["state"] for r in rows} <= {"implemented", "stub", "missing"})
listed = {(r["module"], r["name"]) for r in rows}
lost = (names("fltmgr-exports.names") | names("kernel-imports.names")) - listed
case("every_known_import_is_on_the_page", not lost, sorted(lost)[:20])
case("no_row_twice", len(listed) == len(rows))
by_name = {(r["module"], r["name"]): r for r in rows}
flush2 = by_name["fltmgr.sys", "FltFlushBuffers2"]
case("first_build_and_irql_are_told", flush2["first_build"] == 19041 and flush2["max_irql"] == "PASSIVE", flush2)

text = openflt()
ends = dict()
for line in reversed(text.stdout.splitlines()):
    m = re.fullmatch(r"(\S+): (\d+) of (\d+) implemented", line)
    if not m:
        break
    ends[m[1]] = (int(m[2]), int(m[3]))
total = collections.Counter(r["module"].rsplit(".", 1)[0] for r in rows)
done = collections.Counter(r["module"].rsplit(".", 1)[0] for r in rows if r["state"] == "implemented")
case("text_ends_with_the_counts", ends == {m: (done[m], total[m]) for m in total}, ends)
case("text_has_a_line_for_each_row", len(text.stdout.splitlines()) == len(rows) + len(ends))

one = openflt("--module", "FLTMGR.SYS")
case("one_module", one.returncode == 0 and one.stdout.splitlines()[-1] == "fltmgr: %d of 271 implemented"
     % done["fltmgr"] and len(one.stdout.splitlines()) == 272, one.stdout[-200:])
case("one_module_as_json", len(json.loads(openflt("--json", "--module", "hal").stdout)) == total["hal"])
for label, args in (("unknown_module", ["--module", "nosuch"]), ("module_without_name", ["--module"]),
                    ("unknown_argument", ["--josn"])):
    bad = openflt(*args)
    case(label + "_is_refused", bad.returncode == 64 and bad.stderr and not bad.stdout, bad)
sys.exit(1 if failed else 0)
