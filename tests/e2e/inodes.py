# SPDX-License-Identifier: Apache-2.0
"""Trees with everything that an inode can have, what a change of owners should make of them, and manifests to compare by.
Nothing here uses the program that is tested: a manifest is what lstat, getxattr, readlink, read and ioctl say."""

import array
import collections
import errno
import fcntl
import hashlib
import os
import resource
import stat
import struct

GETFLAGS, SETFLAGS = 0x80086601, 0x40086602
IMMUTABLE, APPEND = 0x10, 0x20
CAP, ACCESS, DEFAULT = b"security.capability", b"system.posix_acl_access", b"system.posix_acl_default"
LAST = 65535
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
OWNERS = ((0, 0), (1, 1), (999, 999), (1000, 1000), (0, 42), (1000, 27), (33, 59999))
KINDS = ("file", "directory", "symlink", "dangling", "fifo", "socket", "character", "block", "whiteout")
SPECIAL = ("fifo", "socket", "character", "block")
NODE = {"fifo": stat.S_IFIFO, "socket": stat.S_IFSOCK, "character": stat.S_IFCHR, "block": stat.S_IFBLK, "whiteout": stat.S_IFCHR}
DEVICE = {"character": os.makedev(5, 300), "block": os.makedev(259, 70000)}
BITS = (0o4755, 0o6755, 0o2755, 0o2745, 0o1777, 0o7777, 0o4711, 0o6000, 0o644)
LEVELS = 600
START = 524288  # where IDs are shifted to
ABSENT = {errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL, errno.ENOTTY, errno.ENAMETOOLONG, errno.EILSEQ}

resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))


# ---- attributes ----


def acl(*entries):
    """Of (tag, permissions, ID): the attribute as the kernel takes it."""
    last = 0xFFFFFFFF
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, perm, last if i is None else i) for tag, perm, i in entries)


def rich_acl(users, groups, mask=7):
    return acl((USER_OBJ, 7, None), *((USER, 6, u) for u in users), (GROUP_OBJ, 5, None), *((GROUP, 4, g) for g in groups),
               (MASK, mask, None), (OTHER, 0, None))


def acl_entries(data):
    """{(tag, ID, permissions)}"""
    return {(tag, i, perm) for tag, perm, i in struct.iter_unpack("<HHI", data[4:])}


def cap(version, *bits, effective=True, rootid=None):
    low = sum(1 << b for b in bits if b < 32)
    high = sum(1 << (b - 32) for b in bits if b >= 32)
    data = struct.pack("<IIIII", version << 24 | effective, low, 0, high, 0)
    return data if rootid is None else data + struct.pack("<I", rootid)


def cap_version(data):
    return struct.unpack_from("<I", data)[0] >> 24


# ---- making ----


class Maker:
    """Makes below one directory. What the file system does not have is counted in absent, and left out."""

    def __init__(self, top, last):
        self.top, self.absent, self.n, self.last = os.fsencode(top), collections.Counter(), 0, last

    def at(self, *names):
        return b"/".join((self.top, *(n if isinstance(n, bytes) else n.encode() for n in names)))

    def can(self, feature, call, *args, **kwargs):
        try:
            call(*args, **kwargs)
            return True
        except OSError as e:
            if e.errno not in ABSENT:
                raise
            self.absent[feature] += 1
            return False

    def node(self, path, kind, uid=0, gid=0, mode=None):
        """False when there is no such thing here."""
        self.n += 1
        made = {"file": self.file, "directory": os.mkdir, "symlink": lambda p: os.symlink(b"../a file", p),
                "dangling": lambda p: os.symlink(b"/nowhere/at all", p)}.get(kind)
        if made:
            made(path)
        elif not self.can(kind, os.mknod, path, NODE[kind] | 0o600, DEVICE.get(kind, 0)):
            return False
        os.lchown(path, uid, gid)
        if kind not in ("symlink", "dangling"):
            os.chmod(path, 0o640 + self.n % 8 if mode is None else mode)
        os.utime(path, ns=(10 ** 18 + self.n * 7, 11 * 10 ** 17 + self.n * 1001), follow_symlinks=False)
        return True

    def file(self, path):
        with open(path, "xb") as f:
            f.write(b"content %d\n" % self.n)

    def xattr(self, path, name, value):
        what = os.fsdecode(name) + (" on a symlink" if os.path.islink(path) else "")
        return self.can(what, os.setxattr, path, name, value, follow_symlinks=False)

    def flags(self, path, flags):
        def call():
            fd = os.open(path, os.O_RDONLY)
            try:
                buf = array.array("L", [0])
                fcntl.ioctl(fd, GETFLAGS, buf)
                buf[0] = buf[0] & ~(IMMUTABLE | APPEND) | flags
                fcntl.ioctl(fd, SETFLAGS, buf)
            finally:
                os.close(fd)
        return self.can("flags", call)


