#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""remote.py DIR POINT [NAME]: shows the tree DIR, read-only, through FUSE on POINT, as a program or a server far away does. What has the
name cannot be read (EIO). Ends with the mount.

The protocol is that of include/uapi/linux/fuse.h, version 7.31; what is not known here is answered with ENOSYS, which the kernel
remembers and asks no more."""
import ctypes
import errno
import os
import stat
import struct
import sys

LOOKUP, FORGET, GETATTR, READLINK, OPEN, READ, STATFS, RELEASE, INIT, OPENDIR, READDIR, RELEASEDIR, BATCH_FORGET = (
	1, 2, 3, 5, 14, 15, 17, 18, 26, 27, 28, 29, 42)
IN, ROOT, MINOR = 40, 1, 31
FOREVER = 3600


class Tree:
	"""Numbers for paths; what is said of each."""

	def __init__(self, path, broken):
		self.broken = broken
		self.paths = {ROOT: path}
		self.numbers = {path: ROOT}

	def number(self, path):
		number = self.numbers.setdefault(path, len(self.numbers) + 1)
		self.paths[number] = path
		return number

	def attributes(self, path):
		st = os.lstat(path)
		return struct.pack("=6Q3I7I", st.st_ino, st.st_size, st.st_blocks, int(st.st_atime), int(st.st_mtime), int(st.st_ctime),
		                   0, 0, 0, st.st_mode, st.st_nlink, st.st_uid, st.st_gid, st.st_rdev, 4096, 0)

	def lookup(self, path, body):
		name = os.fsdecode(body.rstrip(bytes(1)))
		if name == self.broken:
			raise OSError(errno.EIO, name)
		below = f"{path}/{name}"
		attributes = self.attributes(below)
		return struct.pack("=4QII", self.number(below), 0, FOREVER, FOREVER, 0, 0) + attributes

	def getattr(self, path, _):
		return struct.pack("=QII", FOREVER, 0, 0) + self.attributes(path)

	def readlink(self, path, _):
		return os.fsencode(os.readlink(path))

	def open(self, _path, _body):
		return bytes(16)

	def read(self, path, body):
		_, at, size = struct.unpack_from("=QQI", body)
		with open(path, "rb") as f:
			f.seek(at)
			return f.read(size)

	def readdir(self, path, body):
		_, at, size = struct.unpack_from("=QQI", body)
		answer = b""
		for n, entry in enumerate(sorted(os.listdir(path))[at:], at + 1):
			name = os.fsencode(entry)
			st = os.lstat(f"{path}/{entry}")
			one = struct.pack("=QQII", st.st_ino, n, len(name), stat.S_IFMT(st.st_mode) >> 12) + name
			one += bytes(-len(one) % 8)
			if len(answer) + len(one) > size:
				break
			answer += one
		return answer

	def statfs(self, path, _):
		st = os.statvfs(path)
		return struct.pack("=5Q4I24x", st.f_blocks, st.f_bfree, st.f_bavail, st.f_files, st.f_ffree, st.f_bsize, st.f_namemax, st.f_frsize, 0)

	def init(self, _path, _body):
		return struct.pack("=4IHHIIHHII24x", 7, MINOR, 0, 0, 0, 0, 4096, 1, 0, 0, 0, 0)


ANSWERS = {LOOKUP: Tree.lookup, GETATTR: Tree.getattr, READLINK: Tree.readlink, OPEN: Tree.open, READ: Tree.read, STATFS: Tree.statfs,
           RELEASE: lambda *_: b"", INIT: Tree.init, OPENDIR: Tree.open, READDIR: Tree.readdir, RELEASEDIR: lambda *_: b""}


def answer(tree, opcode, number, body):
	"""(error, what is sent)"""
	if opcode not in ANSWERS:
		return errno.ENOSYS, b""
	try:
		return 0, ANSWERS[opcode](tree, tree.paths.get(number, ""), body)
	except OSError as e:
		return e.errno, b""


def serve(tree, fd):
	while True:
		try:
			request = os.read(fd, 1 << 17)
		except OSError as e:
			if e.errno == errno.ENODEV:
				return
			if e.errno in (errno.EINTR, errno.ENOENT):
				continue
			raise
		_, opcode, unique, number = struct.unpack_from("=IIQQ", request)
		if opcode in (FORGET, BATCH_FORGET):
			continue
		error, data = answer(tree, opcode, number, request[IN:])
		os.write(fd, struct.pack("=IiQ", 16 + len(data), -error, unique) + data)


def main():
	directory, point, broken = (*sys.argv[1:], None)[:3]
	fd = os.open("/dev/fuse", os.O_RDWR)
	mode = os.stat(directory).st_mode
	libc = ctypes.CDLL(None, use_errno=True)
	options = f"fd={fd},rootmode={mode:o},user_id=0,group_id=0,allow_other"
	if libc.mount(b"remote", point.encode(), b"fuse", 0, options.encode()):
		sys.exit(f"mount {point}: {os.strerror(ctypes.get_errno())}")
	serve(Tree(directory, broken), fd)


main()
