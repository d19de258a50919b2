# SPDX-License-Identifier: Apache-2.0
"""The programs that read /etc/subuid and /etc/subgid, asked what they read; and what they are known to make of unusual lines."""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import time

from private import PATH, PLACE, USERS, mount, read, run, write

CLONE_NEWUSER = 0x10000000
PR_SET_DUMPABLE = 4
libc = ctypes.CDLL(None, use_errno=True)

# ---- what is known ----

# A line for each kind of file, below, and a word for each program that reads it. For bob, whose line it is, or who stands below it.
COLUMNS = ("newuidmap <= 4.18", "newuidmap >= 4.19", "dockerd <= 27", "dockerd >= 28", "podman without libsubid", "rootlesskit",
           "incus", "lxc-usernsexec", "unshare --map-auto", "crun")
TABLE = """
#                       newuidmap         dockerd           podman   rootless incus    lxc-     unshare  crun
#                       <= 4.18  >= 4.19  <= 27    >= 28             kit               usernsexec
as it should be         reads    reads    reads    reads    reads    reads    reads    reads    reads    reads
the owner by UID        reads    reads    reads    reads    reads    reads    reads    ignores  reads    ignores
no final newline        reads    refuses  reads    reads    reads    reads    reads    cuts     reads    reads
CR LF                   ignores  ignores  reads    reads    reads    reads    reads    fails    fails    reads
blanks in front         ignores  ignores  reads    reads    reads    reads    ignores  ignores  ignores  ignores
a blank at the end      ignores  ignores  reads    reads    reads    reads    ignores  fails    fails    reads
a tab at the end        ignores  ignores  reads    reads    reads    reads    ignores  fails    fails    reads
a blank before a start  reads    reads    fails    zero     fails    fails    ignores  reads    reads    reads
a blank before a count  reads    reads    fails    no-ids   fails    fails    ignores  reads    reads    reads
hexadecimal             reads    reads    fails    zero     fails    fails    ignores  reads    fails    zero
a leading zero          octal    octal    decimal  decimal  decimal  decimal  decimal  octal    asks     decimal
a plus sign             reads    reads    reads    reads    reads    reads    ignores  reads    reads    reads
a negative start        wrapped  ignores  minus    minus    minus    minus    ignores  fails    as-is    minus
letters for a start     ignores  ignores  fails    zero     fails    fails    ignores  fails    fails    fails
no start at all         ignores  ignores  fails    zero     fails    fails    ignores  fails    fails    zero
a fourth field          reads    ignores  refuses  reads    refuses  refuses  reads    fails    fails    reads
a note                  ignores  ignores  fails    no-ids   fails    fails    ignores  fails    fails    reads
another's bad line      reads    reads    refuses  reads    refuses  refuses  refuses  reads    reads    reads
a line of blanks        reads    reads    reads    reads    reads    reads    refuses  reads    reads    reads
a comment               reads    reads    reads    reads    reads    reads    reads    reads    reads    reads
capitals                other    other    other    other    other    other    -        other    other    other
disabled with !         other    other    other    other    other    other    other    other    other    other
NIS, +                  ignores  ignores  other    other    other    other    other    other    other    other
NIS, -                  ignores  ignores  other    other    other    other    other    other    other    other
beyond the last ID      reads    ignores  as-is    as-is    as-is    as-is    as-is    as-is    as-is    as-is
a start beyond 32 bits  reads    ignores  as-is    as-is    as-is    as-is    as-is    as-is    as-is    as-is
a count of 0            no-ids   no-ids   as-is    as-is    as-is    as-is    no-ids   as-is    as-is    fails
two, the second lower   merges   merges   order    order    sorts    order    each     first    first    first
by name, then by UID    merges   merges   uids     order    sorts    order    names    names    first    names
by UID, then by name    merges   merges   uids     order    sorts    order    names    names    first    names
the same line twice     listed   listed   twice    twice    twice    twice    listed   first    first    first
70,000 bytes of another reads    reads    refuses  refuses  stops    refuses  stops    reads    reads    reads
a NUL byte before it    loses    refuses  reads    reads    reads    reads    reads    reads    reads    reads
"""

