# SPDX-License-Identifier: Apache-2.0
"""Machines: a Debian release with systemd as process 1 and docker.io, booted by systemd-nspawn from an image that mmdebstrap made.

All of it lives below one process (confined) that has mounts, process numbers and a control group of its own: whatever way that
process ends, the kernel ends all others with it and takes the mounts along, so that only files and empty control groups are left to
remove. The host needs neither systemd nor D-Bus.
"""

import contextlib
import ctypes
import fcntl
import glob
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
RELEASES = ("bookworm", "trixie", "sid")
CGROUP = "/sys/fs/cgroup"
NEEDED = ("mmdebstrap", "systemd-nspawn", "unshare", "nsenter", "mount", "busybox", "apt-get", "ldd")
PACKAGES = ("systemd-sysv", "dbus", "docker.io", "iproute2", "iptables", "passwd", "adduser", "procps", "libcap2-bin",
            "libjansson4", "libcurl4")
HOOKS = ()  # further arguments of mmdebstrap: an image of another kind is another image
IMAGE_DAYS = 14  # older ones are made anew, where the mirror can be reached
BUILD_LIMIT = 600
BOOT_LIMIT = 60
STOP_LIMIT = 90


class Unable(Exception):
    """A machine cannot be had here. That says nothing about usernsctl."""


def text_of(raw):
    return (raw or b"").decode(errors="replace")


def last_lines(text, n):
    return "\n".join(text.rstrip().splitlines()[-n:])


# ---- what this host can do ----


def cgroup2():
    """Where it is mounted."""
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        for line in f:
            fields = line.split()
            if fields[fields.index("-") + 1] == "cgroup2":
                return fields[4]
    raise Unable("no cgroup2 is mounted")


