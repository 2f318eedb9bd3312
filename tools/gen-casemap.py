#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""gen-casemap.py UnicodeData.txt OUT.c: simple upper- and lower-case maps of the basic plane as two-level tables of
differences, from the unicode-data package. NTFS compares names by such a table, one UTF-16 unit at a time."""
import sys

up = list(range(0x10000))
low = list(range(0x10000))
with open(sys.argv[1], encoding="ascii") as f:
    for line in f:
        field = line.split(";")
        code = int(field[0], 16)
        if code > 0xffff:
            continue
        if field[12] and int(field[12], 16) <= 0xffff:
            up[code] = int(field[12], 16)
        if field[13] and int(field[13], 16) <= 0xffff:
            low[code] = int(field[13], 16)
# Windows' table leaves these alone: a name with them must not change its length or meaning under NTFS.
for code in (0x0131, 0x017f, 0x1e9e, 0x0130):
    up[code] = low[code] = code
for code in range(0x10000):   # maps into ASCII from outside it (Kelvin, Angstrom signs) are not NTFS names' business
    if code > 0x7f and low[code] < 0x80:
        low[code] = code
    if code > 0x7f and up[code] < 0x80:
        up[code] = code


def emit(out, name, table):
    blocks, index = [], []
    for start in range(0, 0x10000, 256):
        block = tuple((table[c] - c) & 0xffff for c in range(start, start + 256))
        if block not in blocks:
            blocks.append(block)
        index.append(blocks.index(block))
    out.write(f"const uint8_t RtlxCase{name}Index[256] = {{{','.join(map(str, index))}}};\n")
    out.write(f"const uint16_t RtlxCase{name}Delta[{len(blocks)}][256] = {{\n")
    for block in blocks:
        out.write("{" + ",".join(map(str, block)) + "},\n")
    out.write("};\n")


with open(sys.argv[2], "w", encoding="ascii") as out:
    out.write("/* Generated from the unicode-data package (Unicode licence, see doc/licences.md). */\n"
              "#include <stdint.h>\n#include \"rtl/rtl.h\"\n")
    emit(out, "Up", up)
    emit(out, "Low", low)
