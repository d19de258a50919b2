#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Others on the machine, who make the file system commit: by syncing all of it, or one file of their own, which takes along what
others have changed, but not what they have only written.   committer.py DIRECTORY: both in turns, until it is ended"""

import ctypes
import os
import sys
import threading

libc = ctypes.CDLL(None, use_errno=True)


class Committer(threading.Thread):
    """how: "none", "all", "file" or "both"."""

    def __init__(self, top, how, pause):
        super().__init__()
        self.how, self.pause, self.over = how, pause, threading.Event()
        self.dir = os.open(top, os.O_RDONLY)
        self.file = os.open(f"{top}/other", os.O_RDWR | os.O_CREAT, 0o644)

    def run(self):
        n = 0
        while self.how != "none" and not self.over.wait(self.pause):
            n += 1
            try:
                if self.how == "file" or (self.how == "both" and n % 2):
                    os.pwrite(self.file, b"%d" % n, 0)
                    os.fsync(self.file)
                elif libc.syncfs(self.dir):
                    return
            except OSError:
                return  # the power is off

    def end(self):
        self.over.set()
        self.join()
        os.close(self.file)
        os.close(self.dir)


if __name__ == "__main__":
    others = Committer(sys.argv[1], "both", 0.001)
    print("READY", flush=True)
    others.run()
