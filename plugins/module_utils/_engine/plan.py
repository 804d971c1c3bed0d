# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Docker's data is, and how it would be moved. Changes nothing. Private to the collection."""
import collections
import os
import re

from ansible_collections.fay.rancher.plugins.module_utils._engine import config, filesystem
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.docker_mounts import foreign_mounts
from ansible_collections.fay.rancher.plugins.module_utils._engine.engine_files import containerd_root, unit_variables
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import (
    format_gib,
    has_complete_data,
    has_data,
    is_same_path,
    read_text,
)
from ansible_collections.fay.rancher.plugins.module_utils._engine.image_store import (
    check_store_mounts,
    check_store_users,
    find_image_store,
)
from ansible_collections.fay.rancher.plugins.module_utils._engine.journal import DATA, STORE, new_part
from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import (
    command_words,
    exec_start,
    exec_start_path,
    split_root_flag,
)
from ansible_collections.fay.rancher.plugins.module_utils._files import existing_parent

FIRST_WITH_BYTE_ORDER_MARK = 23  # first version of Docker that accepts a byte order mark in daemon.json
SHELL_FLAG = re.compile(r"\s--(?:data-root|graph)\b")  # a flag within a word: the text of `sh -c`
SPACE_FACTOR = 1.1  # required space and inodes, relative to what the data uses now

# root: str. detected_from: `docker`, `daemon.json`, `unit` or `default`. command: str, the unit's ExecStart without a flag of
# the data root. has_root_flag: bool, whether ExecStart has such a flag. options: dict, daemon.json. info: dict, `docker info`;
# empty if Docker was not asked or did not answer. words: list of str, the words with which systemd runs `command`.
Location = collections.namedtuple("Location", "root detected_from command has_root_flag options info words")


def find_data_root(host, ask_docker=True):
    """The Location of Docker's data.

    ask_docker: bool, whether to run `docker info`, which starts a stopped Docker through its socket. Raises DataRootError.
    """
    daemon_json = read_text(host.daemon_json)
    options = config.parse_daemon_json(daemon_json)
    unit = host.unit_text()
    variables = unit_variables(unit)
    command, flag = split_root_flag(exec_start(unit) or "", variables)
    words = command_words(command, variables)
    _check_shell(command, words)
    info = host.docker_info() if ask_docker else {}
    if daemon_json.startswith(config.BYTE_ORDER_MARK):
        _check_byte_order_mark(host.installed_version() or info.get("ServerVersion", ""))
    if info:
        root, detected_from = info["DockerRootDir"], "docker"
    else:
        candidates = [(_root_option(options), "daemon.json"), (flag, "unit"), (host.default_root, "default")]
        # systemd starts Docker in the directory /.
        configured = [(os.path.join("/", path), source) for path, source in candidates if path]
        with_data = [candidate for candidate in configured if has_complete_data(candidate[0])]
        root, detected_from = (with_data + configured)[0]
    return Location(root.rstrip("/") or "/", detected_from, command, flag is not None, options, info, words)


def _root_option(options):
    """The data root in daemon.json (dict); None if it is not set, also to a value with which Docker cannot have started."""
    roots = [options.get(name) for name in ("data-root", "graph")]
    return next((root for root in roots if root and isinstance(root, str) and "\0" not in root), None)


def _check_shell(command, words):
    """Raise DataRootError if the unit starts Docker through a shell whose text contains the flag of the data root."""
    if any(SHELL_FLAG.search(word) for word in words[1:]):
        raise DataRootError("docker.service starts Docker through a shell, and the shell's text sets the data root: %s. The data root must "
                            "be an argument of dockerd itself, or be set in daemon.json. Change the unit" % command)


def _check_byte_order_mark(version):
    """Raise DataRootError if Docker of this version does not start with a byte order mark in daemon.json.

    moby v20.10.24 daemon/config/config.go decodes the bytes of the file; v23.0.0 ignores the mark (unicode.BOMOverride()).
    """
    major = re.match(r"\d+", version)
    if major and int(major.group()) < FIRST_WITH_BYTE_ORDER_MARK:
        raise DataRootError("/etc/docker/daemon.json begins with a byte order mark, with which Docker %s does not start. Save it as UTF-8 "
                            "without a byte order mark" % version)


def plan_move(host, old_roots, location, target, containerd_target="", is_containerd_shared=False):
    """The first entries of a journal (dict) for a move to `target`; None if nothing has to be changed.

    old_roots: OldRoots. location: Location. containerd_target, is_containerd_shared: see data_root.Move. Raises DataRootError if the
    move is not possible.
    """
    parts = [part for part in (plan_data_root(host, old_roots, location, target),
                               plan_store(host, location, containerd_target, is_containerd_shared)) if part]
    if not parts:
        return None
    _check_separate(parts, os.path.realpath(location.root))
    _check_space([part for part in parts if part["method"] == "copy"])
    is_moved = any(part["method"] != "none" for part in parts)
    if is_moved:
        _check_live_restore(location)
    stops_containerd = any(part["name"] == STORE or containerd_root(host, part["from"]) for part in parts if part["method"] != "none")
    return {"parts": parts, "phase": "stop", "copying": "", "copied": [],
            "containers": location.info.get("ContainersRunning", 0),
            "live_restore": is_moved and location.info.get("LiveRestoreEnabled", False),
            "swarm": is_moved and location.info.get("Swarm", {}).get("LocalNodeState") == "active",
            "services": ["containerd.service"] if stops_containerd else [],
            "containerd_running": stops_containerd and host.is_containerd_running()}


