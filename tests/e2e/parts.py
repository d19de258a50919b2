# SPDX-License-Identifier: Apache-2.0
"""A test in parts, each on a private host (private.py): what it says, and how the parts are run."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import private

LIMIT = 40  # lines of a failure


def say(text):
    print(text, flush=True)


def check(good, what, why=""):
    """One line of the result; why: text or lines for a failure."""
    say(f"{'ok' if good else 'not ok'} - {what}")
    if not good:
        lines = why if isinstance(why, list) else str(why).splitlines()
        for line in lines[:LIMIT]:
            say(f"#   {line}")
    return good


def equal(found, wanted, what):
    return check(found == wanted, what, f"found    {found!r}\nexpected {wanted!r}")


def lacks(what, why):
    """Something that this machine does not have, and with REQUIRE should."""
    if os.environ.get("REQUIRE"):
        check(False, what, why)
    else:
        say(f"# {why}: skipped")
    return True


def absent(program):
    """Whether it is not installed, which is said."""
    return not shutil.which(program, path=private.PATH) and lacks(f"{program} is installed", f"{program} is not installed")


def stopped(start, begun, undo):
    """A process that was stopped after begun() came true, before its end; else it is undone and started again."""
    for _ in range(20):
        p, limit = start(), time.monotonic() + 30
        while not begun() and p.poll() is None and time.monotonic() < limit:
            pass
        if p.poll() is None:
            p.send_signal(signal.SIGSTOP)
            state = os.waitid(os.P_PID, p.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            if state.si_code == os.CLD_STOPPED:
                return p
        p.wait(60)
        undo()
    raise RuntimeError("it is always faster than we are")


def outside(script, part, program, limit):
    """Runs a part in namespaces of its own; yields its lines."""
    command = private.command(script, "_inside", part, program, limit=limit)
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
    other = []
    for line in p.stdout:
        if re.match("ok - |not ok - |#|[|]", line):
            yield line.rstrip("\n")
        else:
            other.append("#   " + line.rstrip("\n"))
    if p.wait() != 0:
        yield f"not ok - it ended with {p.returncode}"
        yield from other[-20:]


def run_all(script, doc, parts, inside, argv):
    """The main program: parts {name: seconds at most} that argv names, or all. inside(part, program): runs one in its host. Exit status."""
    if argv[:1] == ["_inside"]:
        inside(*argv[1:])
        return 0
    program = os.environ.get("USERNSCTL", "")
    named = argv or list(parts)
    if not set(named) <= set(parts) or not os.access(program, os.X_OK):
        print(doc.strip(), file=sys.stderr)
        return 2
    if not private.is_possible():
        print(f"{os.path.basename(script)}: needs root and namespaces", file=sys.stderr)
        return 1 if os.environ.get("REQUIRE") else 77
    passed = failed = 0
    for part in named:
        began, before, skipped = time.monotonic(), passed + failed, False
        for line in outside(script, part, os.path.abspath(program), parts[part]):
            m = re.match("(ok|not ok) - (.*)", line)
            if not m:
                skipped |= line.startswith("# ") and line.endswith(": skipped") and not os.environ.get("REQUIRE")
                say(line)
                continue
            passed, failed = passed + (m[1] == "ok"), failed + (m[1] != "ok")
            say(f"{m[1]} {passed + failed} - {part}: {m[2]}")
        if passed + failed == before and not skipped:
            failed += 1
            say(f"not ok {passed + failed} - {part}: proved nothing")
        say(f"# {part}: {time.monotonic() - began:.0f} s")
    say(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
