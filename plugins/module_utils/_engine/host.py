# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker, systemd, rsync and SELinux of this host, through their commands. Private to the collection."""
import json
import os
import re
import subprocess

from ansible_collections.fay.rancher.plugins.module_utils._engine import address
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DEFAULT_ROOT, DataRootError, parse_daemon_json
from ansible_collections.fay.rancher.plugins.module_utils._engine.containerd_service import ContainerdService
from ansible_collections.fay.rancher.plugins.module_utils._engine.engine_files import unit_variables
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import MARKER, read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import command_words, exec_start

# Drop-ins apply in the order of their names (systemd.unit(5)), and `systemctl edit` writes override.conf.
DROP_IN = "/etc/systemd/system/docker.service.d/zz-fay-data-root.conf"
EARLIER_DROP_IN = "/etc/systemd/system/docker.service.d/90-fay-data-root.conf"  # of earlier versions: override.conf overrides it
MAX_STOP_TRIES = 5
LISTS = (("images", ("image", "ls", "--all", "--quiet", "--no-trunc")),
         ("volumes", ("volume", "ls", "--quiet")),
         ("networks", ("network", "ls", "--filter", "scope=local", "--format", "{{.Name}}")),
         ("containers", ("ps", "--all", "--quiet", "--no-trunc")))
SWARM_TASK = "com.docker.swarm.task.id"  # the label of a container of a swarm task: moby v28.5.2 daemon/cluster/executor/container
# Everything that Docker's data contains: links, ACLs, extended attributes, holes, devices, numeric owners.
RSYNC_OPTIONS = ["-aHAXS", "--numeric-ids", "--delete", "--one-file-system", "--exclude=/lost+found", "--exclude=/" + MARKER]
# Runs in a separate session, so that the copy continues if this run is killed.
COPY_SCRIPT = 'cd "$0" && echo $$ >copy.pid && "$@" >copy.out 2>copy.err; echo $? >copy.part && mv copy.part copy.code'


def with_configured_root(info):
    """`docker info` (dict) with the configured data root as DockerRootDir, and with RemappedRoot: `UID.GID`, or empty.

    With userns-remap, Docker uses the directory UID.GID in the configured root and names that directory: moby docker-v29.0.0 and
    v20.10.24 daemon/daemon_unix.go, setupDaemonRoot(); the security option: daemon/info.go.
    """
    root, name = os.path.split(info["DockerRootDir"].rstrip("/"))
    options = [option for option in info.get("SecurityOptions") or [] if isinstance(option, str)]
    if any("name=userns" in option.split(",") for option in options) and re.match(r"\d+\.\d+$", name):
        return dict(info, DockerRootDir=root, RemappedRoot=name)
    return dict(info, RemappedRoot="")


