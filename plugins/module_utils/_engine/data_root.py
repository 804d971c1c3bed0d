# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Moving the data root of a Docker engine, so that a kill or a power cut at any instant loses nothing.

The rule behind every step: at each instant exactly one directory is the engine's data, it is whole, and the engine's
configuration names it. So a host that is started again in the middle has its engine on that data, and the next run
reads the journal and goes on or begins the copy's last pass anew.

  copy    engine stopped; FROM is copied beside TO, compared, renamed to TO; then one rename of daemon.json switches
  rename  on one filesystem: TO becomes a link to FROM, daemon.json is switched, then the kernel exchanges link and
          directory in one step (renameat2)

Everything here takes a Host, so that it can be tried without an engine.
"""
import contextlib
import ctypes
import datetime
import errno
import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time

from ansible_collections.fay.rancher.plugins.module_utils._files import existing_parent, make_directories, set_context, write_atomically

DEFAULT_ROOT = "/var/lib/docker"  # dockerd --data-root, docs.docker.com/reference/cli/dockerd
STATE = "/var/lib/fay-rancher"
BESIDE = ".fay-moving"  # what an unfinished copy is called: TO.fay-moving
MARKER = ".fay-moving"  # the same for a TO that is a mount point: a file in it
DROP_IN = "90-fay-data-root.conf"
SYSTEM_DIRECTORIES = ("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc",
                      "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var", "/var/lib", "/var/run")
# Where overlay2 cannot keep its layers: kernel Documentation/filesystems/overlayfs.rst, "upper must support xattr and
# give valid d_type"; docs.docker.com/engine/storage/drivers/overlayfs-driver.
UNFIT = ("nfs", "nfs4", "cifs", "smb3", "overlay", "aufs", "ecryptfs", "vfat", "exfat", "ntfs", "9p", "tmpfs", "ramfs")
FLAG = re.compile(r"""\s+(?:(?:--data-root|--graph|-g)(?:=|\s+)|-g(?=/))("[^"]*"|'[^']*'|\S+)""")
MARGIN = 1.1  # of what the data takes now
CONTAINER_FORMAT = ('{{.Id}}|{{.State.Status}}|{{.HostConfig.RestartPolicy.Name}}|{{.HostConfig.AutoRemove}}|'
                    '{{index .Config.Labels "com.docker.swarm.task.id"}}|{{range .Mounts}}{{.Name}} {{end}}')
RENAME_EXCHANGE = 2  # linux/fs.h
KILLED = ("12", "20", "130", "137", "143")  # exit codes of an rsync that was killed, or its other half: rsync(1), sh(1)
KILLED_OFTEN = 3
STOP_OFTEN = 5
POLL_SECONDS = 0.5
RELOAD_SECONDS = 30
RESTART_SECONDS = 120  # for containers with a restart policy: the engine waits up to a minute between its tries


class DataRootError(Exception):
    """Says what the host has, what was expected, and what to do."""


# ---- the configuration

def without_root(command):
    """(an ExecStart command without --data-root, --graph and -g, the last root that it had or None)."""
    found = FLAG.findall(command)
    return FLAG.sub("", command), (found[-1].strip("'\"") if found else None)


def exec_start(unit):
    """The ExecStart command that counts in the text of `systemctl cat`, in one line; None where there is none.

    An empty `ExecStart=` forgets those before it: systemd.service(5).
    """
    command = None
    for line in re.sub(r"\s*\\\n\s*", " ", unit).splitlines():
        match = re.match(r"\s*ExecStart\s*=\s*(.*?)\s*$", line)
        if match:
            command = match.group(1) or None
    return command


def environment_files(unit):
    """Paths of the EnvironmentFile= lines in the text of `systemctl cat`."""
    return [path.lstrip("-") for path in re.findall(r"^\s*EnvironmentFile\s*=\s*(\S+)", unit, re.M)]


def expand(command, variables):
    """A command with the $NAME and ${NAME} of `variables` ({name: text}) put in where they carry a root."""
    for name, text in variables.items():
        if FLAG.search(" " + text):
            command = re.sub(r"\$\{%s\}|\$%s\b" % (name, name), lambda match, text=text: text, command)
    return command


def parse_environment(text):
    """{name: value} of an EnvironmentFile: systemd.exec(5)."""
    found = {}
    for line in text.splitlines():
        match = re.match(r"\s*([A-Za-z_]\w*)=(.*?)\s*$", line)
        if match:
            try:
                found[match.group(1)] = " ".join(shlex.split(match.group(2)))
            except ValueError:
                found[match.group(1)] = match.group(2)
    return found


def parse_options(text):
    """daemon.json as a dict; raises DataRootError for what is no JSON object."""
    if not text.strip():
        return {}
    try:
        options = json.loads(text)
    except ValueError as error:
        raise DataRootError("/etc/docker/daemon.json is not valid JSON (%s). The engine would not start with it: "
                            "correct it" % error)
    if not isinstance(options, dict):
        raise DataRootError("/etc/docker/daemon.json must hold a JSON object, it holds a %s" % type(options).__name__)
    return options


