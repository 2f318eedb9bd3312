#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every routine and variable that include/ddk declares as exported has a line in api/: a driver that compiles also
links. Declarations are recognised by the macro each one starts with."""
import os
import re
import sys

top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXPORTED = re.compile(r"^(?:extern\s+)?(NTKERNELAPI|NTSYSAPI|NTSYSCALLAPI|NTHALAPI|FLT_EXPORT)\b([^;{}]*?)\b(\w+)\s*"
                      r"(\(|;|\[)", re.M)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
DEFINE = re.compile(r"^\s*#(?:[^\n]*\\\n)*[^\n]*$", re.M)
# The first bracket may belong to an annotation, not to the routine.
ANNOTATION = re.compile(r"(?<!struct )\b_\w+_\s*(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))?")


def declared():
    for d, _, files in os.walk(os.path.join(top, "include", "ddk")):
        for f in files:
            path = os.path.join(d, f)
            with open(path, encoding="utf-8") as fh:
                text = DEFINE.sub("", COMMENT.sub("", fh.read()))
            for m in EXPORTED.finditer(ANNOTATION.sub("", text)):
                yield os.path.relpath(path, top), m[3]


listed = set()
for name in os.listdir(os.path.join(top, "api")):
    if name.endswith(".api"):
        with open(os.path.join(top, "api", name), encoding="ascii") as f:
            listed |= {line.split()[0] for line in f if line.strip() and not line.startswith("#")}
found = list(declared())
lost = [x for x in found if x[1] not in listed]
for path, name in lost:
    print(f"{path}: {name} is declared as exported but has no line in api/", file=sys.stderr)
print(("ok " if not lost else "not ok ") + "api.table.every_declared_export_is_listed")
print(("ok " if len(found) >= 250 else "not ok ") + "api.table.declarations_are_recognised")
sys.exit(1 if lost or len(found) < 250 else 0)
