# SPDX-License-Identifier: Apache-2.0
"""All that a tree is, read with nothing of the program under test: owner, mode, names, times, device, attributes, flags, content.
Only the change time is left out, which nobody can set."""

import fcntl
import os
import stat
import struct

from tree import CAP, GETFLAGS

FIELDS = ("mode", "uid", "gid", "nlink", "ino", "size", "mtime", "rdev", "flags", "xattrs", "content")
MODE, UID, GID, XATTRS = FIELDS.index("mode"), FIELDS.index("uid"), FIELDS.index("gid"), FIELDS.index("xattrs")
ZERO = struct.pack("I", 0)
NO_FLAGS = 0
SHOWN = 5


def read_open(path, mode):
    """(flags, content) of what can be opened without harm."""
    if stat.S_ISLNK(mode):
        return NO_FLAGS, os.readlink(path)
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return NO_FLAGS, b""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOATIME)
    try:
        flags, = struct.unpack("I", fcntl.ioctl(fd, GETFLAGS, ZERO))
        return flags, os.read(fd, 1 << 20) if stat.S_ISREG(mode) else b""
    finally:
        os.close(fd)


def read_xattrs(path):
    """XFS shows an ACL under a second name, trusted.SGI_ACL_*."""
    names = os.listxattr(path, follow_symlinks=False)
    if not names:
        return ()
    return tuple((n, os.getxattr(path, n, follow_symlinks=False)) for n in sorted(names) if not n.startswith("trusted.SGI_ACL"))


def read_inode(path, st):
    mode = st.st_mode
    size = 0 if stat.S_ISDIR(mode) else st.st_size
    flags, content = read_open(path, mode)
    return (mode, st.st_uid, st.st_gid, st.st_nlink, st.st_ino, size, st.st_mtime_ns, st.st_rdev, flags, read_xattrs(path), content)


def take(top):
    """{path below top: fields}; the bytes of names as they are."""
    found, todo = {}, [b""]
    top = os.fsencode(top)
    seen = {}
    found[b""] = read_inode(top, os.lstat(top))
    while todo:
        at = todo.pop()
        with os.scandir(top + at) as entries:
            for e in entries:
                path = at + b"/" + e.name
                st = os.lstat(e.path)
                if st.st_nlink > 1 and not stat.S_ISDIR(st.st_mode):
                    inode = seen.get(st.st_ino) or seen.setdefault(st.st_ino, read_inode(e.path, st))
                else:
                    inode = read_inode(e.path, st)
                found[path] = inode
                if stat.S_ISDIR(st.st_mode):
                    todo.append(path)
    return found


# ---- what a shift is to make of it ----


def map_id(number, extents):
    for start, to, count in extents:
        if start <= number < start + count:
            return number - start + to
    return number


def map_xattr(name, value, extents):
    if name == CAP and value[3] == 3:
        root, = struct.unpack_from("<I", value, 20)
        return value[:20] + struct.pack("<I", map_id(root, extents))
    if name.startswith("system.posix_acl_"):
        entries = struct.iter_unpack("<HHI", value[4:])
        mapped = ((tag, perm, map_id(i, extents) if tag in (2, 8) else i) for tag, perm, i in entries)
        return value[:4] + b"".join(struct.pack("<HHI", *e) for e in sorted(mapped, key=lambda e: (e[0], e[2])))
    return value


def shifted(manifest, extents, below):
    """What is at and below that path; extents: (from, to, count), the same for users and groups."""
    out = dict(manifest)
    for path, inode in manifest.items():
        if path != below and not path.startswith(below + b"/"):
            continue
        new = list(inode)
        new[UID], new[GID] = map_id(inode[UID], extents), map_id(inode[GID], extents)
        new[XATTRS] = tuple((n, map_xattr(n, v, extents)) for n, v in inode[XATTRS])
        out[path] = tuple(new)
    return out


# ---- comparing ----


def show(field, value):
    if field in ("mode", "flags", "rdev"):
        return oct(value) if field == "mode" else hex(value)
    if field == "xattrs":
        return "{" + ", ".join(f"{n}={v.hex()}" for n, v in value) + "}"
    return repr(value)


def differences(found, wanted):
    """Lines, the first ones and how many there are; empty when there are none."""
    if found == wanted:
        return []
    lines = [f"{os.fsdecode(p)!a}: {'gone' if p in wanted else 'new'}" for p in sorted(found.keys() ^ wanted.keys())]
    for path in sorted(found.keys() & wanted.keys()):
        what = [f"{f} {show(f, a)}, not {show(f, b)}" for f, a, b in zip(FIELDS, found[path], wanted[path]) if a != b]
        if what:
            lines.append(f"{os.fsdecode(path)!a}: " + "; ".join(what))
    more = len(lines) - SHOWN
    return lines[:SHOWN] + ([f"and {more} more"] if more > 0 else [])
