# SPDX-License-Identifier: Apache-2.0
"""A file system in a loop device whose power can be cut: mounted, shut down without a flush of its log, mounted again."""

import ctypes
import errno
import fcntl
import os
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time

LOOP_CONFIGURE, LOOP_CTL_GET_FREE, LO_AUTOCLEAR = 0x4C0A, 0x4C82, 4
SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
MS_NOATIME, MS_REC, MS_PRIVATE, MNT_DETACH, CLONE_NEWNS = 1024, 16384, 1 << 18, 2, 0x20000
PATIENCE = 20  # seconds until a device is let go
# Small logs, so that copies are cheap; room for some ten thousand inodes.
MKFS = {"ext4": (96 << 20, ["mkfs.ext4", "-q", "-F", "-J", "size=8", "-N", "20000", "-E", "lazy_itable_init=0,nodiscard"]),
        "xfs": (320 << 20, ["mkfs.xfs", "-q", "-f", "-K", "-d", "agcount=2"]),
        "btrfs": (256 << 20, ["mkfs.btrfs", "-q", "-f", "-K", "-m", "single", "-d", "single"])}
# It has no FS_IOC_SHUTDOWN: the disk itself goes (cutdisk.c).
BY_DISK = {"btrfs"}

libc = ctypes.CDLL(None, use_errno=True)


class Impossible(Exception):
    """This machine cannot do it."""


def check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def go_private():
    """Mounts of this process are its own from now on, and go with it. -1 when that is refused."""
    if libc.unshare(CLONE_NEWNS):
        return -1
    return libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def build_cutdisk(directory):
    """The program; Impossible where it cannot be built."""
    program = directory + "/cutdisk"
    if not os.path.exists(program):
        if not all(map(shutil.which, ("cc", "pkg-config"))) or not os.path.exists("/dev/fuse"):
            raise Impossible("no compiler or no FUSE for a disk whose power can be cut")
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "fuse3"], capture_output=True, text=True, check=False)
        if flags.returncode:
            raise Impossible("no libfuse3 for a disk whose power can be cut")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cutdisk.c")
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program, source, *flags.stdout.split()], check=True)
    return program


class CutDisk:
    """A disk with a cache, as a file of a file system of its own."""

    def __init__(self, directory, image, seed):
        self.where = directory + "/cut"
        os.makedirs(self.where, exist_ok=True)
        self.process = subprocess.Popen([build_cutdisk(directory), image, str(seed), self.where], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)  # some of libfuse warn of their own defaults
        if self.process.stdout.read(1) != b"s":
            raise Impossible("a disk whose power can be cut does not start")
        self.path = self.where + "/disk"

    def cut(self):
        self.process.send_signal(signal.SIGUSR1)
        if self.process.stdout.read(1) != b"c":
            raise RuntimeError("the power of the disk could not be cut")

    def close(self):
        if self.process.poll() is None and libc.umount2(self.where.encode(), 0):
            libc.umount2(self.where.encode(), MNT_DETACH)
        self.process.wait(PATIENCE)
        self.process.stdout.close()


def attach(path):
    """A loop device that vanishes with its last user: (path, descriptor)."""
    backing = os.open(path, os.O_RDWR)
    control = os.open("/dev/loop-control", os.O_RDWR)
    info = struct.pack("<QQQQQIIII", 0, 0, 0, 0, 0, 0, 0, 0, LO_AUTOCLEAR) + bytes(64 + 64 + 32 + 16)
    try:
        for _ in range(100):
            name = f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}"
            fd = os.open(name, os.O_RDWR)
            try:
                fcntl.ioctl(fd, LOOP_CONFIGURE, struct.pack("<II", backing, 0) + info + bytes(64))
                return name, fd
            except OSError as e:  # another process was faster
                os.close(fd)
                if e.errno != errno.EBUSY:
                    raise
        raise Impossible("no loop device is free")
    finally:
        os.close(backing)
        os.close(control)


def data_in(fd):
    """The (start, end) of what is no hole in a sparse file."""
    at = 0
    while True:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
        except OSError as e:
            if e.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(fd, at, os.SEEK_HOLE)
        yield at, end
        at = end