def render_options(options):
    return json.dumps(options, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


# ---- the files

def inside(path, other):
    """Whether `path` is `other` or lies in it."""
    return (path.rstrip("/") + "/").startswith(other.rstrip("/") + "/")


def check_paths(source, target):
    """Raise DataRootError for a target that cannot be the data root; both are absolute."""
    if not target.startswith("/") or os.path.normpath(target) != target.rstrip("/") or target in SYSTEM_DIRECTORIES:
        raise DataRootError("The data root %r cannot be: it must be an absolute path without `.` and `..`, and no "
                            "directory of the system" % target)
    here, there = os.path.realpath(source), os.path.realpath(target)
    if here != there and (inside(here, there) or inside(there, here)):
        raise DataRootError("The engine's data is at %s and cannot move to %s: one lies in the other. Choose a path "
                            "beside it" % (here, there))


def measure(root):
    """(bytes on disk, entries) of an engine's data; a file with several links counts once."""
    size, entries, seen = 0, 0, set()
    for folder, directories, files in os.walk(root):
        if folder == root:
            directories[:] = [name for name in directories if name != "lost+found"]
            files = [name for name in files if name != MARKER]
        for name in directories + files:
            try:
                found = os.lstat(os.path.join(folder, name))
            except OSError:  # gone meanwhile
                continue
            entries += 1
            if found.st_nlink > 1 and not os.path.isdir(os.path.join(folder, name)):
                if (found.st_dev, found.st_ino) in seen:
                    continue
                seen.add((found.st_dev, found.st_ino))
            size += found.st_blocks * 512
    return size, entries


def mounts():
    """[(mount point, type)] from /proc/self/mountinfo: proc(5)."""
    found = []
    with open("/proc/self/mountinfo") as source:
        for line in source:
            before, after = line.split(" - ", 1)
            point = before.split()[4].encode().decode("unicode_escape")
            found.append((point, after.split()[0]))
    return found


def filesystem(path):
    """The type of the filesystem that holds `path`."""
    real = os.path.realpath(path)
    best = ("", "")
    for point, kind in mounts():
        if inside(real, point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def gives_types(directory):
    """Whether the filesystem tells the type of an entry (d_type), which overlay2 needs (xfs made with ftype=0 does not).

    struct dirent of Linux on 64 bits: d_ino 8, d_off 8, d_reclen 2, d_type 1 byte (readdir(3)).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.opendir.restype, libc.readdir.restype = ctypes.c_void_p, ctypes.c_void_p
    libc.readdir.argtypes = libc.closedir.argtypes = [ctypes.c_void_p]
    probe = os.path.join(directory, ".fay-probe-%d" % os.getpid())
    os.mkdir(probe)
    try:
        open(os.path.join(probe, "file"), "w").close()
        handle = libc.opendir(os.fsencode(probe))
        types = []
        while True:
            entry = libc.readdir(handle)
            if not entry:
                break
            types.append(ctypes.c_ubyte.from_address(entry + 18).value)
        libc.closedir(handle)
        return bool(types) and all(types)
    finally:
        shutil.rmtree(probe)


def exchange(first, second):
    """Exchange two paths of one filesystem in one step; raises OSError where kernel or filesystem cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        raise OSError(errno.ENOSYS, "no renameat2 here")
    if libc.renameat2(-100, os.fsencode(first), -100, os.fsencode(second), RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), first)


def can_exchange(directory):
    """Whether exchange() works on this filesystem."""
    names = [os.path.join(directory, ".fay-probe-%d-%s" % (os.getpid(), part)) for part in ("a", "b")]
    try:
        for name in names:
            os.mkdir(name)
        exchange(*names)
        return True
    except OSError:
        return False
    finally:
        for name in names:
            with contextlib.suppress(OSError):
                os.rmdir(name)


def is_empty(directory):
    """Whether a directory has nothing but what a filesystem brings with it."""
    return not [name for name in os.listdir(directory) if name != "lost+found"]


def has_data(directory):
    return os.path.isdir(directory) and not is_empty(directory)


def is_directory(path):
    """Whether a path is a directory itself, not a link to one."""
    return os.path.isdir(path) and not os.path.islink(path)


def is_whole(directory):
    """Whether a directory has data that is no unfinished copy of ours."""
    return has_data(directory) and not os.path.exists(os.path.join(directory, MARKER))


def repoint(root, old, new):
    """Have the containers of an engine at `root` find their volumes and files below `new`, where they had `old`.

    The engine keeps absolute paths in containers/ID/config.v2.json: of volumes in MountPoints.NAME.Source, of logs and
    the like in fields of their own (moby v20.10 container/container.go); it does not look for them anew when it starts.
    What an operator mounted from the host by its path (Type bind) stays as he wrote it.
    """
    folder = os.path.join(root, "containers")
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name, "config.v2.json")
        try:
            with open(path, encoding="utf-8") as source:
                text = source.read()
            config = json.loads(text)
        except (OSError, ValueError):  # the engine itself passes over such a container
            continue
        places = [config] + [point for point in (config.get("MountPoints") or {}).values() if point.get("Type") == "volume"]
        for place in places:
            for key, value in place.items():
                if isinstance(value, str) and value.startswith(old.rstrip("/") + "/"):
                    place[key] = new.rstrip("/") + value[len(old.rstrip("/")):]
        changed = json.dumps(config, separators=(",", ":"), ensure_ascii=False)
        if json.loads(text) != config:
            found = os.stat(path)
            write_atomically(path, changed, found.st_mode & 0o777, (found.st_uid, found.st_gid))