def plan_data_root(host, old_roots, location, target):
    """The part (dict) of the journal for the data root; None if it remains where it is. Raises DataRootError."""
    filesystem.check_target_path(location.root, target, DATA)
    if location.has_root_flag:
        _check_drop_in(host)
    source = os.path.realpath(location.root)  # if it is a link, the directory is moved
    if not _has_data_to_move(old_roots, source, target, location):
        return new_part(DATA, location.root, target, "none") if location.has_root_flag else None
    _check_mounts(source)
    directory = os.path.realpath(target) if os.path.islink(target) else target  # the copy is made on the filesystem of the directory
    _check_target(source, directory, DATA)
    if is_remapped(location):
        _check_access(directory, location)
    has_overlay = location.info.get("Driver", "overlay2") == "overlay2"
    return _plan_directory(DATA, source, directory, target, has_overlay)


def plan_store(host, location, target, is_shared):
    """The part (dict) of the journal for containerd's root.

    None if nothing has to be moved: `target` is empty, Docker has no containerd store, or the store is at `target` or in the data root.
    Raises DataRootError.
    """
    if not target:
        return None
    filesystem.check_absolute_path(target, STORE)
    store = find_image_store(host, location)
    if not store.root or is_same_path(store.root, target):
        return None
    source = os.path.realpath(store.root)
    if not os.path.isdir(source):  # containerd has never run: it creates its root when it starts
        return None
    if filesystem.is_inside(source, os.path.realpath(location.root)):  # it moves together with the data root
        return None
    filesystem.check_target_path(source, target, STORE)
    host.check_containerd_unit()
    if has_data(source):
        check_store_users(host, is_shared)
        check_store_mounts(source)
    directory = os.path.realpath(target) if os.path.islink(target) else target
    _check_target(source, directory, STORE)
    return _plan_directory(STORE, source, directory, target, has_overlay=True)


def _plan_directory(name, source, directory, requested, has_overlay):
    """The part (dict) of the journal for a directory whose data is moved."""
    parent = _existing_directory(directory)
    if has_overlay:
        _check_filesystem(directory, parent)
    size, entries = filesystem.measure_data(source)
    status = os.statvfs(parent)
    return new_part(name, source, directory, _choose_method(source, directory, parent), requested=requested, size=size, entries=entries,
                    free=status.f_bavail * status.f_frsize)


def _existing_directory(path):
    """The directory (str) whose filesystem the data gets: `path` itself, or the existing one in which it will be created."""
    return existing_parent(path if os.path.isdir(path) else os.path.dirname(path))


def _check_separate(parts, data_root):
    """Raise DataRootError if a new root is inside another root, new or current, or if a root that is moved contains the other one.

    data_root: str, Docker's current one, also if it remains.
    """
    paths = {DATA: [data_root], STORE: []}
    for part in parts:
        paths[part["name"]] += [os.path.realpath(part["from"]), os.path.realpath(part["to"])]
    for part, name in [(part, name) for part in parts for name in (DATA, STORE) if name != part["name"]]:
        for other in paths[name]:
            if filesystem.is_inside(os.path.realpath(part["to"]), other):
                raise DataRootError("The new %s %s is inside the %s %s. Choose separate paths" % (part["name"], part["to"], name, other))
            if part["method"] != "none" and filesystem.is_inside(other, part["from"]):
                raise DataRootError("The %s %s is inside the %s %s, which is moved. Choose separate paths" % (
                    name, other, part["name"], part["from"]))


def _has_data_to_move(old_roots, source, target, location):
    """Whether `source` contains data that has to be moved. Raises DataRootError if it is an old root that is requested again."""
    if location.detected_from == "default" and source in old_roots.recorded():
        # Docker was removed, and with it the configuration that names the current root.
        if is_same_path(source, target):
            raise DataRootError("%s is an old data root that was kept after its data had been moved. Set the data root that was used "
                                "since then; if there is none, remove %s" % (source, old_roots.state.old_roots_path))
        if has_data(target):
            return False
    if is_same_path(source, target):
        return False
    return has_data(source) if location.info else has_complete_data(source)


def _check_drop_in(host):
    """Raise DataRootError if the drop-in that removes the flag of the data root would be overridden by another one."""
    path = exec_start_path(host.unit_text())
    if path and path.endswith(".conf") and os.path.basename(path) > os.path.basename(host.drop_in):
        raise DataRootError("%s sets the data root by a flag and would override %s. Remove the flag, or give the file a name that sorts "
                            "before it" % (path, host.drop_in))