def copy_data(source, target):
    """The data of a sparse file, and holes where it has holes: what an earlier round left in a journal must not be read again."""
    os.ftruncate(target, 0)
    os.ftruncate(target, os.fstat(source).st_size)
    for at, end in data_in(source):
        while at < end:
            data = os.pread(source, min(end - at, 1 << 20), at)
            os.pwrite(target, data, at)
            at += len(data)


class Disk:
    """One image, a template that it is reset to, and where it is mounted."""

    def __init__(self, directory, kind):
        self.kind, self.directory = kind, directory
        self.template, self.image, self.top = (f"{directory}/{n}" for n in ("template", "image", "mnt"))
        self.device = self.power = None
        self.seed = random.randrange(1 << 30)
        os.makedirs(self.top, exist_ok=True)

    def make(self, fill):
        """A new file system; fill gets its directory. What it leaves is the template."""
        size, command = MKFS[self.kind]
        with open(self.image, "wb") as f:
            f.truncate(size)
        if shutil.which(command[0]) is None:
            raise Impossible(f"{command[0]} is not there")
        subprocess.run([*command, self.image], check=True, stdout=subprocess.DEVNULL)
        self.mount()
        fill(self.top)
        self.unmount()
        subprocess.run(["cp", "--sparse=always", self.image, self.template], check=True)

    def reset(self, template=None):
        with open(template or self.template, "rb") as source, open(self.image, "r+b") as target:
            copy_data(source.fileno(), target.fileno())

    def mount(self):
        if self.kind in BY_DISK:
            self.seed += 1
            self.power = CutDisk(self.directory, self.image, self.seed)
        device, fd = attach(self.power.path if self.power else self.image)
        try:
            check(libc.mount(device.encode(), self.top.encode(), self.kind.encode(), MS_NOATIME, None), f"mount {self.kind}")
            if self.kind == "ext4":  # its inodes are read block by block otherwise, each with a wait
                with open(self.image, "rb") as image:
                    for start, end in data_in(image.fileno()):
                        os.posix_fadvise(fd, start, end - start, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(fd)
        self.device = device

    def unmount(self):
        """Returns when the device is free, so that the image is nobody else's."""
        check(libc.umount2(self.top.encode(), 0), f"umount {self.top}")
        self.wait_until_free(self.power.path if self.power else self.image)
        if self.power:
            self.power.close()
        self.power = None

    def wait_until_free(self, file):
        end = time.monotonic() + PATIENCE
        backing = f"/sys/block/{os.path.basename(self.device)}/loop/backing_file"
        self.device = None
        while time.monotonic() < end:
            try:
                with open(backing) as f:
                    if not f.read().startswith(file):
                        return
            except OSError:
                return
            time.sleep(0.001)
        raise RuntimeError(f"{file} is in use still")

    def cut(self, fd):
        """The power goes: what is not on the disk is lost. fd: of anything on the file system."""
        if self.power:
            self.power.cut()
            return
        fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))

    def again(self):
        """As a machine that comes up."""
        self.unmount()
        self.mount()

    def close(self):
        libc.umount2(self.top.encode(), MNT_DETACH)  # also when it was ended between two steps
        if self.power:
            self.power.close()
        self.device = self.power = None


def scratch():
    """A directory, in memory where there is room."""
    for place in ("/dev/shm", os.environ.get("TMPDIR", "/var/tmp")):
        if os.access(place, os.W_OK) and shutil.disk_usage(place).free > 600 << 20:
            return tempfile.mkdtemp(prefix="usernsctl-power-", dir=place)
    raise Impossible("no room for a file system of 320 MiB")


def probe(kind, directory):
    """Raises Impossible, with the reason, where power cannot be cut."""
    disk = Disk(directory, kind)
    try:
        disk.make(lambda top: None)
        disk.mount()
        fd = os.open(disk.top, os.O_RDONLY)
        try:
            disk.cut(fd)
        finally:
            os.close(fd)
        disk.unmount()
    except OSError as e:
        raise Impossible(f"{kind} in a loop device cannot be cut off: {e}") from e
    finally:
        disk.close()