CAROL = b"carol:900000:65536\n"
CONTENTS = {
    "as it should be": b"bob:100000:65536\n",
    "the owner by UID": b"1001:100000:65536\n",
    "no final newline": CAROL + b"bob:100000:65536",
    "CR LF": b"bob:100000:65536\r\n",
    "blanks in front": b"  bob:100000:65536\n",
    "a blank at the end": b"bob:100000:65536 \n",
    "a tab at the end": b"bob:100000:65536\t\n",
    "a blank before a start": b"bob: 100000:65536\n",
    "a blank before a count": b"bob:100000: 65536\n",
    "hexadecimal": b"bob:0x186a0:65536\n",
    "a leading zero": b"bob:0100000:65536\n",
    "a plus sign": b"bob:+100000:65536\n",
    "a negative start": b"bob:-1:10\n",
    "letters for a start": b"bob:abc:65536\n",
    "no start at all": b"bob::65536\n",
    "a fourth field": b"bob:100000:65536:x\n",
    "a note": b"bob:100000:65536 # note\n",
    "another's bad line": b"alice:junk\nbob:100000:65536\n",
    "a line of blanks": b"   \nbob:100000:65536\n",
    "a comment": b"# of bob:1:1\nbob:100000:65536\n",
    "capitals": b"BOB:100000:65536\n",
    "disabled with !": b"!bob:100000:65536\n",
    "NIS, +": b"+bob:100000:65536\n",
    "NIS, -": b"-bob:100000:65536\n",
    "beyond the last ID": b"bob:4294901760:65537\n",
    "a start beyond 32 bits": b"bob:4294967296:65536\n",
    "a count of 0": b"bob:100000:0\n",
    "two, the second lower": b"bob:300000:65536\nbob:100000:65536\n",
    "by name, then by UID": b"bob:300000:65536\n1001:100000:65536\n",
    "by UID, then by name": b"1001:300000:65536\nbob:100000:65536\n",
    "the same line twice": b"bob:100000:65536\nbob:100000:65536\n",
    "70,000 bytes of another": b"alice:" + b"x" * 70000 + b":1\nbob:100000:65536\n",
    "a NUL byte before it": b"alice:3\x0000000:65536\nbob:100000:65536\n",
}
MEANT = "100000:65536"
# What those read who read it in a way of their own.
READINGS = {
    "no final newline": {"cuts": "100000:6553"},
    "hexadecimal": {"zero": "0:186"},
    "a leading zero": {"octal": "32768:65536"},
    "a negative start": {"wrapped": "18446744073709551615:10", "minus": "-1:10", "as-is": "-1:10"},
    "no start at all": {"zero": "0:65536"},
    "beyond the last ID": {"reads": "4294901760:65537", "as-is": "4294901760:65537"},
    "a start beyond 32 bits": {"reads": "4294967296:65536", "as-is": "4294967296:65536"},
    "a count of 0": {"no-ids": "100000:0", "as-is": "100000:0", "dockerd": "-1:0"},
}
# How "range check" says a word. "reads" it does not say.
SAID = {
    "ignores": "ignores the line", "refuses": "refuses the whole file", "fails": "ends with an error when it looks for this owner",
    "zero": "reads the number as 0", "no-ids": "reads a count of 0", "octal": "reads the number as octal",
    "decimal": "reads the number as decimal", "wrapped": "reads -1 as 18446744073709551615", "minus": "reads a number below 0",
    "cuts": "loses the last digit", "asks": "asks for other IDs", "stops": "silently reads no further",
    "loses": "loses the line and the one below it", "as-is": "takes it unchecked", "merges": "merges them",
    "order": "joins them in the order of the file", "sorts": "joins them in the order of their starts",
    "each": "takes each by itself", "first": "takes only the first", "uids": "takes only the lines by UID",
    "names": "takes only the lines by name", "listed": "lists the range twice", "twice": "maps the range twice",
    "other": "takes it as the line of a user that does not exist",
}
# Lines that "range check" calls something else than malformed, or has no reason to speak of.
UNSPOKEN = {"as it should be", "a comment", "capitals", "disabled with !", "NIS, +", "NIS, -", "a count of 0"}
# After these, nothing below the line is read either.
FAR = ("refuses", "stops")