def _check_live_restore(location):
    if location.info.get("LiveRestoreEnabled") and location.options.get("live-restore") is not True:
        raise DataRootError("live-restore is set by a flag in docker.service: containers would continue to write to their data "
                            "while it is copied. Remove the flag (it can be set in daemon.json instead), restart Docker and run again")


def _check_mounts(source):
    foreign = foreign_mounts(source)
    if foreign:
        raise DataRootError("Another filesystem is mounted below Docker's data, and a move would not include it: %s. Unmount it, or "
                            "mount it below the new data root and change the data root yourself" % ", ".join(foreign))


def _check_target(source, target, name):
    if os.path.lexists(target) and not os.path.isdir(target):
        raise DataRootError("%s is not a directory, and the data of %s cannot be moved there. Remove it, or choose another %s" % (
            target, source, name))
    if has_complete_data(target):
        raise DataRootError("%s is not empty, and the data is at %s. The new %s must be empty or missing. Empty %s, or choose "
                            "another path" % (target, source, name, target))


def is_remapped(location):
    """Whether Docker uses a user namespace: userns-remap in daemon.json or as a flag."""
    return bool(location.info.get("RemappedRoot") or location.options.get("userns-remap")
                or any(re.match(r"--userns-remap(?:=.|$)", word) for word in location.words))


def _check_access(target, location):
    """With userns-remap, Docker starts only if the remapped root may enter all directories above the data root.

    moby docker-v29.0.0 daemon/daemon_unix.go, setupDaemonRoot() and canAccess(); v20.10.24: pkg/idtools, CanAccess().
    """
    identity = [int(part) for part in location.info.get("RemappedRoot", "").split(".") if part] or [-1, -1]
    directory = os.path.dirname(os.path.realpath(target))
    parent = existing_parent(directory)
    closed = [path for path in parents(parent) if not filesystem.can_enter(path, *identity)]
    if closed:
        raise DataRootError("Docker uses userns-remap, and its containers may not enter %s: mode o+x is required for all directories above "
                            "the data root. Run `chmod o+x` for it, or choose another data root" % ", ".join(closed))
    if parent != directory and filesystem.current_umask() & 0o001:
        raise DataRootError("Docker uses userns-remap, and its containers could not enter %s, because root's umask is %04o and the "
                            "directory is missing. Create it with mode 0755" % (directory, filesystem.current_umask()))


def parents(path):
    """A path (str, absolute) and all directories above it (list of str), without `/`."""
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1) if parts[0]]


def _check_filesystem(target, parent):
    problem = filesystem.data_root_problem(target, parent)
    if problem:
        raise DataRootError(problem)


def new_root_problem(target):
    """Why Docker would not start on `target` (str, a sentence) if it were installed now; empty if nothing is known. Raises OSError."""
    directory = os.path.realpath(target)
    if os.path.islink(target) and not os.path.lexists(directory):  # dockerd creates a missing directory, but not the target of a link
        return "%s is a link to %s, which does not exist. Create that directory, or choose another path" % (target, directory)
    parent = target if os.path.lexists(target) else existing_parent(target)
    if not os.path.isdir(parent):
        return "%s is not a directory, so that Docker cannot use %s as its data root. Choose another path" % (parent, target)
    return filesystem.data_root_problem(target, parent)


def _choose_method(source, target, parent):
    """`rename` if directory and target can exchange their names, else `copy`."""
    if os.path.ismount(source) or os.path.ismount(target):
        return "copy"
    return "rename" if filesystem.can_rename(source, parent) and filesystem.can_exchange(parent) else "copy"


def _check_space(parts):
    """Compare what the data of all parts needs with what is free, including what an unfinished copy uses already.

    parts: list of dict, those that are copied. Raises DataRootError.
    """
    parents = {part["name"]: _existing_directory(part["to"]) for part in parts}
    for device in {os.stat(parent).st_dev for parent in parents.values()}:
        together = [part for part in parts if os.stat(parents[part["name"]]).st_dev == device]
        _check_space_of_filesystem(together, parents[together[0]["name"]])


def _check_space_of_filesystem(parts, parent):
    partials = [filesystem.partial_copy_path(part["to"]) for part in parts]
    copied = [filesystem.measure_data(partial) for partial in partials if os.path.isdir(partial)]
    copied_size, copied_entries = sum(size for size, unused in copied), sum(entries for unused, entries in copied)
    size, entries = sum(part["size"] for part in parts), sum(part["entries"] for part in parts)
    sources = " and ".join(part["from"] for part in parts)
    status = os.statvfs(parent)
    free, inodes = status.f_bavail * status.f_frsize, status.f_favail
    if free + copied_size < size * SPACE_FACTOR:
        raise DataRootError("%s has %s free; moving the data of %s needs %s. Free some space, or choose a path on a larger "
                            "filesystem" % (parent, format_gib(free), sources, format_gib(size * SPACE_FACTOR - copied_size)))
    if status.f_files and inodes + copied_entries < entries * SPACE_FACTOR:
        raise DataRootError("%s has %d inodes free; moving the data of %s needs %d. Choose a path on a filesystem with more inodes"
                            % (parent, inodes, sources, entries * SPACE_FACTOR - copied_entries))