def real_place(path):
    """A path whose parents are no links; the last part may be one, or not be there yet."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def sync(path):
    """Have a directory's own entry on the disk: a rename is durable only then (fsync(2))."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---- the host

class Host:
    """The engine and systemd of this host, by their own commands."""

    default_root = DEFAULT_ROOT
    daemon_json = "/etc/docker/daemon.json"
    containerd_config = "/etc/containerd/config.toml"
    drop_in = "/etc/systemd/system/docker.service.d/" + DROP_IN

    def run(self, *command):
        """(exit code, standard output, standard error); 127 where the program is not there."""
        try:
            done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                    env=dict(os.environ, LC_ALL="C"))
        except OSError as error:
            return 127, "", str(error)
        out, err = done.communicate()
        return done.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    def read(self, path):
        """A file's text; empty where it is not there."""
        try:
            with open(path, encoding="utf-8") as source:
                return source.read()
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError as error:
            raise DataRootError("%s is no text in UTF-8 (%s). Correct it" % (path, error))

    def unit(self):
        return self.run("systemctl", "cat", "docker.service")[1]

    def is_running(self):
        return self.run("systemctl", "is-active", "docker.service")[1].strip() in ("active", "activating", "reloading")

    def info(self):
        """`docker info` as a dict; None where no engine answers."""
        code, out, unused = self.run("docker", "info", "--format", "{{json .}}")
        try:
            info = json.loads(out) if code == 0 else None
        except ValueError:
            return None
        return info if info and info.get("DockerRootDir") else None

    def objects(self):
        """What the engine has: {images, containers: {id: [state, restart policy]}, volumes, networks (names)}.

        Left out is what Docker itself may remove when the engine stops: containers of `docker run --rm` and of a swarm's
        tasks, with their anonymous volumes (a node of a swarm removes both when it replaces a task), and the swarm's networks.
        """
        lists = {}
        for name, command in (("images", ("image", "ls", "--all", "--quiet", "--no-trunc")),
                              ("volumes", ("volume", "ls", "--quiet")),
                              ("networks", ("network", "ls", "--filter", "scope=local", "--format", "{{.Name}}")),
                              ("containers", ("ps", "--all", "--quiet", "--no-trunc"))):
            code, out, err = self.run("docker", *command)
            if code:
                raise DataRootError("`docker %s` fails: %s" % (" ".join(command), err.strip()))
            lists[name] = sorted(set(out.split("\n")) - {""})
        containers, passing = {}, set()
        if lists["containers"]:
            code, out, err = self.run("docker", "inspect", "--format", CONTAINER_FORMAT, *lists["containers"])
            for line in out.splitlines():
                identifier, state, policy, removed, task, volumes = line.split("|")
                if removed == "true" or task:
                    passing.update(volumes.split())
                else:
                    containers[identifier] = [state, policy or "no"]
        volumes = [name for name in lists["volumes"] if name not in passing or not re.match("[0-9a-f]{64}$", name)]
        return dict(lists, containers=containers, volumes=volumes)

    def reload(self):
        self.run("systemctl", "reload", "docker.service")

    def stop(self, *services):
        """Stop the engine, and further services after it.

        A client that connects in that moment has the socket start both again: then once more.
        """
        for unused in range(STOP_OFTEN):
            self.run("systemctl", "stop", "docker.socket", "docker.service")
            if not self.is_running() and self.run("systemctl", "is-active", "docker.socket")[1].strip() != "active":
                break
        if services:
            self.run("systemctl", "stop", *services)
        if self.is_running():
            raise DataRootError("`systemctl stop docker` did not stop the engine. See `journalctl -u docker`")

    def start(self):
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "reset-failed", "docker.service", "docker.socket")
        code, unused, err = self.run("systemctl", "start", "docker.service")
        if code:
            log = self.run("journalctl", "--unit=docker.service", "--lines=5", "--no-pager", "--output=cat")[1]
            raise DataRootError("the engine does not start: %s %s" % (err.strip(), " | ".join(log.split("\n"))))

    def copy_command(self, source, target):
        return ["rsync"] + self.rsync("--info=progress2", "--no-inc-recursive") + [source + "/", target + "/"]

    def copy(self, source, target, directory, lock):
        """Start to copy in the background, in a session of its own: it goes on when this run is killed.

        Process id, output, errors and exit code go to the files copy.* of `directory`. lock: an open, locked file that
        the copy inherits: while it is locked, a copy runs.
        """
        script = 'cd "$0" && echo $$ >copy.pid && "$@" >copy.out 2>copy.err; echo $? >copy.part && mv copy.part copy.code'
        subprocess.Popen(["sh", "-c", script, directory] + self.copy_command(source, target), stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, pass_fds=[lock])

    @staticmethod
    def rsync(*options):
        """Everything that an engine's data is made of: links, ACLs, extended attributes, holes, devices, numeric owners."""
        return ["-aHAXS", "--numeric-ids", "--delete", "--one-file-system", "--exclude=/lost+found",
                "--exclude=/" + MARKER] + list(options)

    def differences(self, source, target):
        """What a second pass would still do, one line for each entry."""
        code, out, err = self.run("rsync", *(self.rsync("--dry-run", "--itemize-changes") + [source + "/", target + "/"]))
        if code:
            raise DataRootError("comparing %s with its copy fails: %s" % (source, err.strip()))
        return [line for line in out.splitlines() if line.strip()]

    def label(self, target):
        """On an SELinux host, apply the rules for DEFAULT_ROOT to `target` too (semanage-fcontext(8), -e).

        Not the rules for the previous root: those may be such a substitution themselves, and one does not follow another
        (libselinux label_file.c, selabel_sub_key()).
        """
        if self.run("selinuxenabled")[0] != 0:
            return
        if target == DEFAULT_ROOT:
            self.run("restorecon", "-R", target)
            return
        code, unused, err = self.run("semanage", "fcontext", "-a", "-e", DEFAULT_ROOT, target)
        if code and "already" not in err:
            if self.run("getenforce")[1].strip() == "Enforcing":
                raise DataRootError("SELinux is enforcing and %s cannot get the rules of %s: %s. Install "
                                    "policycoreutils-python-utils (CentOS 7: policycoreutils-python)"
                                    % (target, DEFAULT_ROOT, err.strip()))
            return
        self.run("restorecon", "-R", target)


