# SPDX-License-Identifier: Apache-2.0
"""The tree that is shifted: every kind of inode whose state a chown destroys or endangers, a few hundred times each way, and
plain files enough that all threads have work."""

import fcntl
import os
import socket
import stat
import struct

GETFLAGS, SETFLAGS = 0x80086601, 0x40086602
IMMUTABLE, APPEND = 0x10, 0x20
TARGET = 0x40000  # the range of the maps that go up from 0
FAR = 200000      # in no range of any map
CAP = "security.capability"
OWNERS = ((0, 0), (33, 33), (1000, 5), (0, 42), (999, 999))


def setflags(path, flags):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    now, = struct.unpack("I", fcntl.ioctl(fd, GETFLAGS, struct.pack("I", 0)))
    fcntl.ioctl(fd, SETFLAGS, struct.pack("I", now | flags))
    os.close(fd)


def capability(bits, root=None):
    if root is None:
        return struct.pack("<IIIII", 0x02000001, bits, 0, 0, 0)
    return struct.pack("<IIIIII", 0x03000001, bits, 0, 0, 0, root)


def acl(users, groups, mask=7):
    entries = [(1, 7, 0xFFFFFFFF)] + [(2, 5, u) for u in sorted(users)] + [(4, 5, 0xFFFFFFFF)]
    entries += [(8, 4, g) for g in sorted(groups)] + [(16, mask, 0xFFFFFFFF), (32, 4, 0xFFFFFFFF)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)


class Maker:
    """Makes inodes below a directory; their IDs begin at base."""

    def __init__(self, top, base):
        self.top, self.base, self.count = top, base, 0

    def file(self, path, content=b"", mode=0o644):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(fd, content)
        os.close(fd)
        self.own(path, mode)
        return path

    def own(self, path, mode=None):
        uid, gid = OWNERS[self.count % len(OWNERS)]
        self.count += 1
        os.chown(path, self.base + uid, self.base + gid, follow_symlinks=False)
        if mode is not None:
            os.chmod(path, mode)

    def cap(self, path, version):
        root = self.base + 1000 + self.count % 7 if version == 3 else None
        os.setxattr(path, CAP, capability(1 << self.count % 20, root), follow_symlinks=False)

    def acl(self, path, default=False):
        value = acl({self.base + 33, self.base + 1000}, {self.base + 5})
        os.setxattr(path, "system.posix_acl_default" if default else "system.posix_acl_access", value)

    def node(self, path, kind, mode, device=0):
        os.mknod(path, kind | 0o600, device)
        self.own(path, mode)

    def socket(self, path):
        s = socket.socket(socket.AF_UNIX)
        here = os.open(os.path.dirname(path), os.O_RDONLY)
        s.bind(f"/proc/self/fd/{here}/{os.path.basename(path)}")
        os.close(here)
        s.close()
        self.own(path, 0o2775)

    def names(self, path):
        """Two more, in other directories."""
        for other in ("links", "more links"):
            os.link(path, f"{self.top}/{other}/{self.count}-{os.path.basename(path)}", follow_symlinks=False)


def setuid(m, p):
    m.file(p, b"#!\n", 0o4755)


def setgid(m, p):
    m.file(p, b"#!\n", 0o2711)


def all_bits(m, p):
    m.file(p, mode=0o7777)


def group_only(m, p):
    """Setgid without the execute bit: the kernel drops it by another rule."""
    m.file(p, mode=0o6604)


def version_2(m, p):
    m.cap(m.file(p, b"v2", 0o755), 2)


def version_3(m, p):
    m.cap(m.file(p, b"v3", 0o755), 3)


def bits_and_capability(m, p):
    m.cap(m.file(p, b"both", 0o6755), 2 + m.count % 2)


def several_names(m, p):
    m.names(m.file(p, b"three names", 0o4755))


def names_and_capability(m, p):
    m.cap(m.file(p, b"three names", 0o755), 3)
    m.names(p)


def plain_names(m, p):
    m.names(m.file(p, b"three names", 0o640))


def with_acl(m, p):
    m.acl(m.file(p, b"acl"))


def everything(m, p):
    m.file(p, b"all of it", 0o4775)
    m.acl(p)
    m.cap(p, 3)
    os.setxattr(p, "user.note", b"kept")
    os.setxattr(p, "trusted.overlay.opaque", b"y")
    m.names(p)
    setflags(p, IMMUTABLE)


