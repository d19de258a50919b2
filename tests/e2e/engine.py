# SPDX-License-Identifier: Apache-2.0
"""The engine's API over its socket, and where its data lies. For the scripts that run inside a box."""

import http.client
import json
import re
import socket
import subprocess


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    def __init__(self, path="/run/docker.sock"):
        self.path = path

    def open(self, url):
        """The response, to be read as a stream."""
        connection = _Connection(self.path)
        connection.request("GET", url)
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"GET {url}: {response.status} {response.read()!r}")
        return response

    def get(self, url):
        with self.open(url) as response:
            return response.read()

    def json(self, url):
        return json.loads(self.get(url))


class Place:
    """The data root in use, and the map that takes its IDs home."""

    def __init__(self, engine):
        info = engine.json("/info")
        self.driver = info["Driver"]
        self.dir = info["DockerRootDir"]
        self.userns = "name=userns" in info["SecurityOptions"]
        found = re.fullmatch(r"(.*)/(\d+)\.(\d+)", self.dir)
        self.root = found[1] if found else self.dir
        self.uid = int(found[2]) if found else 0
        self.gid = int(found[3]) if found else 0
        self.uids = _count("/etc/subuid", self.uid) if found else 0
        self.gids = _count("/etc/subgid", self.gid) if found else 0

    def home_uid(self, uid):
        return _home(uid, self.uid, self.uids)

    def home_gid(self, gid):
        return _home(gid, self.gid, self.gids)


def _count(path, start):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            _, first, count = line.strip().split(":")
            if int(first) == start:
                return int(count)
    raise RuntimeError(f"{path} has no range that starts at {start}")


def _home(number, start, count):
    """An ID of the range goes home; one that no container could see in a remapped tree is told apart."""
    if start == 0:
        return number
    if start <= number < start + count:
        return number - start
    return f"host {number}"


def docker(*args, **more):
    """The client's output; a failure carries what it said."""
    done = subprocess.run(("docker",) + args, capture_output=True, text=True, errors="surrogateescape", check=False, **more)
    if done.returncode != 0:
        raise RuntimeError(f"docker {' '.join(args)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()
