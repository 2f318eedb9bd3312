#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`openflt run` as a user sees it: exit statuses, reports, gates, whole lines. One case a function; every case runs the
built command in a folder of its own and looks only at what it printed, wrote and returned."""
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = os.environ.get("OPENFLT_BUILD", "build")
OPENFLT = os.path.join(BUILD, "openflt")
SCALE = 10 if os.environ.get("OPENFLT_TEST_SCALE") == "full" else 1
CASES = []


def case(name):
    def add(fn):
        CASES.append((name, fn))
        return fn
    return add


def driver(name):
    return os.path.join(BUILD, "test", "drivers", name + ".sys")


FLUSHMON = os.path.join(BUILD, "filters", "flushmon.sys")


class Run:
    """One finished `openflt run`."""

    def __init__(self, *args, script=None, timeout=120):
        command = [OPENFLT, "run", *args] + (["--io", "-"] if script is not None else [])
        p = subprocess.run(command, input=(script or "").encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=timeout)
        self.status, self.out, self.err = p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(
            errors="replace")

    def check(self, condition, what):
        if not condition:
            raise AssertionError(f"{what}\n-- status {self.status}\n-- out\n{self.out}\n-- err\n{self.err}")

    def expect(self, status, *texts):
        self.check(self.status == status, f"exit status {self.status}, expected {status}")
        for t in texts:
            self.check(re.search(t, self.out + self.err, re.S), f"nothing matches {t!r}")
        return self


def misbehave(deed, *args, **kw):
    return Run(driver("misbehave"), *args, script=f"create \\{deed} rw\n", **kw)


def line_of(source, text):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "drivers", source)
    with open(path) as f:
        return next(n for n, line in enumerate(f, 1) if text in line)


# ---- statuses ----

@case("cli.run.usage_64")
def usage():
    for args in ([], ["--nonsense"], ["x.sys", "--windows", "abc"], ["--altitude", "1"], ["x.sys", "--policy", "none"]):
        Run(*args).expect(64, "openflt")


@case("cli.run.image_refused_65")
def refused():
    with tempfile.TemporaryDirectory() as d:
        for name, data in (("empty.sys", b""), ("text.sys", b"hello\n" * 100), ("elf.sys", b"\x7fELF" + bytes(500))):
            path = os.path.join(d, name)
            with open(path, "wb") as f:
                f.write(data)
            Run(path, script="").expect(65, name)
        Run(os.path.join(d, "absent.sys"), script="").expect(65, "absent.sys")


@case("cli.run.damaged_image_never_crashes")
def damaged():
    with open(driver("passall"), "rb") as f:
        whole = f.read()
    rng = random.Random(7)
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "damaged.sys")
        for i in range(20 * SCALE):
            data = bytearray(whole)
            if i % 2:
                data = data[:rng.randrange(len(data))]
            else:
                for _ in range(4):
                    data[rng.randrange(min(len(data), 1024))] = rng.randrange(256)
            with open(path, "wb") as f:
                f.write(data)
            r = Run(path, script="")
            r.check(r.status in (0, 65, 66, 70, 71, 72), f"round {i}: unforeseen status")
            r.check(r.err.strip(), f"round {i}: ended in silence")


@case("cli.run.driver_entry_fails_66")
def entry_fails():
    Run(driver("entryfail"), script="").expect(66, "DriverEntry failed with STATUS_INSUFFICIENT_RESOURCES")


@case("cli.run.expectation_not_met_1")
def unmet():
    r = Run(driver("passall"), script="create \\absent.txt r\n").expect(1, "STATUS_OBJECT_NAME_NOT_FOUND")
    r.check("standard input:1" in r.err, "the line is not named")
    Run(driver("passall"), script="create \\absent.txt r\nexpect STATUS_OBJECT_NAME_NOT_FOUND\n").expect(0, "clean")
    Run(driver("passall"), script="create \\a rw\nwrite 0 100 pattern=1\nread 0 100 expect=2\n").expect(1, "byte at")


@case("cli.run.bad_script_line_64")
def bad_line():
    Run(driver("passall"), script="dance \\a\n").expect(64, "no such operation: dance")


# ---- a driver's fault never ends in silence ----

@case("cli.run.fault_names_file_and_line_70")
def fault():
    line = line_of("misbehave.c", "fault line")
    misbehave("null").expect(70, "machine stopped", r"STATUS_ACCESS_VIOLATION", rf"misbehave\.c:{line}", "exit 70")


@case("cli.run.heap_overwritten_70")
def heap():
    r = misbehave("heap").expect(70, "machine stopped|ended early", "exit 70")
    r.check("misbehave" in r.err, "no driver is named")


@case("cli.run.stack_overwritten_70")
def stack():
    misbehave("stack").expect(70, "machine stopped|ended early", "exit 70")


@case("cli.run.endless_recursion_70")
def recursion():
    misbehave("recurse").expect(70, "machine stopped", "stack", "exit 70")


@case("cli.run.never_returns_73")
def spin():
    r = misbehave("spin", "--policy", "spin_limit=2").expect(73, "hang", "never returns", r"misbehave\.sys!Spin")
    r.check("exit 73" in r.err, "no verdict")


@case("cli.run.entry_never_returns_73")
def entry_spins():
    Run(driver("entryspin"), "--policy", "spin_limit=2", script="").expect(73, "DriverEntry of entryspin")


@case("cli.run.waits_for_ever_73")
def wait():
    misbehave("wait").expect(73, "hang", "nobody can end", r"WaitForEver", "event")


@case("cli.run.bug_check_70")
def bug_check():
    misbehave("bugcheck").expect(70, r"0x22\b", "parameters: 0x1 0x2 0x3 0x4", "BugCheck")


@case("cli.run.missing_routine_named_70")
def missing():
    misbehave("missing").expect(70, "IoWriteErrorLogEntry is not implemented", r"misbehave\.c:\d+")


@case("cli.run.wild_call_70")
def wild():
    misbehave("wild").expect(70, "machine stopped", "misbehave")


@case("cli.run.breakpoint_70")
def int3():
    misbehave("int3").expect(70, "machine stopped", r"misbehave\.c:\d+")


@case("cli.run.privileged_instruction_70")
def cli():
    misbehave("cli").expect(70, "machine stopped", "cli|privileged", r"misbehave\.c:\d+")


@case("cli.run.double_free_70")
def double_free():
    misbehave("doublefree").expect(70, "0xC2", "misbehave")


@case("cli.run.pool_overrun_70")
def overrun():
    misbehave("overrun").expect(70, "0x19|0xC2", "misbehave")


@case("cli.run.killed_machine_reports_70")
def killed():
    for i in range(3 * SCALE):
        p = subprocess.Popen([OPENFLT, "run", driver("misbehave"), "--io", "-"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdin.write(b"create \\print rw\nsleep 30\n")
        p.stdin.close()
        end = time.monotonic() + 20
        child = None
        while time.monotonic() < end and not child:
            text = subprocess.run(["cat", f"/proc/{p.pid}/task/{p.pid}/children"], stdout=subprocess.PIPE).stdout
            child = int(text.split()[0]) if text.split() else None
        time.sleep(0.3 + i % 3 * 0.1)
        os.kill(child, signal.SIGKILL)
        out, err = p.stdout.read().decode(), p.stderr.read().decode()
        status = p.wait()
        if status != 70 or "SIGKILL" not in err or "no end" not in out:
            raise AssertionError(f"status {status}\n-- out\n{out}\n-- err\n{err}")


@case("cli.run.json_report_of_a_stop")
def json_report():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "r.json")
        misbehave("null", "--report", path).expect(70)
        with open(path) as f:
            r = json.load(f)
        assert r["status"] == 70 and r["end"] == "stopped" and "misbehave.c" in r["sentence"] + r["details"], r


# ---- leaks ----

@case("cli.run.pool_leak_72")
def leak_pool():
    line = line_of("misbehave.c", "leak line")
    misbehave("leakpool").expect(72, r"pool block, tag 'Leak', 123 bytes", rf"misbehave\.c:{line}", "exit 72")


@case("cli.run.callback_data_leak_72.FP-13")
def leak_data():
    misbehave("leakdata").expect(72, "callback data never given back", r"misbehave\.c:\d+")


# ---- output ----

@case("cli.run.debug_text_whole_lines")
def lines():
    r = misbehave("print").expect(0)
    r.check(r.out == "half a line\nno end", f"output is {r.out!r}")


@case("cli.run.debug_text_kept_when_the_machine_stops")
def last_words():
    r = misbehave("printdie").expect(70)
    r.check("last words without an end" in r.out, "text lost")


# ---- builds ----

@case("cli.run.static_import_gate.FP-10")
def gate():
    for build, good in ((10240, False), (17763, False), (18362, False), (19041, True), (22621, True), (26100, True)):
        r = Run(driver("staticimport"), "--windows", str(build), script="create \\a rw\nclose\n")
        if good:
            r.expect(0, "staticimport: flush 0x00000000", "clean")
        else:
            r.expect(65, "FltFlushBuffers2", "STATUS_DRIVER_ENTRYPOINT_NOT_FOUND")
    Run(driver("staticimport"), "--windows", "18362", "--policy", "flushbuffers2_first_build=18362",
        script="create \\a rw\nclose\n").expect(0, "staticimport: flush 0x00000000")


def answers(build, *args):
    r = Run(driver("lookup"), "--windows", str(build), *args, script="").expect(0)
    r.check(f"build {build}" in r.out, "RtlGetVersion answers for another build")
    return {tuple(line.split()[:-1]): line.split()[-1] for line in r.out.splitlines() if line.count(" ") >= 2}


@case("cli.run.lookup.G-01.G-02.G-04.G-05.G-08.G-09.G-10.G-11.FP-11")
def lookup():
    for build in (7600, 9200, 17763, 19041, 26100):
        a = answers(build)
        want = {
            ("after", "flt", "FltFlushBuffers2"): build >= 19041, ("after", "flt", "FltFlushBuffers"): True,
            ("after", "flt", "FltWriteFileEx"): build >= 9200, ("after", "flt", "fltflushbuffers2"): False,
            ("after", "flt", "FltNoSuchRoutine"): False, ("after", "mm", "FltFlushBuffers2"): False,
            ("after", "mm", "FltFlushBuffers"): False, ("after", "mm", "FltCancelIo"): False,
            ("after", "mm", "KeSetEvent"): True, ("after", "mm", "DriverEntry"): False,
            ("after", "mm", "kesetevent"): False, ("after", "mm", "MmMapIoSpaceEx"): build >= 10240,
        }
        for key, present in want.items():
            got = a.get(key)
            assert got == ("found" if present else "NULL"), f"build {build}: {' '.join(key)} is {got}"
        assert a[("after", "same")] == "yes", "look-up and import give different addresses"


@case("cli.run.lookup.G-03")
def lookup_foreign():
    a = answers(22621)
    assert a[("after", "flt", "KeSetEvent")] == "NULL" and a[("after", "flt", "ExAllocatePoolWithTag")] == "NULL", a


# ---- flushmon, both routes ----

FLUSH_SCRIPT = """create \\watched\\n.txt rw
write 0 12k pattern=7
read 0 12k expect=7
fsctl 0x000923C0
read 0 12k expect=7
close
"""


def flushmon(*args):
    with tempfile.TemporaryDirectory() as d:
        os.makedirs(os.path.join(d, "watched"))
        return Run(FLUSHMON, "--import", d, *args, script=FLUSH_SCRIPT).expect(0, "clean")


@case("cli.flushmon.route_by_build.FP-02.FP-03")
def routes():
    new, old = flushmon("--windows", "19041"), flushmon("--windows", "17763")
    new.expect(0, "flushed and purged by FltFlushBuffers2, status 0x00000000: 1 paging writes, cached pages 3 before, "
                  "0 after, of 3")
    old.expect(0, "flushed and purged by callback data, status 0x00000000: 1 paging writes, cached pages 3 before, "
                  "0 after, of 3")
    assert re.search("until now 1 cached reads and 1 cached writes caused 0 paging reads", new.out), new.out
    assert len(re.findall("first paging read after the purge", new.out)) == 1, new.out
    same = [re.sub("FltFlushBuffers2|(a )?callback data( of its own)?", "ROUTE", r.out) for r in (new, old)]
    assert same[0] == same[1], same


def steps(text):
    """What the layers did, without times, threads and addresses."""
    return [re.sub(r"^ *\d+\.\d+ +T\d+ *", "", line) for line in text.splitlines() if re.match(r" *\d+\.\d+ +T", line)]


@case("cli.flushmon.paging_io_travels_from_the_top.FP-01")
def from_the_top():
    r = flushmon("--trace", "text", "--windows", "19041")
    text = "\n".join(steps(r.err))
    r.check(re.search(r"> FLUSH_BUFFERS IRP minor 1[^\n]*from flushmon", text), "no flush with the purge code")
    writes = re.findall(r"> WRITE IRP paging[^\n]*n\.txt", text)
    reads = re.findall(r"> READ IRP paging[^\n]*n\.txt", text)
    r.check(len(writes) == 1 and len(reads) == 1, f"{len(writes)} paging writes, {len(reads)} paging reads")
    flush, read = text.index("> FLUSH_BUFFERS"), text.index("> READ IRP paging")
    r.check(flush < text.index("> WRITE IRP paging") < read, "the order is wrong")
    r.check(re.search(r"> WRITE IRP paging[^\n]*\n[^\n]*flushmon +pre +WRITE", text), "the filter did not see the "
            "paging write")


# ---- content ----

@case("cli.passall.thousand_files_byte_identical")
def thousand():
    rng = random.Random(42)
    with tempfile.TemporaryDirectory() as d:
        src, dst = os.path.join(d, "in"), os.path.join(d, "out")
        os.makedirs(src)
        want, lines = {}, []
        for i in range(1000):
            folder = os.path.join(src, f"d{i % 20}")
            os.makedirs(folder, exist_ok=True)
            data = rng.randbytes(rng.choice((0, 1, 511, 4096, 5000, 20000)))
            want[f"d{i % 20}/f{i}"] = bytearray(data)
            with open(os.path.join(folder, f"f{i}"), "wb") as f:
                f.write(data)
        for i in rng.sample(range(1000), 250):
            name, size = f"d{i % 20}/f{i}", len(want[f"d{i % 20}/f{i}"])
            nt = "\\" + name.replace("/", "\\")
            what = rng.randrange(5)
            if what == 0:
                lines += [f"create {nt} r", f"read 0 {max(size, 1)}"] + (["expect STATUS_END_OF_FILE"] if not size
                                                                         else []) + ["close"]
            elif what == 1:
                at, n = rng.randrange(size + 1), rng.randrange(1, 9000)
                lines += [f"create {nt} rw", f"write {at} {n} pattern={i}", f"read {at} {n} expect={i}"]
                lines += ["flush"] * rng.randrange(2) + ["close"]
                data = want[name]
                data.extend(bytes(max(0, at + n - len(data))))
                data[at:at + n] = pattern(i, at, n)
            elif what == 2:
                new = f"d{i % 20}/r{i}"
                lines += [f"rename {nt} \\d{i % 20}\\r{i}"]
                want[new] = want.pop(name)
            elif what == 3:
                lines += [f"delete {nt}"]
                del want[name]
            else:
                cut = rng.randrange(size + 1)
                lines += [f"create {nt} rw", f"size {cut}", "close"]
                want[name] = want[name][:cut]
        r = Run(driver("passall"), "--import", src, "--export", dst, script="\n".join(lines) + "\n").expect(0, "clean")
        got = {os.path.relpath(os.path.join(p, f), dst): open(os.path.join(p, f), "rb").read()
               for p, _, files in os.walk(dst) for f in files}
        r.check(set(got) == set(want), f"names differ: {sorted(set(got) ^ set(want))[:10]}")
        for name, data in want.items():
            r.check(got[name] == bytes(data), f"content of {name} differs")
        r.check(re.search(r"passall: \d+ pre, \d+ post", r.out), "no counters")


def pattern(n, offset, length):
    """doc/io-script.md's byte pattern."""
    out, mask = bytearray(), (1 << 64) - 1
    for o in range(offset, offset + length):
        x = ((n + 1) * 0x9E3779B97F4A7C15 + (o >> 3)) & mask
        x ^= x >> 29
        x = x * 0xBF58476D1CE4E5B9 & mask
        x ^= x >> 32
        out.append(x >> 8 * (o & 7) & 0xff)
    return bytes(out)


# ---- altitude order ----

@case("cli.run.altitude_order")
def altitude():
    r = Run(driver("passall"), "--altitude", "100000", FLUSHMON, "--altitude", "370100", "--trace", "text",
            script="create \\a rw\nclose\n").expect(0)
    creates = re.findall(r"(flushmon|passall) +(pre|post) +CREATE", r.err)
    pre = [w for w, k in creates if k == "pre"]
    r.check(pre and pre[-1] == "passall", f"order {creates}")
    first = [k for k in creates][:3]
    r.check(("passall", "post") in first and creates.index(("passall", "post")) < creates.index(("flushmon", "post")),
            f"posts do not rise: {creates}")


def main():
    wanted = sys.argv[1:]
    bad = 0
    for name, fn in CASES:
        if wanted and name not in wanted and not any(w in name for w in wanted):
            continue
        try:
            fn()
            print(f"ok {name}", flush=True)
        except Exception:
            bad += 1
            print(f"not ok {name}", flush=True)
            print(f"{name}:\n{traceback.format_exc(limit=1)}", file=sys.stderr, flush=True)
    sys.exit(1 if bad else 0)


main()