def part_ids(m):
    for kind in KINDS:
        for uid, gid in (*OWNERS, (m.last, m.last)):
            m.node(m.at(f"{kind} {uid}-{gid}"), kind, uid, gid)


def part_bits(m):
    for kind in ("file", "directory", *SPECIAL):
        for mode in BITS:
            for uid, gid in ((0, 0), (1000, 27)):
                m.node(m.at(f"{kind} {mode:o} {uid}"), kind, uid, gid, mode)


def part_caps(m):
    kinds = {"v2": cap(2, 13), "v2 high": cap(2, 39, effective=False), "v3 first": cap(3, 13, 10, rootid=1),
             "v3 user": cap(3, 13, rootid=1000), "v3 last": cap(3, 7, 38, rootid=m.last), "v3 root": cap(3, 12, rootid=0)}
    for name, value in kinds.items():
        for kind in ("file", "directory", "symlink", "fifo", "character"):
            path = m.at(f"{name} on a {kind}")
            if m.node(path, kind, 0, 0):
                m.xattr(path, CAP, value)
        for mode, owner in ((0o6755, (0, 0)), (0o2745, (999, 1000))):
            m.node(m.at(f"{name} {mode:o}"), "file", *owner, mode)
            m.xattr(m.at(f"{name} {mode:o}"), CAP, value)
        path = m.at(f"{name} with an ACL")
        m.node(path, "file", 1000, 1000, 0o4750)
        m.xattr(path, ACCESS, rich_acl([5, 1000], [27]))
        m.xattr(path, CAP, value)


def part_acls(m):
    acls = {"one": rich_acl([1000], []), "groups": rich_acl([], [0, 27, m.last], 5), "many": rich_acl(range(20), range(100, 120), 1),
            "root": rich_acl([0], [0], 0)}
    for name, value in acls.items():
        for kind in ("file", "directory", "fifo", "socket", "character"):
            for uid, gid in ((0, 0), (999, m.last)):
                path = m.at(f"{name} {kind} {uid}")
                if m.node(path, kind, uid, gid):
                    m.xattr(path, ACCESS, value)
        for both in (False, True):
            path = m.at(f"{name} default {both}")
            m.node(path, "directory", 1, 1, 0o2775)
            m.xattr(path, DEFAULT, value)
            if both:
                m.xattr(path, ACCESS, rich_acl([7, m.last - 1], [8]))
    m.node(m.at("no names"), "directory", 1000, 1000)
    m.xattr(m.at("no names"), DEFAULT, acl((USER_OBJ, 7, None), (GROUP_OBJ, 5, None), (OTHER, 0, None)))
    m.node(m.at("setuid"), "file", 1000, 1000, 0o6771)
    m.xattr(m.at("setuid"), ACCESS, acls["many"])


def part_xattrs(m):
    for kind in ("file", "directory", "symlink", "fifo", "whiteout"):
        for uid in (0, 1000):
            path = m.at(f"{kind} {uid}")
            if not m.node(path, kind, uid, uid):
                continue
            if kind in ("file", "directory"):
                m.xattr(path, b"user.note", b"of \0 bytes\xff")
                m.xattr(path, b"user.empty", b"")
                m.xattr(path, b"user.\xc3\xa9", b"x" * 1000)
            m.xattr(path, b"trusted.overlay.origin", bytes(range(30)))
            m.xattr(path, b"trusted.overlay.opaque", b"y")
            m.xattr(path, b"security.selinux", b"system_u:object_r:tmp_t:s0\0")


def part_flags(m):
    for name, flags in (("immutable", IMMUTABLE), ("append-only", APPEND), ("both", IMMUTABLE | APPEND)):
        for mode in (0o644, 0o6755):
            path = m.at(f"{name} {mode:o}")
            m.node(path, "file", 1000, 27, mode)
            if mode == 0o6755:
                m.xattr(path, CAP, cap(2, 10))
                m.xattr(path, ACCESS, rich_acl([1000], [7]))
            m.flags(path, flags)
        path = m.at(f"{name} directory")
        m.node(path, "directory", 0, 0, 0o755)
        m.node(path + b"/inside", "file", 1000, 1000, 0o4755)
        m.xattr(path, DEFAULT, rich_acl([1000], [7]))
        m.flags(path, flags)


