# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module docker_engine_info returns: the state of Docker on this host, without a change. Private to the collection."""
import glob
import grp
import os
import pwd

from ansible_collections.fay.rancher.plugins.module_utils._engine import report
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.host import Host
from ansible_collections.fay.rancher.plugins.module_utils._engine.packages import installed_packages
from ansible_collections.fay.rancher.plugins.module_utils._engine.plan import find_data_root
from ansible_collections.fay.rancher.plugins.module_utils._host_info import exists, is_file
from ansible_collections.fay.rancher.plugins.module_utils._host_info import read_text as read_any_text

GROUP = "docker"
# Drop-ins of the administrator, of generators and of packages: systemd.unit(5), "Unit File Load Path".
DROP_IN_PATTERNS = ("/etc/systemd/system/docker.%s.d/*.conf", "/run/systemd/system/docker.%s.d/*.conf",
                    "/usr/lib/systemd/system/docker.%s.d/*.conf", "/usr/local/lib/systemd/system/docker.%s.d/*.conf")
DATA_ROOT_KEYS = ("root", "detected_from", "has_data", "free", "path_problem", "running", "version", "command", "options", "daemon_json",
                  "moved", "moved_containerd", "image_store", "containerd_root", "removed_roots", "old_roots", "lines")
NO_DATA_ROOT = dict(root="", detected_from="", has_data=False, free=0, path_problem="", running=False, version="", command="",
                    options={}, daemon_json="", moved={}, moved_containerd={}, image_store="", containerd_root="", removed_roots=[],
                    old_roots=[], lines=[])


class UnchangedHost(Host):
    """A host that is only read: each command runs once, and its result is used again.

    may_start: bool, whether a stopped Docker is contacted, which starts it through its socket.
    """

    def __init__(self, may_start):
        self._may_start, self._results = may_start, {}

    def run(self, *command):
        if command not in self._results:
            self._results[command] = super().run(*command)
        return self._results[command]

    def docker_info(self):
        return super().docker_info() if self._may_start or self.is_running() else {}


def engine_state(host, parameters, sha256):
    """The result (dict) of the module docker_engine_info.

    host: Host. parameters: dict, the options of the module. sha256: callable of a path. Raises DataRootError, OSError.
    """
    state = _data_root(host, parameters)
    state.update(_unit(host))
    state["packages"], state["held_packages"] = installed_packages(host, parameters["packages"])
    state.update(
        group_members=group_members(GROUP),
        drop_ins=dict((path, sha256(path)) for path in drop_in_paths()),
        content=dict((path, read_any_text(path)) for path in parameters["read"] if is_file(path)),
        digests=dict((path, sha256(path)) for path in parameters["digests"] if is_file(path)),
        existing=[path for path in parameters["paths"] if exists(path)])
    return state


def _data_root(host, parameters):
    """The data root, what a move would do, and what the running Docker reports.

    Without a requested path, an invalid configuration is not an error: `problem` contains it. Raises DataRootError, OSError.
    """
    options = dict(config_backup=None, _forget=None, _slice=None)
    options.update((name, parameters[name]) for name in ("path", "containerd_root", "containerd_shared", "keep_old"))
    try:
        result = report.run(host, options, check_mode=True)
        info = find_data_root(host).info
    except DataRootError as error:
        if parameters["path"]:
            raise
        return dict(NO_DATA_ROOT, problem=str(error), **_running_docker({}))
    return dict(((key, result[key]) for key in DATA_ROOT_KEYS), problem="", **_running_docker(info))


def _running_docker(info):
    """What `docker info` (dict, empty for a stopped Docker) contains beyond the data root."""
    return dict(storage_driver=info.get("Driver", ""), containers_running=info.get("ContainersRunning", 0),
                live_restore=info.get("LiveRestoreEnabled", False),
                swarm=info.get("Swarm", {}).get("LocalNodeState", "inactive") not in ("", "inactive"))


def _unit(host):
    """Whether docker.service is enabled and active, as systemctl reports it."""
    states = [host.run("systemctl", verb, "docker.service")[1].strip() for verb in ("is-enabled", "is-active")]
    return dict(enabled=states[0] == "enabled", active=states[1] == "active")


def group_members(name):
    """The members (sorted list of str) of a group, including users whose primary group it is; empty if it does not exist."""
    try:
        group = grp.getgrnam(name)
    except KeyError:
        return []
    return sorted(set(group.gr_mem) | set(user.pw_name for user in pwd.getpwall() if user.pw_gid == group.gr_gid))


def drop_in_paths():
    """Paths (list of str) of the drop-ins of docker.service and docker.socket."""
    return [path for unit in ("service", "socket") for pattern in DROP_IN_PATTERNS for path in sorted(glob.glob(pattern % unit))
            if os.path.isfile(path)]
