# SPDX-License-Identifier: Apache-2.0
"""What a Docker engine answers on its socket, for hosts that run none: read from standard input by a python3 that is called dockerd.

  HOST     the directory that is its root
  DATA     its data root, in the tree of the remapped user if there is one
  LISTENS  unix: /run/docker.sock, as usual; tcp: no unix socket; silent: connections are closed without an answer;
           broken: as unix, but what is asked for one container is an error; unseen: as unix, of a process that is no dockerd

Documents as dockerd has them (moby, api/swagger.yaml: SystemInfo, ImageSummary, ContainerSummary, VolumeListResponse, Network), of the
members that a client needs; volumes are those of the data root, containers those that it had at the start."""
import functools
import http.server
import json
import os
import socket
import socketserver

ROOT = os.environ["DATA"]
VERSION = "20.10.24"
LOADED = {}  # (config.v2.json, hostconfig.json) by ID


def read(path):
	with open(path, encoding="utf-8") as f:
		return json.load(f)


def load():
	for name in os.listdir(ROOT + "/containers"):
		LOADED[name] = [read(f"{ROOT}/containers/{name}/{file}") for file in ("config.v2.json", "hostconfig.json")]


def containers():
	for name in sorted(LOADED):
		config = LOADED[name][0]
		running = config["State"]["Running"]
		yield {"Id": name, "Names": [config["Name"]], "State": "running" if running else "exited", "Labels": {},
		       "ImageID": config.get("Image", "")}


def inspected(path):
	"""ContainerInspectResponse, ImageInspect"""
	_, kind, name, _ = path.split("/")
	if kind == "images":
		return {"Id": name, "Config": {"User": ""}}
	config, host = LOADED[name]
	return {"Id": name, "Name": config["Name"], "Image": config.get("Image", ""), "Driver": config["Driver"], "State": config["State"],
	        "Config": config.get("Config") or {}, "HostConfig": host, "Mounts": list((config.get("MountPoints") or {}).values())}


def volumes():
	there = os.path.isdir(ROOT + "/volumes")
	names = sorted(n for n in os.listdir(ROOT + "/volumes") if n != "metadata.db") if there else []
	return [{"Name": n, "Driver": "local", "Mountpoint": f"{ROOT}/volumes/{n}/_data", "Scope": "local", "Labels": {}, "Options": {}}
	        for n in names]


def info():
	return {"ID": "CASE", "ServerVersion": VERSION, "Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]],
	        "DockerRootDir": ROOT, "SecurityOptions": [], "Containers": len(list(containers())),
	        "Swarm": {"LocalNodeState": "active" if os.path.exists(ROOT + "/swarm/docker-state.json") else "inactive",
	                  "ControlAvailable": os.path.exists(ROOT + "/swarm/raft")}}


ANSWERS = {
	"/version": lambda: {"Version": VERSION, "ApiVersion": "1.41"},
	"/info": info,
	"/images/json": lambda: [{"Id": "sha256:" + "0" * 64, "RepoTags": ["web:1"], "Labels": {}}],
	"/containers/json": lambda: list(containers()),
	"/volumes": lambda: {"Volumes": volumes(), "Warnings": None},
	"/networks": lambda: [{"Name": n, "Scope": "local", "Labels": {}} for n in ("bridge", "host", "none")],
}


class Handler(http.server.BaseHTTPRequestHandler):
	protocol_version = "HTTP/1.1"

	def do_GET(self):
		path = self.path.split("?")[0]
		answer = ANSWERS.get(path)
		if path.endswith("/json") and (path.split("/")[2] in LOADED or path.startswith("/images/sha256:")):
			answer = functools.partial(inspected, path)
		status = 200 if answer else 404
		if path.startswith("/containers/") and path != "/containers/json" and os.environ["LISTENS"] == "broken":
			status, answer = 500, None
		text = json.dumps(answer() if answer else {"message": "page not found"}).encode()
		self.send_response(status)
		self.send_header("Content-Type", "application/json")
		self.send_header("Content-Length", str(len(text)))
		self.end_headers()
		self.wfile.write(text)

	def log_message(self, *_):
		pass


class Silent(socketserver.BaseRequestHandler):
	def handle(self):
		pass


class Server(socketserver.ThreadingUnixStreamServer):
	def get_request(self):
		return self.socket.accept()[0], ("client", 0)


def write(path, data):
	with open(path, "wb") as f:
		f.write(data)


def main():
	kind = os.environ["LISTENS"]
	os.chroot(os.environ["HOST"])
	os.chdir("/")
	write("/proc/self/comm", b"python3" if kind == "unseen" else b"dockerd")
	load()
	if kind == "tcp":
		server = socket.create_server(("", 2375))
	else:
		server = Server("/run/docker.sock", Silent if kind == "silent" else Handler)
	write("/run/docker.pid.new", str(os.getpid()).encode())
	os.rename("/run/docker.pid.new", "/run/docker.pid")
	if kind != "tcp":
		server.serve_forever()
	while True:
		server.accept()[0].close()


main()