def part_links(m):
    m.node(m.at("a"), "directory", 0, 0)
    m.node(m.at("b"), "directory", 1000, 1000)
    m.node(m.at("b", "c"), "directory", 1, 1)
    for kind in ("file", "symlink", *SPECIAL, "whiteout"):
        path = m.at("a", kind)
        if not m.node(path, kind, 1000, 27, 0o6755):
            continue
        for name in (("a", kind + " again"), ("b", kind), ("b", "c", kind), ("0 " + kind,), ("z " + kind,)):
            m.can("links of a " + kind, os.link, path, m.at(*name), follow_symlinks=False)
    path = m.at("a", "capable")
    m.node(path, "file", 0, 0, 0o6755)
    os.link(path, m.at("b", "c", "capable"))
    m.xattr(path, CAP, cap(2, 13))
    m.xattr(path, ACCESS, rich_acl([1000], [27]))
    for i in range(300):
        m.node(m.at("a", f"n{i}"), "file", i % 3, i, 0o644)
        os.link(m.at("a", f"n{i}"), m.at("b", f"n{i}"))


def part_names(m):
    names = [b"new\nline", b"\n", b"inv\xe1lid \xff\xfe", b"-rf", b"--", b"- -", b" ", b"  spaces  ", b"tab\t", b"\x1b[31mred", b"a" * 255,
             "é".encode() * 127, b"*", b"a?", b"[a-z]", b"...", b"\\", b"\\n", b'"', b"'", b"$(id)", b"`id`", b";", b"%s%n", b"\x7f", b"#",
             b"u:0:0:1"]
    for name in names:
        if m.can("odd names", m.node, m.at(name), "directory", 1000, 1000):
            for inside in names:
                m.can("odd names", m.node, m.at(name, inside), "file", 1000, 27, 0o4755 if inside == name else 0o644)


def part_deep(m):
    """Names long enough that the paths are longer than any system call takes."""
    fd = os.open(m.top, os.O_RDONLY)
    for level in range(LEVELS):
        name = b"level %d" % level
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
        os.chown(fd, level, level % 7)
        for mode in (0o644, 0o6755) if level % 50 == 49 else (0o644,):
            f = os.open(b"f %o" % mode, os.O_CREAT | os.O_WRONLY, dir_fd=fd)
            os.fchown(f, level, 1000)
            os.fchmod(f, mode)
            if mode == 0o6755:
                m.can("capabilities", os.setxattr, f, CAP, cap(2, 13))
                m.can("ACLs", os.setxattr, f, ACCESS, rich_acl([level], [7]))
            os.close(f)
    os.close(fd)


def part_wide(m):
    fd = os.open(m.top, os.O_RDONLY)
    for i in range(5000):
        f = os.open(b"f%d" % i, os.O_CREAT | os.O_WRONLY, dir_fd=fd)
        os.fchown(f, i % 5, i)
        os.fchmod(f, 0o4755 if i % 500 == 0 else 0o644)
        os.close(f)
    os.close(fd)


PARTS = {"ids": part_ids, "bits": part_bits, "caps": part_caps, "acls": part_acls, "xattrs": part_xattrs, "flags": part_flags,
         "links": part_links, "names": part_names, "deep": part_deep, "wide": part_wide}


def make(top, parts=tuple(PARTS), last=LAST):
    """A new tree, with IDs from 0 to last; {what the file system does not have: how often}."""
    top = os.fsencode(top)
    os.mkdir(top)
    absent = collections.Counter()
    for part in parts:
        m = Maker(os.path.join(top, part.encode()), last)
        os.mkdir(m.top)
        os.chown(m.top, len(part), 1000)
        PARTS[part](m)
        absent += m.absent
    os.chown(top, 0, 60000)
    os.chmod(top, 0o2755)
    return absent


# ---- manifests ----


def read_flags(fd):
    buf = array.array("L", [0])
    try:
        fcntl.ioctl(fd, GETFLAGS, buf)
    except OSError:
        return 0
    return buf[0] & (IMMUTABLE | APPEND)


def read_content(fd):
    h = hashlib.sha256()
    while data := os.read(fd, 1 << 20):
        h.update(data)
    return h.hexdigest()


def opened(name, directory, dir_fd):
    return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NOATIME | (os.O_DIRECTORY if directory else 0), dir_fd=dir_fd)