def immutable(m, p):
    setflags(m.file(p, b"immutable", 0o4755), IMMUTABLE)


def append_only(m, p):
    m.cap(m.file(p, b"log\n", 0o755), 2)
    setflags(p, APPEND)


def both_flags(m, p):
    setflags(m.file(p, b"both"), IMMUTABLE | APPEND)


def fifo(m, p):
    m.node(p, stat.S_IFIFO, 0o4660)


def unix_socket(m, p):
    m.socket(p)


def devices(m, p):
    m.node(p, stat.S_IFCHR, 0o2666, os.makedev(1, 3))
    m.node(p + "-block", stat.S_IFBLK, 0o660, os.makedev(7, 99))


def symlink(m, p):
    os.symlink(f"/nowhere/{m.count}", p)
    m.own(p)


def symlink_with_capability(m, p):
    os.symlink("..", p)
    m.own(p)
    m.cap(p, 2)


def shared_directory(m, p):
    os.mkdir(p)
    m.own(p, 0o3775)
    m.acl(p)
    m.acl(p, default=True)
    m.file(p + "/inside", mode=0o4755)


def immutable_directory(m, p):
    os.mkdir(p)
    m.own(p, 0o755)
    m.file(p + "/inside", mode=0o2755)
    setflags(p, IMMUTABLE)


def attributes(m, p):
    os.setxattr(m.file(p), "user.note", b"v" * 200)


SPECIALS = (setuid, setgid, all_bits, group_only, version_2, version_3, bits_and_capability, several_names, names_and_capability,
            plain_names, with_acl, everything, immutable, append_only, both_flags, fifo, unix_socket, devices, symlink,
            symlink_with_capability, shared_directory, immutable_directory, attributes,
            # more of what is changed in several transactions of the disk
            version_2, version_3, bits_and_capability, version_2, setuid, version_3, names_and_capability)


def directory(m, path, mode=0o755):
    os.mkdir(path)
    m.own(path, mode)


def make_specials(m, number):
    made = 0
    while made < number:
        place = f"{m.top}/special {made // 60}"
        directory(m, place)
        for _ in range(60):
            make = SPECIALS[made % len(SPECIALS)]
            make(m, f"{place}/{make.__name__}-{made}")
            made += 1
    return made


def make_plain(m, number):
    """A third in one wide directory, which threads share; the rest in directories of root and of others, one of them deep."""
    directory(m, f"{m.top}/wide")
    for i in range(number // 3):
        m.file(f"{m.top}/wide/a file with a name {i:05}")
    place = m.top
    for i in range(number - number // 3):
        if i % 40 == 0:
            deep = i % 120 == 0 and len(place) < 2000
            place = f"{place if deep else m.top}/dir{i}"
            directory(m, place, 0o755 if i % 80 else 0o775)
        m.file(f"{place}/f{i}", b"%d" % i if i % 20 == 0 else b"")
    m.file(os.fsencode(m.top) + b"/not \xff utf-8\n")


def make_strange(m):
    """IDs that lie in the range already, in none, and on both sides of one inode."""
    place = f"{m.top}/strange"
    directory(m, place)
    for i in range(60):
        path = m.file(f"{place}/{i}", b"strange", (0o4755, 0o644, 0o2755)[i % 3])
        uid, gid = ((TARGET + 5, TARGET + 7), (0, TARGET + 9), (TARGET + 11, 33), (FAR, FAR + 1), (FAR, 5))[i % 5]
        os.chown(path, uid, gid)
        os.chmod(path, (0o4755, 0o644, 0o2755)[i % 3])
        if i % 4 == 0:
            os.setxattr(path, CAP, capability(2, (TARGET, 77, FAR)[i % 3]))
        if i % 4 == 1:
            os.setxattr(path, "system.posix_acl_access", acl({TARGET + i, 44}, {FAR}))


def make(top, base, specials, plain, strange):
    """Of the whole tree, top included."""
    m = Maker(top, base)
    directory(m, top)
    m.count = 0  # the topmost directory belongs to the first ID of the range
    os.chown(top, base, base)
    directory(m, f"{top}/links", 0o775)
    directory(m, f"{top}/more links")
    m.node(f"{top}/whiteout", stat.S_IFCHR, 0o000, 0)
    m.names(f"{top}/whiteout")
    make_specials(m, specials)
    make_plain(m, plain)
    if strange:
        make_strange(m)
