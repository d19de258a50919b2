# SPDX-License-Identifier: Apache-2.0
"""What the two tests have in common: options, a place to work in, and where they cannot be run."""

import argparse
import os
import shutil
import signal
import sys
import time

import disk
import manifest
from jobs import JOBS, Tool, Wrong
from manifest import GID, MODE, UID, XATTRS
from tree import CAP

BARE = "bare: of at least one inode the setuid bits or the capability were gone, and only the record knew them"


class Ground:
    """A file system with a tree, and what the tree is before and after the shift."""

    def __init__(self, directory, fs, job, options):
        self.fs, self.job = fs, job
        self.disk = disk.Disk(directory, fs)
        self.tool = Tool(options.program, self.disk.top)
        self.disk.make(job.fill(options.specials, options.plain))
        self.disk.reset()
        self.disk.mount()
        self.before = self.take()
        self.after = job.after(self.before)
        self.fragile = {p for p, i in self.before.items() if i[MODE] & 0o6000 or CAP in dict(i[XATTRS])}
        self.disk.unmount()

    def take(self):
        return manifest.take(self.disk.top + "/srv")

    def progress(self):
        """How many names have another owner than before, how many lack their bits or capability, how many of these the old one."""
        top = os.fsencode(self.disk.top + "/srv")
        moved = bare = old_and_bare = 0
        for path, was in self.before.items():
            st = os.lstat(top + path)
            old = (st.st_uid, st.st_gid) == (was[UID], was[GID])
            moved += not old
            if path not in self.fragile:
                continue
            now = manifest.read_xattrs(top + path)
            if st.st_mode != was[MODE] or (CAP in dict(was[XATTRS]) and CAP not in dict(now)):
                bare += 1
                old_and_bare += old
        return moved, bare, old_and_bare


def parser(usage, specials, plain):
    p = argparse.ArgumentParser(usage=usage)
    p.add_argument("--fs", default="ext4,xfs")
    p.add_argument("--jobs", default=",".join(j.name for j in JOBS))
    p.add_argument("--specials", type=int, default=specials)
    p.add_argument("--plain", type=int, default=plain)
    p.add_argument("--seed", type=int, default=int(time.time()) % 1000000)
    p.add_argument("--stop", action="store_true")
    p.add_argument("--keep")
    return p


def options_of(p):
    o = p.parse_args()
    o.fs, wanted = o.fs.split(","), o.jobs.split(",")
    names = [j.name for j in JOBS]
    if not set(o.fs) <= set(disk.MKFS) or not set(wanted) <= set(names):
        p.error(f"file systems: {', '.join(disk.MKFS)}; jobs: {', '.join(names)}")
    o.jobs = [j for j in JOBS if j.name in wanted]
    o.program = os.path.abspath(os.environ.get("USERNSCTL", "usernsctl"))
    if not os.access(o.program, os.X_OK):
        p.error(f"no program at {o.program}; name it in USERNSCTL")
    return o


def skip(name, why):
    print(f"{name}: {why}")
    sys.exit(1 if os.environ.get("REQUIRE") else 77)


def need_root(name):
    if os.geteuid():
        skip(name, "needs root to make file systems")
    if disk.go_private():
        skip(name, "cannot have mounts of its own")


def in_scratch(name, run):
    """The exit status of run, which gets a directory that is gone afterwards."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = None
    try:
        directory = disk.scratch()
        return run(directory)
    except disk.Impossible as e:
        skip(name, str(e))
    except Wrong as e:
        print(f"undisturbed, it is wrong already: {e}")
        return 1
    finally:
        if directory:
            shutil.rmtree(directory, ignore_errors=True)