def look(name, fd):
    """The entry of one name in the directory fd, which is the working directory."""
    st = os.stat(name, dir_fd=fd, follow_symlinks=False)
    entry = {"kind": stat.S_IFMT(st.st_mode), "mode": stat.S_IMODE(st.st_mode), "uid": st.st_uid, "gid": st.st_gid, "rdev": st.st_rdev,
             "links": st.st_nlink, "size": st.st_size, "ino": st.st_ino, "dev": st.st_dev, "mtime": st.st_mtime_ns, "ctime": st.st_ctime_ns}
    # of a file that is not regular, and of a link, the look itself moves the time of access
    if stat.S_ISREG(st.st_mode) or stat.S_ISDIR(st.st_mode):
        entry["atime"] = st.st_atime_ns
        f = opened(name, stat.S_ISDIR(st.st_mode), fd)
        entry["flags"] = read_flags(f)
        if stat.S_ISREG(st.st_mode):
            entry["content"] = read_content(f)
        os.close(f)
    elif stat.S_ISLNK(st.st_mode):
        entry["target"] = os.readlink(name, dir_fd=fd)
    try:
        names = os.listxattr(name, follow_symlinks=False)
    except OSError as e:
        if e.errno != errno.EOPNOTSUPP:
            raise
        names = []
    # xfs shows an ACL a second time under a name of its own
    entry["xattrs"] = {os.fsencode(n): os.getxattr(name, n, follow_symlinks=False) for n in names if not n.startswith("trusted.SGI_ACL_")}
    return entry


def manifest(top):
    """{path below top: entry}; file systems that are mounted below are looked at like the rest."""
    here = os.open(".", os.O_RDONLY)
    found = {b"": None}
    todo = [(b"", os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_NOATIME))]
    try:
        os.fchdir(todo[0][1])
        found[b""] = look(b".", todo[0][1])
        while todo:
            path, fd = todo.pop()
            os.fchdir(fd)
            for name in sorted(map(os.fsencode, os.listdir(fd))):
                full = path + b"/" + name if path else name
                try:
                    found[full] = entry = look(name, fd)
                except FileNotFoundError:  # an overlay lists whiteouts of a directory that only one layer has
                    continue
                if stat.S_ISDIR(entry["kind"]):
                    todo.append((full, opened(name, True, fd)))
            os.close(fd)
    finally:
        os.fchdir(here)
        os.close(here)
        for _, fd in todo:
            os.close(fd)
    return found


# ---- what it should be ----


class Map:
    """u and g: lists of (from, to, count). An ID outside stays."""

    def __init__(self, u, g=None):
        self.u, self.g = u, u if g is None else g

    def reverse(self):
        return Map(*([(to, start, n) for start, to, n in x] for x in (self.u, self.g)))

    @staticmethod
    def one(extents, i):
        return next((to + i - start for start, to, n in extents if start <= i < start + n), i)

    def uid(self, i):
        return self.one(self.u, i)

    def gid(self, i):
        return self.one(self.g, i)

    def acl(self, data):
        """Entries of the same kind are in the order of their IDs, as libacl has them; nothing else depends on it."""
        entries = [(tag, self.uid(i) if tag == USER else self.gid(i) if tag == GROUP else i, perm)
                   for tag, perm, i in struct.iter_unpack("<HHI", data[4:])]
        return data[:4] + b"".join(struct.pack("<HHI", tag, perm, i) for tag, i, perm in sorted(entries))

    def cap(self, data):
        """Without a root it counts in every user namespace, and stays as it is."""
        return data if cap_version(data) != 3 else data[:20] + struct.pack("<I", self.uid(struct.unpack_from("<I", data, 20)[0]))

    def entry(self, e):
        xattrs = {n: self.acl(v) if n in (ACCESS, DEFAULT) else self.cap(v) if n == CAP else v for n, v in e["xattrs"].items()}
        return {**e, "uid": self.uid(e["uid"]), "gid": self.gid(e["gid"]), "xattrs": xattrs}

    def tree(self, before):
        return {path: self.entry(e) for path, e in before.items()}


def differences(wanted, found, skip=("ctime",)):
    """[text], of everything but what is to be skipped."""
    out = [f"{path!r}: gone" for path in wanted.keys() - found.keys()] + [f"{path!r}: new" for path in found.keys() - wanted.keys()]
    for path in wanted.keys() & found.keys():
        w, f = wanted[path], found[path]
        for field in w.keys() | f.keys():
            if field not in skip and w.get(field) != f.get(field):
                out.append(f"{path[-120:]!r}: {field}: expected {w.get(field)!r}, found {f.get(field)!r}")
    return sorted(out)
