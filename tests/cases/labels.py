#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""labels.py FILE NAME LABEL=VALUE: volumes/metadata.db as an engine leaves it, with one volume that has one label.

A database of bbolt, in this machine's byte order: two meta pages, a free list, and a leaf with the bucket "volumes" inside it. Its
record is what the engine writes (moby, volume/service/db.go, volumeMetadata)."""
import json
import struct
import sys

SIZE, BRANCH_BUCKET, LEAF, META, FREELIST = 4096, 1, 2, 4, 16


def page(number, flags, count, body):
	return (struct.pack("=QHHI", number, flags, count, 0) + body).ljust(SIZE, b"\0")


def leaf(flags, key, value):
	"""The body of a leaf of one element, which begins right behind it."""
	return struct.pack("=IIII", flags, 16, len(key), len(value)) + key + value


def meta(number):
	text = struct.pack("=IIIIQQQQQ", 0xED0CDAED, 2, SIZE, 0, 3, 0, 2, 4, number)
	total = 14695981039346656037
	for byte in text:
		total = (total ^ byte) * 1099511628211 % 2**64
	return page(number, META, 0, text + struct.pack("=Q", total))


def main():
	path, name, label = sys.argv[1:]
	key, value = label.split("=", 1)
	record = {"Name": name, "Driver": "local", "Labels": {key: value}, "Options": None}
	inline = struct.pack("=QHHI", 0, LEAF, 1, 0) + leaf(0, name.encode(), json.dumps(record).encode())
	bucket = leaf(BRANCH_BUCKET, b"volumes", struct.pack("=QQ", 0, 0) + inline)
	with open(path, "wb") as f:
		f.write(meta(0) + meta(1) + page(2, FREELIST, 0, b"") + page(3, LEAF, 1, bucket))


main()
