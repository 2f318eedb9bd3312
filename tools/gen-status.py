#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""gen-status.py ntstatus.h OUT.c: the table of status names that traces and scripts use, sorted by value."""
import re
import sys

seen = {}
with open(sys.argv[1], encoding="utf-8") as f:
    for m in re.finditer(r"#\s*define\s+(STATUS_\w+)\s+\(*\s*\(?\s*(?:NTSTATUS\s*\)\s*)?\(?(0x[0-9A-Fa-f]+)", f.read()):
        seen.setdefault(m.group(1), int(m.group(2), 16))
with open(sys.argv[2], "w", encoding="ascii") as out:
    out.write("#include \"trace/status_names.h\"\nconst struct trc_status_name TrcStatusNames[] = {\n")
    for name, value in sorted(seen.items(), key=lambda x: x[1]):
        out.write(f'    {{0x{value:08x}u, "{name}"}},\n')
    out.write(f"}};\nconst size_t TrcStatusNameCount = {len(seen)};\n")
if len(seen) < 100:
    sys.exit(f"{sys.argv[1]}: only {len(seen)} status codes found")