def look_for_needs(cache):
    if os.geteuid() != 0:
        raise Unable("not root")
    if cache.startswith("/run/"):
        raise Unable("machines cannot live below /run")
    missing = [p for p in NEEDED if not shutil.which(p, path=PATH)]
    if missing:
        raise Unable("not installed: " + ", ".join(missing))
    cgroup2()
    p = subprocess.run([*confinement(), "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if p.returncode != 0:
        raise Unable("no namespaces: " + last_lines(text_of(p.stderr), 1))


# ---- confinement ----


def end_with_parent(number):
    """For preexec_fn: the signal comes when who starts us ends, also when that is killed."""
    ctypes.CDLL(None).prctl(1, number)  # PR_SET_PDEATHSIG


def confinement():
    return ["unshare", "--mount", "--pid", "--ipc", "--cgroup", "--fork", "--kill-child", "--mount-proc"]


def remove_cgroup(path):
    for here, _, _ in os.walk(path, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(here)


def kill_cgroup(path, limit=30):
    """SIGKILL to all that is in it and below, and the wait for their end. Processes in uninterruptible sleep take their time."""
    deadline = time.monotonic() + limit
    while os.path.isdir(path):
        with open(path + "/cgroup.events", encoding="ascii") as f:
            if "populated 0" in f.read():
                return
        if os.path.exists(path + "/cgroup.kill"):
            with open(path + "/cgroup.kill", "w", encoding="ascii") as f:
                f.write("1")
        else:
            for procs in glob.glob(path + "/**/cgroup.procs", recursive=True):
                for pid in open(procs, encoding="ascii").read().split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
        if time.monotonic() > deadline:
            raise Unable(f"processes in {path} do not end")
        time.sleep(0.01)


@contextlib.contextmanager
def confined(name, command):
    """Runs command below a control group and namespaces of its own. Yields its process, with a pipe from its output."""
    group = os.path.join(cgroup2(), name)

    def enter():
        end_with_parent(signal.SIGKILL)
        with open(group + "/cgroup.procs", "w", encoding="ascii") as f:
            f.write("0")

    try:
        os.mkdir(group)
        # Its own session: what a terminal sends goes to us, and we end it.
        p = subprocess.Popen([*confinement(), *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             start_new_session=True, preexec_fn=enter)
    except (OSError, subprocess.SubprocessError) as e:
        remove_cgroup(group)
        raise Unable(f"no control group {group}: {e}") from e
    try:
        yield p
    finally:
        p.kill()
        p.wait()
        kill_cgroup(group)
        remove_cgroup(group)
        p.stdout.close()


def be_confined():
    """The first thing that a confined process does. A later mount hides those of a host that has cgroup v1 too, so that
    systemd-nspawn sees one hierarchy."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "cgroup2", "cgroup2", CGROUP], check=True)
    # systemd-nspawn leaves directories there.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"], check=True)


@contextlib.contextmanager
def run_directory(cache):
    """A directory of this run, which is locked as long as it lasts. What a run left that was killed is taken away first."""
    for left in glob.glob(cache + "/run-*"):
        with contextlib.suppress(OSError), open(left + "/lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_run(left)
    here = f"{cache}/run-{os.getpid()}"
    os.mkdir(here)
    try:
        with open(here + "/lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield here
    finally:
        remove_run(here)


def remove_run(here):
    for group in glob.glob(f"{cgroup2()}/{group_name(here, '*')}"):
        kill_cgroup(group)
        remove_cgroup(group)
    shutil.rmtree(here)


def group_name(run, what):
    """Of the control group for a part of a run."""
    return f"usernsctl-{os.path.basename(run)}-{what}"


# ---- images ----


def mirror():
    """The one of Debian that this host is configured for, not of its updates of security or of somebody else."""
    p = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"],
                       capture_output=True, check=False)
    found = text_of(p.stdout).split()
    if not found:
        raise Unable("no Debian mirror is configured, or apt-get update was never run")
    return found[0]


def packages(release):
    # Ansible runs its modules with the Python of the host.
    return ",".join((*PACKAGES, "python3") if release == "bookworm" else (*PACKAGES, "docker-cli"))


def recipe(release, target):
    return ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--include=" + packages(release),
            "--aptopt=APT::Install-Recommends \"0\"", "--aptopt=Acquire::Check-Valid-Until \"false\"", "--dpkgopt=force-unsafe-io",
            "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*", *HOOKS, release, target]


def image_path(cache, release):
    key = hashlib.sha256("\0".join(recipe(release, "")).encode()).hexdigest()[:8]
    return os.path.join(cache, f"{release}-{key}")


def is_fresh(image):
    return os.path.isdir(image) and time.time() - os.stat(image).st_mtime < IMAGE_DAYS * 86400


def build(release, target, name):
    # What it mounts in the tree is its own, and gone with it.
    with confined(name, [*recipe(release, target), mirror()]) as p:
        timer = time.monotonic()
        try:
            output, _ = p.communicate(timeout=BUILD_LIMIT)
        except subprocess.TimeoutExpired:
            raise Unable(f"mmdebstrap {release} takes longer than {BUILD_LIMIT} s") from None
    if p.returncode != 0:
        said = [line for line in text_of(output).splitlines() if line.startswith(("Err:", "E: "))]
        raise Unable(f"mmdebstrap {release} fails: " + "; ".join(said[:4]))
    return time.monotonic() - timer


def have_image(cache, release, name):
    """Makes it unless it is there. Returns its path and how long that took."""
    os.makedirs(cache, mode=0o700, exist_ok=True)
    image = image_path(cache, release)
    with open(image + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_fresh(image):
            return image, 0
        new = image + ".new"
        try:
            shutil.rmtree(new, ignore_errors=True)
            took = build(release, new, name)
            shutil.rmtree(image, ignore_errors=True)
            os.rename(new, image)
            os.utime(image)
            return image, took
        except Unable:
            if os.path.isdir(image):  # an old one is better than none
                return image, 0
            raise
        finally:
            shutil.rmtree(new, ignore_errors=True)


# ---- machines ----


def libraries_for(program, root):
    """Those of the program that the release does not have (libsubid's version differs), from this host."""
    shutil.copy(program, root + "/usr/sbin/usernsctl")
    lent = root + "/usr/local/lib/lent"
    os.makedirs(lent, exist_ok=True)
    own = {line.split()[0]: line.split()[2] for line in text_of(subprocess.run(["ldd", program], capture_output=True,
                                                                             check=False).stdout).splitlines() if "=> /" in line}
    for _ in range(10):
        p = subprocess.run(["chroot", root, "env", "LD_LIBRARY_PATH=/usr/local/lib/lent", "ldd", "/usr/sbin/usernsctl"],
                           capture_output=True, check=False)
        missing = [line.split()[0] for line in text_of(p.stdout).splitlines() if line.endswith("=> not found")]
        for name in missing:
            if name not in own:
                raise Unable(f"usernsctl needs {name}")
            shutil.copy(own[name], os.path.join(lent, name))
        if not missing:
            break
    with open(root + "/etc/ld.so.conf.d/zz-lent.conf", "w", encoding="ascii") as f:
        f.write("/usr/local/lib/lent\n")
    subprocess.run(["chroot", root, "ldconfig"], check=True)
    p = subprocess.run(["chroot", root, "usernsctl", "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if p.returncode != 0:
        raise Unable("a program built here does not run in this release: " + last_lines(text_of(p.stdout), 1))


class Machine:
    """One disk, and the machine that boots from it. Confined processes only."""

    count = 0

    def __init__(self, image, directory, program, origin=None):
        """origin: the disk of another one that is copied."""
        Machine.count += 1
        self.name = f"machine{Machine.count}"
        self.disk = f"{directory}/{self.name}"
        self.root = self.disk + "/root"
        self.group = f"{CGROUP}/{self.name}"
        self.log = f"{directory}/{self.name}.log"
        self.nspawn = self.leader = None
        if origin:
            subprocess.run(["cp", "-a", "--one-file-system", "--reflink=auto", origin.disk, self.disk], check=True)
        for part in ("root", "upper", "work", "docker", "containerd"):
            os.makedirs(f"{self.disk}/{part}", exist_ok=True)
        p = subprocess.run(["mount", "-t", "overlay", "overlay", self.root, "-o",
                            f"lowerdir={image},upperdir={self.disk}/upper,workdir={self.disk}/work"],
                           capture_output=True, check=False)
        if p.returncode != 0:
            raise Unable("no overlay on the file system of the machines: " + last_lines(text_of(p.stderr), 1))
        if not origin:
            libraries_for(program, self.root)
            with open(self.root + "/etc/hostname", "w", encoding="ascii") as f:
                f.write("machine\n")

    def discard(self):
        self.crash()
        subprocess.run(["umount", "--lazy", self.root], check=True)
        shutil.rmtree(self.disk)

    # -- life --

    def spawn(self):
        os.mkdir(self.group)

        def enter():
            with open(self.group + "/cgroup.procs", "w", encoding="ascii") as f:
                f.write("0")

        # The data of an engine must not lie on an overlay.
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--machine=" + self.name,
                   "--directory=" + self.root, f"--bind={self.disk}/docker:/var/lib/docker",
                   f"--bind={self.disk}/containerd:/var/lib/containerd", "--console=pipe", "--capability=all", "--private-network",
                   "--system-call-filter=add_key keyctl bpf", "--resolv-conf=off", "--timezone=off", "--link-journal=no"]
        env = {"PATH": PATH, "LANG": "C.UTF-8", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1",
               "SYSTEMD_NSPAWN_LOCK": "0"}
        with open(self.log, "wb") as log:
            self.nspawn = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           start_new_session=True, preexec_fn=enter)

    def find_leader(self):
        """The child of systemd-nspawn that has become the machine's process 1."""
        for stat in glob.glob("/proc/[0-9]*/stat"):
            with contextlib.suppress(OSError):
                with open(stat, encoding="utf-8", errors="replace") as f:
                    pid, rest = f.read().split(" ", 1)
                comm, rest = rest.rsplit(") ", 1)
                if comm == "(systemd" and int(rest.split()[1]) == self.nspawn.pid:
                    return pid
        return None

    def state(self):
        return self.run("systemctl", "is-system-running", timeout=10)[1].strip() if self.leader else ""

    def wait_up(self):
        """What is wrong, or None."""
        deadline = time.monotonic() + BOOT_LIMIT
        while time.monotonic() < deadline:
            if self.nspawn.poll() is not None:
                return f"systemd-nspawn ended with {self.nspawn.returncode}"
            self.leader = self.leader or self.find_leader()
            if self.state() in ("running", "degraded"):
                return None
            time.sleep(0.05)
        return f"not up after {BOOT_LIMIT} s: " + (f"systemd says {self.state()!r}" if self.leader else "no process 1")

    def diagnosis(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            said = ["-- systemd-nspawn", *f.read().splitlines()[-15:]]
        if self.leader and self.nspawn.poll() is None:
            for what in (["systemctl", "list-jobs", "--no-pager"],
                         ["systemctl", "--failed", "--no-pager", "--plain", "--no-legend"],
                         ["journalctl", "--boot", "--lines=15", "--no-pager", "--output=short-monotonic"]):
                said += ["-- " + " ".join(what), *self.run(*what, timeout=10)[1].splitlines()]
        return said

    def boot(self):
        """A second try, for there are hosts that are too busy for the first. A machine that has booted before and answers, but has
        jobs that do not end, is a result and none of the host's troubles: RuntimeError."""
        for attempt in (1, 2):
            self.spawn()
            wrong = self.wait_up()
            if not wrong:
                return
            why, answers = self.diagnosis(), self.state() == "starting"
            for line in [f"# attempt {attempt}: {wrong}", *("#   " + line for line in why)]:
                print(line, flush=True)
            self.crash()
        raise (RuntimeError if answers else Unable)("the machine does not boot: " + wrong)

    def crash(self):
        """All its processes end at once. What is on the disk stays."""
        if self.nspawn is None:
            return
        kill_cgroup(self.group)
        self.nspawn.wait()
        remove_cgroup(self.group)
        self.nspawn = self.leader = None

    def power_off(self):
        """By its own systemd; what does not end then is ended."""
        self.run("systemctl", "--no-block", "poweroff")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.nspawn.wait(timeout=STOP_LIMIT)
        clean = self.nspawn.poll() == 0
        self.crash()
        return clean

    # -- what is done in it --

    def enter(self, *command):
        """The command that runs this one in the machine."""
        return ["nsenter", "-a", "-t", self.leader, "env", "-i", "PATH=" + PATH, "HOME=/root", "TERM=dumb", "LANG=C.UTF-8",
                *command]

    def run(self, *command, timeout=120, stdin=None):
        """(exit status, what it said); a timeout is -1."""
        given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        try:
            p = subprocess.run(self.enter(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, check=False,
                               **given)
        except subprocess.TimeoutExpired as e:
            return -1, text_of(e.stdout) + f"\n(not ended after {timeout} s)"
        return p.returncode, text_of(p.stdout)


def end_on_signals():
    """Every way out goes through the cleaning."""
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda number, _: sys.exit(128 + number))