def progress(text):
    """(bytes done, percent, rate as rsync writes it) from the output of --info=progress2; None before the first."""
    found = re.findall(r"([\d,.]+)\s+(\d+)%\s+(\S+/s)", text)
    if not found:
        return None
    done, percent, rate = found[-1]
    return int(re.sub(r"\D", "", done)), int(percent), rate


def find(host, ask=True):
    """Where the engine's data is now: {root, by, start, command, options, info}.

    by: `engine` (it runs and was asked), `daemon.json`, `unit` or `default`. start: the unit's ExecStart without a flag
    for the root; command: the same where it had one, else None. options: daemon.json as a dict. info: `docker info` or
    None. ask: whether the engine is asked, which may start it by its socket. Raises DataRootError.
    """
    options = parse_options(host.read(host.daemon_json))
    unit = host.unit()
    variables = {}
    for path in environment_files(unit):
        variables.update(parse_environment(host.read(path)))
    start = exec_start(unit) or ""
    command, flag = without_root(expand(start, variables))
    info = host.info() if ask else None
    candidates = [(options.get("data-root") or options.get("graph"), "daemon.json"), (flag, "unit"),
                  (host.default_root, "default")]
    if info:
        root, by = info["DockerRootDir"], "engine"
    else:
        named = [pair for pair in candidates if pair[0]]
        root, by = next((pair for pair in named if is_whole(pair[0])), named[0])
    return {"root": root.rstrip("/"), "by": by, "start": command, "command": command if flag else None,
            "options": options, "info": info}


