# SPDX-License-Identifier: Apache-2.0
"""A private host for tests of the account files: namespaces of its own, a copy of /etc over /etc, memory over what else is written.
Its first process takes all others, and its mounts, with it."""

import json
import os
import re
import shutil
import subprocess

PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
PLACE = "/run/e2e"
TOOL = PLACE + "/usernsctl"
FILES = ("/etc/subuid", "/etc/subgid")
USERS = {"alice": 1000, "bob": 1001, "carol": 1002, "dave": 1003}
NAMESPACES = ["unshare", "-m", "-p", "-n", "-i", "-u", "--fork", "--kill-child", "--mount-proc"]


def is_possible():
    return os.geteuid() == 0 and subprocess.run([*NAMESPACES, "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0


def command(script, *args, limit):
    """What runs the script as the second process of a new host, to call make_host there; limit: seconds."""
    return ["timeout", "--signal=KILL", str(limit), *NAMESPACES, "sh", "-c", '"$@"; exit "$?"', "-", "/usr/bin/python3",
            os.path.abspath(script), *args]


def mount(*args):
    subprocess.run(["mount", *args], check=True)


def system_lines(path):
    """Of accounts below 1000, and nobody."""
    found = []
    for line in open(path):
        fields = line.split(":")
        if len(fields) > 2 and fields[2].isdigit() and (int(fields[2]) < 1000 or int(fields[2]) == 65534):
            found.append(line)
    return found


def write(path, text, mode=0o644):
    data = text if isinstance(text, bytes) else text.encode()
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def add_accounts(users):
    """By hand, so that they have no ranges."""
    with open("/etc/passwd", "a") as passwd, open("/etc/group", "a") as group, open("/etc/shadow", "a") as shadow, \
            open("/etc/gshadow", "a") as gshadow:
        for name, uid in users.items():
            passwd.write(f"{name}:x:{uid}:{uid}::/home/{name}:/bin/sh\n")
            group.write(f"{name}:x:{uid}:\n")
            shadow.write(f"{name}:!:19000:0:99999:7:::\n")
            gshadow.write(f"{name}:!::\n")


def make_accounts():
    for base, secret in (("passwd", "shadow"), ("group", "gshadow")):
        lines = system_lines("/etc/" + base)
        names = {line.split(":")[0] for line in lines}
        write("/etc/" + base, "".join(lines))
        kept = [line for line in open("/etc/" + secret) if line.split(":")[0] in names]
        write("/etc/" + secret, "".join(kept), 0o640)
    add_accounts(USERS)
    for name, uid in USERS.items():
        for path in ("/home/" + name, f"/run/user/{uid}"):
            os.makedirs(path)
            os.chmod(path, 0o700)
            os.chown(path, uid, uid)


def make_host(program):
    """Over everything that the programs write. Nothing is written before /etc is known to be another one."""
    before = os.stat("/etc")
    tool = read(program)
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
    os.mkdir("/run/etc")
    subprocess.run(["cp", "-a", "/etc/.", "/run/etc"], check=True)
    mount("--bind", "/run/etc", "/etc")
    after = os.stat("/etc")
    if (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino) or after.st_dev != os.stat("/run").st_dev:
        raise RuntimeError("/etc is not private")
    for path, mode in (("/tmp", "1777"), ("/home", "0755"), ("/var/lib", "0755"), ("/var/tmp", "1777")):
        mount("-t", "tmpfs", "-o", "mode=" + mode, "tmpfs", path)
    # as systemd leaves it; engines warn otherwise
    mount("--make-rshared", "/")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.makedirs(PLACE)
    write(TOOL, tool, 0o755)
    for left in os.listdir("/etc"):
        if re.match(r"(subuid|subgid)|.*\.lock$|.*-$|docker$|nsswitch", left):
            path = "/etc/" + left
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\ngshadow: files\n")
    make_accounts()
    subid("")
    os.chdir("/")


def subid(text, other=None):
    for path, content in zip(FILES, (text, text if other is None else other)):
        write(path, content)


def run(*command, user=None, timeout=30, env=None):
    """(exit status, stdout, stderr); a timeout is -1."""
    name = user or "root"
    uid = USERS.get(name, 0)
    home = "/root" if uid == 0 else "/home/" + name
    full = {"PATH": PATH, "LANG": "C.UTF-8", "USER": name, "LOGNAME": name, "HOME": home, **(env or {})}
    who = {}
    if user:
        full["XDG_RUNTIME_DIR"] = f"/run/user/{uid}"
        who = {"user": uid, "group": uid, "extra_groups": []}
    try:
        p = subprocess.run(command, env=full, timeout=timeout, stdin=subprocess.DEVNULL, capture_output=True, **who)
    except subprocess.TimeoutExpired as e:
        return -1, (e.stdout or b"").decode(errors="replace"), (e.stderr or b"").decode(errors="replace") + "\ntimeout"
    return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")


def tool(*args, **kwargs):
    return run(TOOL, *args, **kwargs)


def document(*args, **kwargs):
    """(exit status, the JSON document)."""
    status, out, err = tool("--json", *args, **kwargs)
    try:
        return status, json.loads(out)
    except ValueError:
        return status, {"unreadable": out, "stderr": err}