def table():
    """[(what, the file, a word for each column)]; carol is always in the file."""
    rows = []
    for line in TABLE.strip().splitlines():
        if not line.startswith("#"):
            text = CONTENTS[line[:24].strip()]
            rows.append((line[:24].strip(), text if CAROL in text else text + CAROL, line[24:].split()))
    if {what for what, _, _ in rows} != set(CONTENTS) or any(len(words) != len(COLUMNS) for _, _, words in rows):
        raise RuntimeError("the table and the files differ")
    return rows


def own_lines(text):
    """[(whether by UID, range)] of bob's well-formed lines."""
    return [(m[1] == b"1001", m[2].decode()) for m in re.finditer(rb"^(bob|1001):(\d+:\d+)$", text, re.M)]


def reading(what, text, word):
    """What bob gets from whoever reads the file as the word says."""
    if word in READINGS.get(what, {}):
        return READINGS[what][word]
    lines = own_lines(text)
    ranges = [r for _, r in lines]
    if word in ("merges", "order", "listed", "twice"):
        return " ".join(ranges)
    if word == "sorts":
        return " ".join(sorted(ranges, key=lambda r: int(r.split(":")[0])))
    if word in ("uids", "names"):
        return " ".join(r for by_uid, r in lines if by_uid == (word == "uids"))
    if word == "first":
        return ranges[0]
    return MEANT if word in ("reads", "decimal", "asks") else NOTHING


# ---- the programs ----

SHIM_LOG = PLACE + "/shim.log"
NOTHING = "nothing"


def make_shim():
    """newuidmap and newgidmap write down what they are asked for, which is how their caller read the files. lxc-usernsexec wants
    the setuid bit, which means nothing on a script."""
    for name in ("newuidmap", "newgidmap"):
        real = shutil.which(name, path=PATH)
        shutil.copy(real, f"{PLACE}/{name}.real")
        os.chmod(f"{PLACE}/{name}.real", 0o4755)
        write(f"{PLACE}/{name}", f"#!/bin/sh\necho \"{name} $*\" >> {SHIM_LOG}\nexec {PLACE}/{name}.real \"$@\"\n", 0o4755)
        mount("--bind", f"{PLACE}/{name}", real)


def asked(command, user):
    """How a program that calls newuidmap read the file: "START:COUNT…" or NOTHING, and what it printed."""
    write(SHIM_LOG, "", 0o666)
    _, out, err = run(*command, user=user)
    for line in open(SHIM_LOG):
        words = line.split()
        if words[0] == "newuidmap":
            extents = list(zip(*[iter(words[2:])] * 3))
            mapped = [f"{host}:{count}" for _, host, count in extents if host != str(USERS[user])]
            return " ".join(mapped) or NOTHING, out + err
    return NOTHING, out + err


def read_getsubids(user, *options):
    _, out, err = run("getsubids", *options, user)
    ranges = [f"{m[1]}:{m[2]}" for m in re.finditer(r"^\d+: \S+ (\d+) (\d+)$", out, re.M)]
    return " ".join(ranges) or NOTHING, out + err


def end_pause(user):
    """The process that keeps rootless podman's namespace; podman would join it."""
    path = f"/run/user/{USERS[user]}/libpod/tmp/pause.pid"
    try:
        pid = int(read(path))
        os.kill(pid, signal.SIGKILL)
    except (OSError, ValueError):
        pass
    for name in ("libpod", "containers"):
        shutil.rmtree(f"/run/user/{USERS[user]}/{name}", ignore_errors=True)


def read_podman(user):
    found = asked(["podman", "unshare", "cat", "/proc/self/uid_map"], user)
    end_pause(user)
    return found


def read_lxc(user):
    return asked(["lxc-usernsexec", "--", "cat", "/proc/self/uid_map"], user)


def read_unshare(user):
    return asked(["unshare", "--map-auto", "cat", "/proc/self/uid_map"], user)


def read_buildah(user):
    return asked(["buildah", "unshare", "cat", "/proc/self/uid_map"], user)


