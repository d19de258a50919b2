# SPDX-License-Identifier: Apache-2.0
"""A volume plugin for the engine (docs.docker.com/engine/extend: legacy plugins, volume plugins): HTTP on a socket in
/run/docker/plugins, whose name is the driver's. A volume is a directory of that name on the shelf, which must be there already and
is neither made nor mounted. For the scripts that run inside a box."""

import http.server
import json
import os
import socketserver
import threading

SOCKETS = "/run/docker/plugins"
CONTENT = "application/vnd.docker.plugins.v1.1+json"


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _Handler(http.server.BaseHTTPRequestHandler):
    """One request a connection (HTTP/1.0), so that nothing is answered once the socket is closed."""

    def address_string(self):
        return "engine"

    def log_message(self, *_):
        pass

    def do_POST(self):  # pylint: disable=invalid-name
        length = int(self.headers.get("Content-Length") or 0)
        asked = json.loads(self.rfile.read(length) or b"{}")
        answer = json.dumps(self.server.shelf.answer(self.path, asked or {})).encode()
        self.send_response(200)
        self.send_header("Content-Type", CONTENT)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


class Shelf:
    """Answers from the beginning until close(), after which the driver is as if never installed."""

    def __init__(self, driver, place):
        self.place, self.volumes = place, set()
        self.path = f"{SOCKETS}/{driver}.sock"
        os.makedirs(SOCKETS, exist_ok=True)
        self.server = _Server(self.path, _Handler)
        self.server.shelf = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            os.unlink(self.path)
            self.server = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def described(self, name):
        return {"Name": name, "Mountpoint": f"{self.place}/{name}"}

    def answer(self, path, asked):
        verb, name = path.rpartition(".")[2], asked.get("Name", "")
        if path == "/Plugin.Activate":
            return {"Implements": ["VolumeDriver"]}
        if verb == "Capabilities":
            return {"Capabilities": {"Scope": "local"}}
        if verb == "List":
            return {"Volumes": [self.described(one) for one in sorted(self.volumes)], "Err": ""}
        if verb == "Create" and "/" not in name and os.path.isdir(f"{self.place}/{name}"):
            self.volumes.add(name)
        if name not in self.volumes:
            return {"Err": f"no such volume on the shelf: {name}"}
        if verb == "Remove":
            self.volumes.remove(name)
        if verb == "Get":
            return {"Volume": self.described(name), "Err": ""}
        return {"Mountpoint": f"{self.place}/{name}", "Err": ""} if verb in ("Mount", "Path") else {"Err": ""}