class Move:
    """One host's data root, from wherever it is to `target`."""

    def __init__(self, host, target, keep_old=True, state=STATE, clock=time.monotonic):
        self.host, self.target, self.keep_old, self.clock = host, target, keep_old, clock
        self.state = state
        self.journal_path, self.old_path = self.file("docker-data-root.json"), self.file("docker-data-root-old.json")

    def file(self, name):
        return os.path.join(self.state, name)

    # ---- the journal

    def load(self):
        text = self.host.read(self.journal_path)
        return json.loads(text) if text else None

    def save(self, journal, **changes):
        journal.update(changes)
        write_atomically(self.journal_path, json.dumps(journal, indent=2, sort_keys=True), 0o600)
        sync(self.state)

    def forget(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.journal_path)

    @contextlib.contextmanager
    def lock(self):
        make_directories(self.state, 0o700)
        with open(self.file("docker-data-root.lock"), "w") as target:
            try:
                fcntl.flock(target, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise DataRootError("Another run is at the data root of this host in this moment. Wait until it has "
                                    "ended, then run again")
            yield

    # ---- looking

    def plan(self, found=None):
        """What would be done: None where the data root is right, else the beginning of a journal with from, to, method,
        size, entries, free, containers. found: what find() said, where it was asked already.

        Raises DataRootError for a move that cannot be.
        """
        found = found or find(self.host)
        target = self.target
        check_paths(found["root"], target)
        source = os.path.realpath(found["root"])  # a link is not the data
        if found["by"] == "default" and source in self.old():  # the engine was taken away, and with it what names the root
            if source == os.path.realpath(target):
                raise DataRootError("%s is an old data root, kept when its data moved on. Name the data root that was used "
                                    "since then; if there is none, remove %s" % (source, self.old_path))
            if has_data(target):
                return self.plan_configuration(found)
        if source == os.path.realpath(target) or not has_data(source) or not found["info"] and not is_whole(source):
            return self.plan_configuration(found)
        info = found["info"] or {}
        running = info.get("ContainersRunning", 0)
        if info.get("LiveRestoreEnabled") and found["options"].get("live-restore") is not True:
            raise DataRootError(
                "live-restore is on by a flag of docker.service: containers would go on writing to %s while it is copied. "
                "Take the flag out (daemon.json may say it instead), restart the engine, and run again" % source)
        self.check_mounts(source)
        beside = self.beside(target)
        if is_whole(target):
            raise DataRootError("%s is not empty, and the engine's data is at %s. Empty it, or name another data root"
                                % (target, source))
        parent = existing_parent(os.path.dirname(target) if not os.path.isdir(target) else target)
        kind = filesystem(parent)
        if info.get("Driver", "overlay2") == "overlay2":
            if kind in UNFIT:
                raise DataRootError("%s is on a filesystem of type %s, on which overlay2 cannot keep images. Use ext4 "
                                    "or xfs" % (target, kind))
            if not gives_types(parent):
                raise DataRootError("The filesystem of %s does not tell the types of entries (d_type), which overlay2 "
                                    "needs. An xfs has to be made with ftype=1" % target)
        size, entries = measure(source)
        same = os.stat(source).st_dev == os.stat(parent).st_dev and not os.path.ismount(source) and not (
            os.path.ismount(target)) and can_exchange(parent) and self.one_mount(source, parent)
        room = os.statvfs(parent)
        free, inodes = room.f_bavail * room.f_frsize, room.f_favail
        if not same:
            there, there_entries = measure(beside) if os.path.isdir(beside) else (0, 0)
            if free + there < size * MARGIN:
                raise DataRootError("%s has %s free and the data of %s takes %s. Free some space, or name a data root on "
                                    "a larger filesystem" % (parent, gib(free), source, gib(size)))
            if room.f_files and inodes + there_entries < entries * MARGIN:
                raise DataRootError("%s has %d inodes free and %s has %d entries. Name a data root on a filesystem with "
                                    "more" % (parent, inodes, source, entries))
        return {"from": source, "to": target, "method": "rename" if same else "copy", "size": size, "entries": entries,
                "free": free, "containers": running, "phase": "stop", "live_restore": info.get("LiveRestoreEnabled", False),
                "swarm": info.get("Swarm", {}).get("LocalNodeState") == "active",
                "services": ["containerd.service"] if self.containerd_root(source) else []}

    def plan_configuration(self, found):
        """The data is in its place or there is none; a flag of the unit still has to give way to daemon.json."""
        if found["command"] is None:
            return None
        return {"from": found["root"], "to": self.target, "method": "none", "size": 0, "entries": 0, "free": 0,
                "containers": (found["info"] or {}).get("ContainersRunning", 0), "phase": "stop", "live_restore": False,
                "swarm": False, "services": []}

    def containerd_root(self, source):
        """The root of a containerd of its own that lies in `source`, as its configuration writes it; else None."""
        found = re.search(r"""^\s*root\s*=\s*["']([^"']+)""", self.host.read(self.host.containerd_config), re.M)
        return found.group(1) if found and inside(os.path.realpath(found.group(1)), source) else None

    @staticmethod
    def one_mount(source, parent):
        """Whether a rename from one to the other is possible: not across mounts, even of one filesystem."""
        points = sorted((point for point, unused in mounts()), key=len)
        of = [max((point for point in points if inside(os.path.realpath(path), point)), key=len)
              for path in (source, parent)]
        return of[0] == of[1]

    @staticmethod
    def beside(target):
        return target if os.path.ismount(target) else target + BESIDE

    @staticmethod
    def check_mounts(source):
        """Refuse data that lies on a filesystem of its own below the root: the engine's own mounts go when it stops."""
        foreign = [point for point, unused in mounts() if inside(point, source) and point != source and not re.match(
            r"/(overlay2?|containers|aufs|plugins|image|buildkit|fuse-overlayfs)/", point[len(source):])]
        if foreign:
            raise DataRootError("Another filesystem is mounted below the engine's data: %s. A move would not take it "
                                "along: unmount it, or mount it below the new data root and set the root by hand"
                                % ", ".join(foreign))

    # ---- going on

    def advance(self, seconds):
        """Go on with the move for about `seconds`: (done, result, lines for the operator). Raises DataRootError.

        result: None where there was nothing to do, else {from, to, method, size, entries, old}.
        """
        with self.lock():
            journal = self.load()
            if journal and journal.get("undoing"):  # cut off on the way back
                if self.switched(journal):  # the new root counts, and may have been used since
                    self.save(journal, phase="switch", undoing=False)
                else:
                    self.undo(journal, "an earlier run had failed")
                    journal = None
            if journal and journal["to"] != self.target:
                if self.switched(journal):
                    return False, None, self.go(journal, self.clock() + seconds)[2]
                self.undo(journal, "the data root that is wanted is now %s" % self.target)
                journal = None
            if journal is None:
                journal = self.plan()
                if journal is None:
                    self.drop_old()
                    return True, None, []
                self.begin(journal)
            try:
                return self.go(journal, self.clock() + seconds)
            except (DataRootError, OSError) as error:
                self.undo(journal, str(error))
                raise DataRootError("The data root of this host was not moved from %s to %s: %s. The engine is on %s "
                                    "again, with the configuration that it had" % (
                                        journal["from"], journal["to"], error, journal["from"]))

    def begin(self, journal):
        self.save(journal, running=False, objects=None, daemon_json=self.host.read(self.host.daemon_json),
                  drop_in=self.host.read(self.host.drop_in), containerd=self.host.read(self.host.containerd_config))

    def go(self, journal, deadline):
        """The phases. Each is entered again from its beginning after a kill, so each can be done twice."""
        lines = []
        if journal["phase"] == "switch" and not self.switched(journal):
            self.save(journal, phase="stop")  # killed before the switch: the old root counts, and may have been used
        elif journal["phase"] in ("switch", "start") and self.engine_is_on(journal["to"]):
            # It started with the host after the switch: what it has now is what counts.
            self.save(journal, objects=self.host.objects(), phase="retire" if journal["method"] == "copy" else "switch")
            if journal["method"] != "copy":
                self.end_live_restore(journal)
        if journal["phase"] in ("stop", "copy", "place"):
            if self.host.is_running():
                self.save(journal, running=True, objects=self.host.objects())
                self.end_live_restore(journal)
            self.host.stop(*journal["services"])
            if journal["method"] != "none":
                self.check_idle(journal["from"])
            if journal["method"] == "copy" and not self.copied(journal, deadline, lines):
                return False, None, lines
            self.save(journal, phase="place")
            self.place(journal)
            self.save(journal, phase="switch")
        if journal["phase"] == "switch":
            self.host.stop(*journal["services"])
            self.switch(journal)
            self.save(journal, phase="start")
        if journal["phase"] == "start":
            if journal["method"] == "rename":
                self.host.stop(*journal["services"])
            self.settle(journal)
            if journal["running"]:
                self.host.start()
                self.verify(journal)
            self.save(journal, phase="retire")
        old = self.retire(journal)
        # What the role docker_ce keeps to go back to names the old root, and the engine has started with what is there now.
        shutil.rmtree(self.file("docker-before"), ignore_errors=True)
        self.forget()
        result = dict((name, journal[name]) for name in ("from", "to", "method", "size", "entries"))
        return True, dict(result, old=old), lines

    def switched(self, journal):
        """Whether daemon.json names the new root already."""
        options = parse_options(self.host.read(self.host.daemon_json))
        return options.get("data-root") == journal["to"] and (
            journal["method"] != "none" or self.host.read(self.host.drop_in) != journal["drop_in"])

    def engine_is_on(self, root):
        info = self.host.info()
        return bool(info) and os.path.realpath(info["DockerRootDir"]) == os.path.realpath(root)

    def end_live_restore(self, journal):
        """Have the containers stop with the engine. switch() and undo() bring the option back."""
        if not journal["live_restore"]:
            return
        options = parse_options(self.host.read(self.host.daemon_json))
        write_atomically(self.host.daemon_json, render_options(dict(options, **{"live-restore": False})), 0o644)
        self.host.reload()
        deadline = self.clock() + RELOAD_SECONDS
        while (self.host.info() or {}).get("LiveRestoreEnabled"):
            if self.clock() > deadline:
                raise DataRootError("the engine does not turn live-restore off. See `journalctl -u docker`")
            time.sleep(POLL_SECONDS)

    def check_idle(self, source):
        below = [point for point, unused in mounts() if inside(point, source) and point != source]
        if below:
            raise DataRootError("the engine has stopped, and yet something is mounted below its data: %s. Stop what "
                                "holds it" % ", ".join(below[:5]))

    # ---- copying

    def copied(self, journal, deadline, lines):
        """Copy until it is done or the deadline is there; whether it is done, compared and whole."""
        source, beside = journal["from"], self.beside(journal["to"])
        if not self.copying() and (journal["phase"] != "copy" or not os.path.exists(self.file("copy.code"))):
            self.begin_copy(journal, source, beside)
        while self.copying():
            if self.clock() > deadline:
                seen = progress(self.host.read(self.file("copy.out")))
                if seen:
                    lines.append("%s of %s copied from %s to %s (%d %%, %s)" % (
                        gib(seen[0]), gib(journal["size"]), source, journal["to"], seen[1], seen[2]))
                return False
            time.sleep(POLL_SECONDS)
        code = self.host.read(self.file("copy.code")).strip()
        if code in KILLED and journal.get("killed", 0) < KILLED_OFTEN:  # with the run that began it
            self.save(journal, phase="stop", killed=journal.get("killed", 0) + 1)
            return False
        if code != "0":
            raise DataRootError("the copy to %s failed: %s" % (
                beside, self.host.read(self.file("copy.err")).strip() or "rsync was killed"))
        rest = self.host.differences(source, beside)
        if rest and journal.get("passes", 0) < 2:  # the engine ran on the old root meanwhile
            self.save(journal, phase="stop", passes=journal.get("passes", 0) + 1)
            return False
        if rest:
            raise DataRootError("the copy at %s differs from %s after it was made: %s" % (
                beside, source, "; ".join(rest[:5])))
        mine, theirs = measure(beside), measure(source)
        if mine[1] != theirs[1]:
            raise DataRootError("the copy at %s has %d entries and %s has %d" % (beside, mine[1], source, theirs[1]))
        return True

    def begin_copy(self, journal, source, beside):
        target = journal["to"]
        if beside != target and has_data(target) and not os.path.isdir(beside):
            os.rename(target, beside)  # placed, and then the engine ran on the old root: the copy goes on from there
        make_directories(beside, 0o710)
        if beside == target:
            open(os.path.join(target, MARKER), "w").close()
        if self.host.run("rsync", "--version")[0]:
            raise DataRootError("rsync is not installed here, and it makes the copy. Install it")
        with self.copy_lock() as lock:
            for name in ("copy.out", "copy.err", "copy.code", "copy.pid"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.file(name))
            self.save(journal, phase="copy")
            self.host.copy(source, beside, self.state, lock)

    @contextlib.contextmanager
    def copy_lock(self):
        """Our lock of the copy, an open file; raises OSError while a copy runs, one of a killed run too."""
        lock = os.open(self.file("copy.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield lock
        finally:
            os.close(lock)

    def copying(self):
        try:
            with self.copy_lock():
                return False
        except OSError:
            return True

    # ---- switching

    def place(self, journal):
        source, target = journal["from"], journal["to"]
        beside = self.beside(target)
        if journal["method"] == "copy" and beside != target and os.path.isdir(beside):
            os.rename(beside, target)  # onto nothing or an empty directory
            sync(os.path.dirname(target))
        elif journal["method"] == "copy" and beside == target:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(target, MARKER))
            sync(target)
        elif journal["method"] == "rename" and not os.path.islink(target):
            make_directories(os.path.dirname(target))
            if os.path.isdir(target):
                os.rmdir(target)
            os.symlink(source, target)
            set_context(target, target)
            sync(os.path.dirname(target))

    def switch(self, journal):
        """daemon.json names the new root: from this rename on it is the one that counts.

        A flag of the unit gives way after it: between the two the engine would refuse to start, not begin anew elsewhere.
        """
        found = find(self.host, ask=False)
        self.host.label(journal["to"])
        if journal["method"] != "none":  # for a rename both paths lead to the data now
            repoint(journal["to"], journal["from"], real_place(journal["to"]))
        options = dict(found["options"], **{"data-root": journal["to"]})
        options.pop("graph", None)
        if journal["live_restore"]:
            options["live-restore"] = True
        self.switch_containerd(journal)
        if self.host.is_running():
            raise DataRootError("something has started the engine again, and its data may have changed since it was copied. Stop "
                                "what uses the engine")
        make_directories(os.path.dirname(self.host.daemon_json))
        write_atomically(self.host.daemon_json, render_options(options), 0o644)
        sync(os.path.dirname(self.host.daemon_json))
        if found["command"] is not None:
            make_directories(os.path.dirname(self.host.drop_in))
            write_atomically(self.host.drop_in, DROP_IN_TEXT % found["command"], 0o644)
            sync(os.path.dirname(self.host.drop_in))

    def switch_containerd(self, journal):
        """A containerd whose own root lies in the data has it at the new place. Before the engine's: it starts before it."""
        root = self.containerd_root(journal["from"]) if journal["services"] else None
        if root:
            text = self.host.read(self.host.containerd_config)
            moved = journal["to"] + os.path.realpath(root)[len(journal["from"]):]
            write_atomically(self.host.containerd_config, text.replace(root, moved, 1), 0o644)
            sync(os.path.dirname(self.host.containerd_config))

    def settle(self, journal):
        """A renamed root: the link at the new path and the directory at the old one change places."""
        source, target = journal["from"], journal["to"]
        if journal["method"] != "rename":
            return
        if os.path.islink(target):
            exchange(source, target)
            sync(os.path.dirname(target))
        repoint(target, source, real_place(target))  # of containers that were made since the switch
        if os.path.islink(source):
            os.unlink(source)
            sync(os.path.dirname(source))

    def verify(self, journal):
        """The engine on its new root has what it had, and what restarts by itself runs again within RESTART_SECONDS."""
        if not self.engine_is_on(journal["to"]):
            raise DataRootError("started again, the engine does not keep its data under %s: %s" % (
                journal["to"], (self.host.info() or {}).get("DockerRootDir", "it does not answer")))
        before, deadline = journal["objects"], self.clock() + RESTART_SECONDS
        while True:
            now = self.host.objects()
            for name in ("images", "volumes", "networks", "containers"):
                lost = sorted(set(before[name]) - set(now[name]))
                if lost:
                    raise DataRootError("on its new data root the engine has lost %s: %s" % (name, ", ".join(lost[:5])))
            down = sorted("%s (%s)" % (identifier[:12], now["containers"][identifier][0])
                          for identifier, (state, policy) in before["containers"].items()
                          if state == "running" and policy in ("always", "unless-stopped")
                          and now["containers"][identifier][0] != "running")
            if not down:
                return
            if self.clock() > deadline:
                raise DataRootError("on its new data root these containers do not run again: %s" % ", ".join(down[:5]))
            time.sleep(POLL_SECONDS)

    # ---- the old root

    def retire(self, journal):
        """Give the old root a dated name and remember it, or remove it where that is wanted; returns its path or None."""
        source = journal["from"]
        if journal["method"] == "copy" and os.path.isdir(source):
            old = source
            if not os.path.ismount(source):
                day = datetime.datetime.now().strftime("%Y-%m-%d")
                old = next(path for path in ["%s.old-%s" % (source, day)] + [
                    "%s.old-%s.%d" % (source, day, number) for number in range(2, 100)] if not os.path.lexists(path))
                self.remember(old)  # before the rename, so that it is never forgotten
                os.rename(source, old)
                sync(os.path.dirname(source))
            else:
                self.remember(old)
        write_atomically(self.old_path, json.dumps([path for path in self.old() if path != journal["to"]]), 0o600)
        self.drop_old()
        kept = [path for path in self.old() if os.path.isdir(path)]
        return kept[-1] if kept else None

    def old(self):
        """Paths of old roots that are kept, oldest first."""
        text = self.host.read(self.old_path)
        return json.loads(text) if text else []

    def remember(self, path):
        paths = [known for known in self.old() if known != path] + [path]
        write_atomically(self.old_path, json.dumps(paths), 0o600)

    def removable(self):
        """Old roots that would be removed now: those we remember, where that is wanted."""
        return [] if self.keep_old else [path for path in self.old() if os.path.isdir(path) and not (
            os.path.ismount(path) and is_empty(path))]

    def drop_old(self):
        """Remove the old roots, where that is wanted and the engine is on another one."""
        paths = self.removable()
        info = self.host.info() if paths else None
        for path in paths:
            if not info or os.path.realpath(info["DockerRootDir"]) == os.path.realpath(path):
                continue  # never what may be in use
            for name in os.listdir(path) if os.path.ismount(path) else []:
                remove(os.path.join(path, name))
            if not os.path.ismount(path):
                shutil.rmtree(path)

    # ---- going back

    def undo(self, journal, why):
        """The engine on its old root, with the configuration that it had. Raises DataRootError where that fails too."""
        source, target = journal["from"], journal["to"]
        with contextlib.suppress(OSError):  # a full disk does not keep from going back
            self.save(journal, undoing=True)
        try:
            self.kill_copy()
            switched = self.host.read(self.host.daemon_json) != journal["daemon_json"] or (
                self.host.read(self.host.drop_in) != journal["drop_in"])
            if switched or journal["phase"] in ("switch", "start"):
                self.host.stop(*journal["services"])
            if journal["method"] == "rename" and is_directory(target) and not is_directory(source):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(source)  # the link that settle() left
                os.symlink(target, source)
                set_context(source, source)
            if journal["method"] == "rename":
                repoint(source, real_place(target), source)
            if journal["services"]:
                self.restore(self.host.containerd_config, journal["containerd"])
            self.restore(self.host.drop_in, journal["drop_in"])
            self.restore(self.host.daemon_json, journal["daemon_json"])
            if journal["method"] == "rename":
                if os.path.islink(source):
                    exchange(target, source)
                if os.path.islink(target):
                    os.unlink(target)
            elif journal["method"] == "copy" and self.beside(target) != target and has_data(target) and (
                    not os.path.lexists(self.beside(target))):
                os.rename(target, self.beside(target))
            if journal["running"]:
                self.host.start()
        except (DataRootError, OSError) as error:
            raise DataRootError(
                "The data root of this host was not moved from %s to %s (%s), and the way back failed too: %s. No data is "
                "lost: it is under %s. Run again when the cause is gone" % (source, target, why, error, source))
        self.forget()

    def kill_copy(self):
        deadline = self.clock() + 30
        while self.copying():
            with contextlib.suppress(OSError, ValueError):
                os.killpg(int(self.host.read(self.file("copy.pid"))), signal.SIGKILL)
            if self.clock() > deadline:
                raise DataRootError("the copy cannot be stopped: process %s" % self.host.read(self.file("copy.pid")).strip())
            time.sleep(POLL_SECONDS)

    def restore(self, path, text):
        if text:
            write_atomically(path, text, 0o644)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


DROP_IN_TEXT = """\
# Made by fay.rancher: the data root is in /etc/docker/daemon.json, and dockerd refuses it there and as a flag.
[Service]
ExecStart=
ExecStart=%s
"""


def gib(size):
    return "%.1f GiB" % (size / 1024.0 ** 3)


def remove(path):
    if is_directory(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)