def read_rootlesskit(user):
    return asked(["rootlesskit", "--subid-source=static", "cat", "/proc/self/uid_map"], user)


BUNDLE = {
    "ociVersion": "1.0.0", "mounts": [], "root": {"path": "rootfs"}, "linux": {"namespaces": [{"type": "user"}, {"type": "mount"}]},
    "process": {"user": {"uid": 0, "gid": 0}, "args": ["/none"], "env": [], "cwd": "/"},
}


def read_crun(user):
    """There is nothing to run in the bundle: the map is made before that is noticed."""
    bundle = f"/run/user/{USERS[user]}/bundle"
    os.makedirs(bundle + "/rootfs", exist_ok=True)
    write(bundle + "/config.json", json.dumps(BUNDLE))
    shutil.chown(bundle + "/rootfs", USERS[user], USERS[user])
    shutil.chown(bundle, USERS[user], USERS[user])
    return asked(["crun", "--cgroup-manager=disabled", "run", "--bundle", bundle, "e2e"], user)


class Dockerd:
    """dockerd --userns-remap=USER, as far as making its data root "U.G". Its containerd does not exist, so that it waits there."""

    def __init__(self, user):
        self.dir = PLACE + "/docker"
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir + "/root")
        write(self.dir + "/daemon.json", "{}")
        self.log = open(self.dir + "/log", "wb")
        d = self.dir
        self.process = subprocess.Popen(
            ["dockerd", "--userns-remap=" + user, f"--data-root={d}/root", f"--exec-root={d}/exec", f"--host=unix://{d}/socket",
             f"--pidfile={d}/pid", f"--config-file={d}/daemon.json", f"--containerd={d}/none.sock", "--bridge=none",
             "--iptables=false"],
            env={"PATH": PATH}, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def trees(self):
        return [name for name in os.listdir(self.dir + "/root") if re.fullmatch(r"-?\d+\.-?\d+", name)]

    def wait(self):
        """The tree it made, or None with its words."""
        end = time.monotonic() + 30
        while not self.trees() and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        found = self.trees()
        self.process.kill()
        self.process.wait()
        self.log.close()
        return (found[0] if found else None), read(self.dir + "/log").decode(errors="replace")


def read_dockerd(user):
    """The start alone: it says the count nowhere."""
    tree, log = Dockerd(user).wait()
    if tree:
        u, g = tree.rsplit(".", 1)
        return u if u == g else tree, log
    return NOTHING, log


class InNamespace:
    """A process of the user's in a user namespace of its own, without a map."""

    def __init__(self, user):
        ready, self.end = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self.live(USERS[user], ready[1])
        self.made = os.read(ready[0], 1) == b"y"
        for fd in (*ready, self.end[0]):
            os.close(fd)

    def live(self, uid, ready):
        try:
            os.close(self.end[1])
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # so that /proc/PID is the user's again
            os.write(ready, b"y" if libc.unshare(CLONE_NEWUSER) == 0 else b"n")
            os.read(self.end[0], 1)
        finally:
            os._exit(0)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        os.close(self.end[1])
        os.waitpid(self.pid, 0)


def newuidmap_allows(user, start, count, kind="uid"):
    """Whether newuidmap (or newgidmap) maps exactly these IDs into a namespace that the user made."""
    with InNamespace(user) as child:
        extents = f"0 {USERS[user]} 1 1 {start} {count}".split()
        status, out, err = run(f"new{kind}map", str(child.pid), *extents, user=user)
        table_now = read(f"/proc/{child.pid}/{kind}_map").decode().split()
    return child.made and status == 0 and table_now == extents, out + err


READERS = {"getsubids": read_getsubids, "dockerd": read_dockerd, "podman": read_podman, "buildah": read_buildah,
           "rootlesskit": read_rootlesskit, "lxc-usernsexec": read_lxc, "unshare": read_unshare, "crun": read_crun}
# Where each stands in the table.
COLUMN_OF = {"getsubids": 0, "dockerd": 2, "podman": 4, "buildah": 4, "rootlesskit": 5, "lxc-usernsexec": 7, "unshare": 8,
             "crun": 9}