class Host(ContainerdService):
    """The commands and the files of Docker on this host. Tests replace it with a host without Docker."""

    default_root = DEFAULT_ROOT
    daemon_json = "/etc/docker/daemon.json"
    drop_in = DROP_IN
    earlier_drop_in = EARLIER_DROP_IN
    poll_seconds = 0.5
    _address = None
    _unit_text = None  # as read last

    def run(self, *command):
        """Run a command: (exit code, standard output, standard error). 127 if the program does not exist.

        Environment variables for a client of another Docker are not passed on.
        """
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                       env=dict(address.client_environment(os.environ), LC_ALL="C"))
        except OSError as error:
            return 127, "", str(error)
        out, err = process.communicate()
        return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    # ---- Docker

    def unit_text(self):
        """The text of docker.service with its drop-ins; empty if it does not exist."""
        self._unit_text = self.run("systemctl", "cat", "docker.service")[1]
        return self._unit_text

    def installed_version(self):
        """Version of the installed Docker, such as 20.10.24; empty if it is not known."""
        match = re.search(r"version v?(\d[\w.]*)", self.run("dockerd", "--version")[1])
        return match.group(1) if match else ""

    def docker_address(self):
        """Where the Docker of docker.service listens (str, for --host of the client), whichever Docker root's client would contact."""
        if self._address is None:
            unit = self.unit_text() if self._unit_text is None else self._unit_text
            words = command_words(exec_start(unit) or "", unit_variables(unit))
            try:
                options = parse_daemon_json(read_text(self.daemon_json))
            except DataRootError:  # Docker does not start with this file
                options = {}
            hosts = address.configured_hosts(words, options)
            listen = self.run("systemctl", "show", "docker.socket", "--property=Listen")[1] if "fd://" in " ".join(hosts) else ""
            self._address = address.local_address(hosts, address.socket_paths(listen))
        return self._address

    def run_docker(self, *arguments):
        """Run the client of Docker against this host's Docker: see run()."""
        return self.run(*(address.client_command(self.docker_address(), os.environ) + list(arguments)))

    def is_running(self):
        """Whether docker.service runs or starts. Does not contact Docker."""
        return self.run("systemctl", "is-active", "docker.service")[1].strip() in ("active", "activating", "reloading")

    def docker_info(self):
        """`docker info` as a dict, see with_configured_root(); empty if Docker does not answer.

        The command starts a stopped Docker through its socket.
        """
        code, out, unused = self.run_docker("info", "--format", "{{json .}}")
        try:
            info = json.loads(out) if code == 0 else None
        except ValueError:
            return {}
        return with_configured_root(info) if isinstance(info, dict) and info.get("DockerRootDir") else {}

    def is_on(self, root):
        """Whether Docker answers and has its data at `root`."""
        info = self.docker_info()
        return bool(info) and os.path.realpath(info["DockerRootDir"]) == os.path.realpath(root)

    def list_objects(self):
        """What Docker has: {images, containers: {id: [state, restart policy]}, volumes, networks (names)}.

        What Docker itself may remove when it stops is left out: containers of `docker run --rm` and of swarm tasks, with their
        anonymous volumes (a swarm node removes both when it replaces a task), and the swarm's networks. Raises DataRootError.
        """
        lists = {}
        for name, command in LISTS:
            code, out, err = self.run_docker(*command)
            if code:
                raise DataRootError("`docker %s` failed: %s" % (" ".join(command), err.strip()))
            lists[name] = sorted(set(out.split("\n")) - {""})
        containers, temporary_volumes = self._inspect_containers(lists["containers"])
        volumes = [name for name in lists["volumes"] if name not in temporary_volumes or not re.match("[0-9a-f]{64}$", name)]
        return dict(lists, containers=containers, volumes=volumes)

    def _inspect_containers(self, identifiers):
        """({id: [state, restart policy]} of containers that survive a stop, names of the volumes of the others)."""
        containers, temporary_volumes = {}, set()
        # JSON, since a template fails for a bind mount, which has no name (Docker 26.1). Containers that were removed are left out.
        out = self.run_docker("container", "inspect", *identifiers)[1] if identifiers else "[]"
        for container in json.loads(out or "[]"):
            settings = container["HostConfig"]
            if settings.get("AutoRemove") or SWARM_TASK in (container["Config"].get("Labels") or {}):
                temporary_volumes.update(mount.get("Name") for mount in container.get("Mounts") or [])
            else:
                policy = (settings.get("RestartPolicy") or {}).get("Name")
                containers[container["Id"]] = [container["State"]["Status"], policy or "no"]
        return containers, temporary_volumes

    def reload(self):
        """Reload Docker: it reads daemon.json again."""
        self.run("systemctl", "reload", "docker.service")

    def stop(self, *services):
        """Stop Docker with its socket, then further services. Raises DataRootError if Docker still runs.

        A client that connects while Docker stops starts both again through the socket, hence several tries.
        """
        for unused in range(MAX_STOP_TRIES):
            self.run("systemctl", "stop", "docker.socket", "docker.service")
            if not self.is_running() and self.run("systemctl", "is-active", "docker.socket")[1].strip() != "active":
                break
        if services:
            self.run("systemctl", "stop", *services)
        if self.is_running():
            raise DataRootError("`systemctl stop docker` did not stop Docker. See `journalctl -u docker`")

    def start(self):
        """Start Docker. Raises DataRootError with the last lines of Docker's log."""
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "reset-failed", "docker.service", "docker.socket")
        code, unused, err = self.run("systemctl", "start", "docker.service")
        if code:
            raise DataRootError("Docker does not start: %s %s" % (err.strip(), self.last_messages()))

    def last_messages(self):
        """The last lines of Docker's log, on one line (str)."""
        log = self.run("journalctl", "--unit=docker.service", "--lines=5", "--no-pager", "--output=cat")[1]
        return " | ".join(log.strip().split("\n"))

    # ---- rsync

    def has_rsync(self):
        """Whether rsync can be started."""
        return self.run("rsync", "--version")[0] == 0

    def copy_command(self, source, target):
        """The command (list of str) that copies Docker's data and prints its progress."""
        return ["rsync"] + RSYNC_OPTIONS + ["--info=progress2", "--no-inc-recursive", source + "/", target + "/"]

    def start_copy(self, source, target, directory, lock):
        """Start the copy in the background. It continues if this run is killed.

        directory: str, for the files copy.pid, copy.out, copy.err and copy.code (exit code). lock: int, an open, locked file
        that the copy inherits; while it is locked, a copy runs.
        """
        command = ["sh", "-c", COPY_SCRIPT, directory] + self.copy_command(source, target)
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                         start_new_session=True, pass_fds=[lock])

    def list_differences(self, source, target):
        """What another rsync would still change, one line (str) per entry. Raises DataRootError."""
        code, out, err = self.run("rsync", *(RSYNC_OPTIONS + ["--dry-run", "--itemize-changes", source + "/", target + "/"]))
        if code:
            raise DataRootError("could not compare %s with its copy: %s" % (source, err.strip()))
        return [line for line in out.splitlines() if line.strip()]

    # ---- SELinux

    def apply_selinux_rules(self, target, default_root):
        """On an SELinux host, apply the rules for `default_root` to `target` too (semanage-fcontext(8), -e). Raises DataRootError.

        default_root: str, the path for which the packages of SELinux have rules.

        The rules for the previous root cannot be used: they may be such a substitution themselves, and libselinux does not follow
        one substitution to another (label_file.c, selabel_sub_key()).
        """
        if self.run("selinuxenabled")[0] != 0:
            return
        if target == default_root:
            self.run("restorecon", "-R", target)
            return
        code, unused, err = self.run("semanage", "fcontext", "-a", "-e", default_root, target)
        if code and "already" not in err:
            if self.run("getenforce")[1].strip() == "Enforcing":
                raise DataRootError("SELinux is enforcing and the rules of %s cannot be applied to %s: %s. Install "
                                    "policycoreutils-python-utils (CentOS 7: policycoreutils-python)"
                                    % (default_root, target, err.strip()))
            return
        self.run("restorecon", "-R", target)
