# SPDX-License-Identifier: Apache-2.0
"""What else shifts owners, and what each of them makes of the same trees: a table, every cell of which comes from manifests.

All get the same job, IDs 0 to 65535 to START and up; chown knows no map and gives everything to START. A box is a directory with the
tree in srv/tree; beside it is what a tool wants to find there."""

import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import time

import inodes
import private
from inodes import ACCESS, CAP, DEFAULT, START, Map, cap_version, manifest

MAP = Map([(0, START, 65536)])
ALL = tuple(inodes.PARTS)
# A tree without what one tool or another stops at whatever else it can: flags, long paths, the ID 65535.
PLAIN = {"parts": ("ids", "bits", "caps", "acls", "links", "names"), "last": 60001}
KILLS = int(os.environ.get("SHIFT_KILLS", "4"))
KILL_FILES = 2000
ENV = {"PATH": private.PATH, "LANG": "C.UTF-8", "HOME": "/root", "SYSTEMD_LOG_LEVEL": "err"}


# ---- the tools ----


class Peer:
    """name: of the column; program: what must be installed; argv(box, back): the command."""

    def __init__(self, name, program, argv, version, stdin=None, again=None):
        self.name, self.program, self.argv, self.version_argv = name, program, argv, version
        self.stdin = stdin or (lambda back: "")
        self.again = again or (lambda box: [self.argv(box, False)])  # what one does after a kill

    def start(self, argv, back=False):
        argv0 = argv[0]
        executable = self.program if self.stdin(False) else argv0
        p = subprocess.Popen(argv, executable=shutil.which(executable, path=private.PATH) or executable, env=ENV, start_new_session=True,
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        p.stdin.write(self.stdin(back).encode())
        p.stdin.close()
        return p

    def run(self, argv, back=False):
        """(exit status, the last line that it said)."""
        p = self.start(argv, back)
        said = p.stderr.read().decode(errors="replace").strip().splitlines()
        return p.wait(), said[-1] if said else ""

    def shift(self, box, back=False):
        return self.run(self.argv(box, back), back)

    def version(self):
        out = subprocess.run(self.version_argv, env=ENV, capture_output=True, text=True, check=False).stdout
        m = re.search(r"\d+(\.\d+)+\S*|\d{3,}", out)
        return m[0].rstrip(",)") if m else "?"


def maps_of_podman(back):
    home, away = [{"container_id": 0, "host_id": 0, "size": 65536}], [{"container_id": 0, "host_id": START, "size": 65536}]
    there = [home, home, away, away]
    return json.dumps(there[2:] + there[:2] if back else there)


def nspawn(box, back):
    return ["systemd-nspawn", "-q", "--register=no", "--keep-unit", f"--machine=shift-{os.path.basename(box)}", f"--directory={box}/srv",
            f"--private-users={0 if back else START}:65536", "--private-users-ownership=chown", "/bin/busybox", "true"]


def chown(option):
    return lambda box, back: ["chown", option, "0:0" if back else f"{START}:{START}", f"{box}/srv/tree"]


def ours(box, back):
    return [private.TOOL, f"--root={box}", "-q", "shift", f"--range={START}", "--yes", *(["--reverse"] if back else []), "/srv/tree"]


def ours_again(box):
    return [[private.TOOL, f"--root={box}", "-q", "resume", "--yes"], ours(box, False)]


PEERS = (
    Peer("usernsctl", private.TOOL, ours, [private.TOOL, "--version"], again=ours_again),
    Peer("fuidshift", "fuidshift", lambda box, back: ["fuidshift", f"{box}/srv/tree", *(["-r"] if back else []), f"b:0:{START}:65536"],
         ["fuidshift", "--version"]),
    Peer("systemd-nspawn", "systemd-nspawn", nspawn, ["systemd-nspawn", "--version"]),
    Peer("podman", "podman", lambda box, back: ["storage-chown-by-maps", f"{box}/srv"], ["podman", "--version"], maps_of_podman),
    Peer("chown -R", "chown", chown("-R"), ["chown", "--version"]),
    Peer("chown -hR", "chown", chown("-hR"), ["chown", "--version"]),
)


class Boxes:
    """Makes boxes in a directory; what is mounted in them vanishes with the host."""

    def __init__(self, top):
        self.top, self.n = top, 0

    def new(self, parts=(), last=inodes.LAST):
        self.n += 1
        box = f"{self.top}/{self.n}"
        for name in ("var/lib", "outside", *(f"srv/{n}" for n in ("bin", "usr", "etc", "proc", "sys", "dev", "run", "tmp"))):
            os.makedirs(f"{box}/{name}")
        shutil.copy("/bin/busybox", f"{box}/srv/bin/busybox")
        if parts:
            inodes.make(f"{box}/srv/tree", parts, last)
        return box

    @staticmethod
    def tree(box):
        return manifest(f"{box}/srv/tree")


# ---- rows of one part: which inodes count, and what of them must be right ----


def moved(f):
    return f["uid"] >= START and f["gid"] >= START


def same(*fields):
    return lambda w, f: all(w.get(x) == f.get(x) for x in fields)


def same_acl(name):
    """In whatever order its entries are."""
    return lambda w, f: name in f["xattrs"] and inodes.acl_entries(w["xattrs"][name]) == inodes.acl_entries(f["xattrs"][name])


def same_cap(w, f):
    """One of the map's root counts where one of nobody in particular did: that is no loss."""
    wanted, found = w["xattrs"][CAP], f["xattrs"].get(CAP, b"")
    return found == wanted or (cap_version(wanted) == 2 and found == as_v3(wanted))


def as_v3(v2):
    return v2[:3] + b"\3" + v2[4:] + START.to_bytes(4, "little")


def is_kind(*kinds):
    return lambda e: e["kind"] in kinds


def has_cap(version):
    return lambda e: CAP in e["xattrs"] and cap_version(e["xattrs"][CAP]) == version


def everything(e):
    return True


ROWS = (
    ("setuid bits", "bits", lambda e: e["mode"] & stat.S_ISUID, same("mode")),
    ("setgid bits", "bits", lambda e: e["mode"] & stat.S_ISGID, same("mode")),
    ("capabilities, v2", "caps", has_cap(2), same_cap),
    ("capabilities, v3", "caps", has_cap(3), same_cap),
    ("access ACLs", "acls", lambda e: ACCESS in e["xattrs"], same_acl(ACCESS)),
    ("default ACLs", "acls", lambda e: DEFAULT in e["xattrs"], same_acl(DEFAULT)),
    ("other attributes", "xattrs", lambda e: e["xattrs"], same("xattrs")),
    ("owners told apart", "ids", everything, same("uid", "gid")),
    ("symlinks", "ids", is_kind(stat.S_IFLNK), lambda w, f: moved(f) and w["target"] == f["target"]),
    ("special files", "ids", is_kind(stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK),
     lambda w, f: moved(f) and same("kind", "rdev", "mode")(w, f)),
    ("hard links", "links", lambda e: e["links"] > 1, lambda w, f: moved(f) and same("ino", "links")(w, f)),
    ("immutable, append-only", "flags", everything, lambda w, f: moved(f) and same("flags")(w, f)),
    ("odd names", "names", everything, lambda w, f: moved(f)),
    (f"{inodes.LEVELS} levels", "deep", everything, lambda w, f: moved(f)),
    ("times", "links", everything, same("mtime")),
)


class Column:
    """The cells of one tool."""

    def __init__(self, peer, boxes):
        self.peer, self.boxes, self.runs, self.said = peer, boxes, {}, []

    def note(self, what, status, said):
        if status:
            self.said.append(f"{self.peer.name}, {what}: exit status {status}: {said[-200:]}")

    def run(self, part):
        """(exit status, before, after) of one part of the tree."""
        if part not in self.runs:
            box = self.boxes.new((part,))
            before = self.boxes.tree(box)
            status, said = self.peer.shift(box)
            self.note(part, status, said)
            self.runs[part] = status, before, self.boxes.tree(box)
        return self.runs[part]

    def judge(self, row):
        _, part, counts, good = row
        status, before, after = self.run(part)
        wanted = MAP.tree(before)
        paths = [p for p in before if counts(before[p])]
        lost = sum(1 for p in paths if p not in after or not good(wanted[p], after[p]))
        stops = "fails, " if status else ""
        return f"{stops}{'all' if lost == len(paths) else f'{lost} of {len(paths)}'} wrong" if lost else f"{stops}kept"

    # ---- outside of the tree ----

    def outcome(self, what, status, said, changed):
        self.note(what, status, said)
        return changed + (", fails" if status else "") if changed else "refused" if status else "untouched"

    def outside(self, how):
        box = self.boxes.new(("names",))
        os.mkdir(f"{box}/outside/d")
        for name in ("f", "d/g"):
            with open(f"{box}/outside/{name}", "x"):
                os.chmod(f"{box}/outside/{name}", 0o4755)
        if how == "hard link":
            os.link(f"{box}/outside/f", f"{box}/srv/tree/f")
        else:
            os.symlink(f"{box}/outside/f", f"{box}/srv/tree/absolute")
            os.symlink("../../outside/f", f"{box}/srv/tree/relative")
            os.symlink(f"{box}/outside/d", f"{box}/srv/tree/directory")
        before = manifest(f"{box}/outside")
        status, said = self.peer.shift(box)
        changed = differ(before, manifest(f"{box}/outside"))
        return self.outcome(f"{how} to a file outside", status, said, "changed" if changed else "")

    def nested(self, how):
        """A mount in the tree; (what is mounted, what is hidden below it)."""
        box = self.boxes.new(("names",))
        point, other = f"{box}/srv/tree/mnt", f"{box}/outside/other"
        os.mkdir(point)
        os.mkdir(other)
        with open(f"{point}/hidden", "x"):
            pass
        subprocess.run(["mount", *(["-t", "tmpfs", "tmpfs"] if how == "tmpfs" else ["--bind", other]), point], check=True)
        with open(f"{point}/f", "x"):
            os.chmod(f"{point}/f", 0o4755)
        before = manifest(point)
        status, said = self.peer.shift(box)
        changed = differ(before, manifest(point))
        subprocess.run(["umount", point], check=True)
        hidden = os.stat(f"{point}/hidden").st_uid == START
        return self.outcome(f"{how} mounted in the tree", status, said, "changed" if changed else ""), "shifted" if hidden else "left"

    # ---- more than one run ----

    def twice(self):
        box = self.boxes.new(**PLAIN)
        self.peer.shift(box)
        before = self.boxes.tree(box)
        status, said = self.peer.shift(box)
        self.note("the second run", status, said)
        after = self.boxes.tree(box)
        stops = "fails, " if status else ""
        changed = differ(before, after)
        touched = sum(1 for p in before if before[p]["ctime"] != after[p]["ctime"])
        return stops + (f"{changed} of {len(before)} changed" if changed else f"touches {touched} of {len(before)}" if touched else "nothing")

    def there_and_back(self):
        box = self.boxes.new(**PLAIN)
        before = self.boxes.tree(box)
        there, _ = self.peer.shift(box)
        back, said = self.peer.shift(box, back=True)
        self.note("the way back", back, said)
        after = self.boxes.tree(box)
        wrong = differ(before, after)
        stops = "fails, " if there or back else ""
        return stops + (f"{wrong} of {len(before)} differ" if wrong else "identical")

    def whole(self):
        box = self.boxes.new(ALL)
        before = self.boxes.tree(box)
        status, said = self.peer.shift(box)
        self.note("the whole tree", status, said)
        after = self.boxes.tree(box)
        wrong = differ(MAP.tree(before), after)
        return ("fails, " if status else "") + (f"{wrong} of {len(before)} wrong" if wrong else "all right")

    def kill_once(self, seed):
        """Killed as soon as one file, chosen at random, has its new owner. (killed in time, rerun's exit status, inodes that are wrong)"""
        box = self.boxes.new(("names",))
        make_fragile(f"{box}/srv/tree/fragile")
        before = self.boxes.tree(box)
        canary = f"{box}/srv/tree/fragile/{random.Random(seed).randrange(KILL_FILES)}"
        p = self.peer.start(self.peer.argv(box, False))
        limit = time.monotonic() + 60
        while os.stat(canary).st_uid != START and p.poll() is None and time.monotonic() < limit:
            pass
        in_time = p.poll() is None
        if in_time:
            os.killpg(p.pid, signal.SIGKILL)
        p.stderr.read()  # until its children are gone, too
        p.wait()
        statuses = [self.peer.run(argv) for argv in self.peer.again(box)]
        self.note("the run after a kill", *statuses[-1])
        after, wanted = self.boxes.tree(box), MAP.tree(before)
        fragile = [p for p in before if p.startswith(b"fragile/")]
        lost = sum(1 for p in fragile if wanted[p]["mode"] != after[p]["mode"] or not same_cap(wanted[p], after[p]))
        return in_time, statuses[-1][0], lost

    def kills(self):
        tries = [t for t in (self.kill_once(seed) for seed in range(KILLS)) if t[0]]
        if not tries:
            return "never caught"
        lost, stops = sum(1 for t in tries if t[2]), sum(1 for t in tries if t[1])
        said = f"lost in {lost} of {len(tries)}" if lost else f"nothing lost in {len(tries)}"
        return said + (f", {stops} failed" if stops else "")

    def cells(self):
        found = {row[0]: self.judge(row) for row in ROWS}
        for how in ("hard link", "symlink"):
            found[f"file outside, by {how}"] = self.outside(how)
        found["another file system mounted in it"], found["files hidden below it"] = self.nested("tmpfs")
        found["a bind of the same one"], _ = self.nested("bind")
        found["a second run changes"] = self.twice()
        found["there and back"] = self.there_and_back()
        found["SIGKILL half-way, then again"] = self.kills()
        found["all of it in one run"] = self.whole()
        return found


def differ(wanted, found):
    """How many inodes do; that somebody looked at them is no difference."""
    return sum(1 for p in wanted if inodes.differences({p: wanted[p]}, {p: found.get(p, {})}, skip=("ctime", "atime")))


def make_fragile(top):
    """Files of root with what a change of owner drops."""
    os.mkdir(top)
    fd = os.open(top, os.O_RDONLY)
    for i in range(KILL_FILES):
        f = os.open(str(i), os.O_CREAT | os.O_WRONLY, 0o755, dir_fd=fd)
        os.fchmod(f, 0o6755)
        os.setxattr(f, CAP, inodes.cap(2, 13))
        os.close(f)
    os.close(fd)


def markdown(columns):
    """The lines of the table: [(name, version, cells)]."""
    rows = [["", *(f"{name} {version}" for name, version, _ in columns)], *([label, *(c[2][label] for c in columns)] for label in columns[0][2])]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]
