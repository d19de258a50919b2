# SPDX-License-Identifier: Apache-2.0
"""What is shifted, and how: shared by the test that pulls the plug and by the one that replays what the disk was told."""

import json
import os
import subprocess

import manifest
import tree

TREE = "/srv/tree"
COUNT = 65536
OLD_START, NEW_START, VIA = 100000, 132072, 1 << 30


class Job:
    """A shift: base of the IDs before it, strange: IDs of the target there already, the options, and the map that they mean."""

    def __init__(self, name, base, strange, options, extents, passing=None):
        self.name, self.base, self.strange, self.options, self.extents = name, base, strange, options, extents
        self.passing = passing  # extents of the first of two passes

    def command(self):
        return ["shift", "--yes", *self.options, "--jobs=8", TREE]

    def fill(self, specials, plain):
        def make(top):
            os.mkdir(f"{top}/srv")
            tree.make(top + TREE, self.base, specials, plain, self.strange)
            with open(f"{top}/srv/beside", "w") as f:
                f.write("not in the tree")
        return make

    def after(self, before):
        """The manifest of /srv, with all below the tree as a shift is to leave it."""
        return manifest.shifted(before, self.extents, TREE[len("/srv"):].encode())


JOBS = (
    Job("shift", 0, False, [f"--range={tree.TARGET}"], [(0, tree.TARGET, COUNT)]),
    # sources that are targets too: by way of a third range
    Job("two passes", OLD_START, False, [f"--map=b:{OLD_START}:{NEW_START}:{COUNT}"], [(OLD_START, NEW_START, COUNT)],
        passing=[(OLD_START, VIA, COUNT)]),
    Job("strange IDs", 0, True, [f"--map=b:0:{tree.TARGET}:{COUNT}", "--unmapped=keep", "--ignore=TargetIdInUse"],
        [(0, tree.TARGET, COUNT)]),
)


class Tool:
    """usernsctl on a host below a directory."""

    def __init__(self, program, root):
        self.program, self.root = program, root

    def arguments(self, *args):
        return [self.program, f"--root={self.root}", *args]

    def run(self, *args):
        """(exit status, all that was said)."""
        p = subprocess.run(self.arguments(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           check=False, timeout=120)
        return p.returncode, p.stdout.decode(errors="replace")

    def start(self, *args):
        return subprocess.Popen(self.arguments(*args), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def transaction(self):
        """What status says: (pending?, state), state None without a transaction."""
        p = subprocess.run(self.arguments("--json", "status"), stdin=subprocess.DEVNULL, capture_output=True, check=False,
                           timeout=60)
        if p.returncode not in (0, 5):
            raise Wrong(f"status: exit {p.returncode}: {p.stderr.decode(errors='replace').strip()}")
        found = json.loads(p.stdout)
        last = found["pending"] or found.get("last")
        if (p.returncode == 5) != bool(found["pending"]):
            raise Wrong(f"status: exit {p.returncode}, but pending: {found['pending']}")
        return bool(found["pending"]), last["state"] if last else None


class Wrong(Exception):
    """The program did what it must not do."""


def finish(tool, way):
    """The way out to its end; usernsctl must say that it went well."""
    status, said = tool.run(way, "--yes")
    if status:
        raise Wrong(f"{way}: exit {status}: {said.strip().splitlines()[-1:]}")


def compare(found, wanted, what):
    lines = manifest.differences(found, wanted)
    if lines:
        raise Wrong(f"{what}: " + " | ".join(lines))
