# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that name the data root: daemon.json, the drop-in, containerd's configuration, containers. Private to the collection."""
import contextlib
import glob
import json
import os
import time

from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError, parse_daemon_json, render_daemon_json
from ansible_collections.fay.rancher.plugins.module_utils._engine.containerd_config import find_root, set_root
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import is_inside, read_text, sync_directory
from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import environment, environment_files
from ansible_collections.fay.rancher.plugins.module_utils._files import make_directories, write_atomically

RELOAD_SECONDS = 30
CONTAINER_FILE = "config.v2.json"
DROP_IN_TEXT = """\
# Made by fay.rancher: the data root is set in /etc/docker/daemon.json, and dockerd does not start if it is also a flag.
[Service]
ExecStart=
ExecStart=%s
"""


def unit_variables(unit):
    """{name: value} of the variables of a unit, with those of its environment files. unit: str. Raises OSError."""
    paths = [path for pattern in environment_files(unit) for path in sorted(glob.glob(pattern)) if os.path.isfile(path)]
    return environment(unit, [read_text(path, errors="replace") for path in paths])


def write_configuration(path, text):
    """Write a configuration file to disk, with its directory; a new one has the mode 0644. Raises OSError."""
    make_directories(os.path.dirname(path))
    _replace_text(path, text)
    sync_directory(os.path.dirname(path))


def write_daemon_json(host, options):
    """Replace daemon.json by a dict of options."""
    write_configuration(host.daemon_json, render_daemon_json(options))


def write_drop_in(host, command):
    """Override the unit's ExecStart by `command`. The drop-in of an earlier version is replaced."""
    write_configuration(host.drop_in, DROP_IN_TEXT % command)
    _restore(host.earlier_drop_in, "")


def disable_live_restore(host, clock):
    """Turn live-restore off in daemon.json and wait until Docker has done so. clock: function that returns seconds.

    Raises DataRootError after RELOAD_SECONDS.
    """
    options = parse_daemon_json(read_text(host.daemon_json))
    write_daemon_json(host, dict(options, **{"live-restore": False}))
    host.reload()
    deadline = clock() + RELOAD_SECONDS
    while host.docker_info().get("LiveRestoreEnabled"):
        if clock() > deadline:
            raise DataRootError("live-restore is still on %d seconds after a reload of Docker; it must be off while the data is moved. "
                                "See `journalctl -u docker`" % RELOAD_SECONDS)
        time.sleep(host.poll_seconds)


def containerd_root(host, source):
    """containerd's root (str) as written in its configuration, if it is below `source`; else None."""
    match = find_root(read_text(host.containerd_config))
    root = match[2] if match else ""
    return root if root.startswith("/") and "\0" not in root and is_inside(os.path.realpath(root), source) else None


def move_containerd_root(host, old, new):
    """Change containerd's root from below `old` to the same path below `new`, if it is below `old`."""
    root = containerd_root(host, old)
    if root:
        write_containerd_root(host, new + os.path.realpath(root)[len(old):])


def write_containerd_root(host, root):
    """Set containerd's root in its configuration."""
    write_configuration(host.containerd_config, set_root(read_text(host.containerd_config), root))


def read_configuration(host):
    """{daemon_json, drop_in, earlier_drop_in, containerd: text} for restore_configuration(); empty for files that do not exist."""
    return {"daemon_json": read_text(host.daemon_json), "drop_in": read_text(host.drop_in),
            "earlier_drop_in": read_text(host.earlier_drop_in), "containerd": read_text(host.containerd_config)}


def restore_configuration(host, texts, with_containerd, is_containerd_last):
    """Write the texts of read_configuration() back.

    is_containerd_last: bool. If containerd's root is below the data root, daemon.json is last, because it decides which data root
    is used. If containerd's root is moved itself, its file is last: it was written first.
    """
    if with_containerd and not is_containerd_last:
        _restore(host.containerd_config, texts["containerd"])
    _restore(host.earlier_drop_in, texts["earlier_drop_in"])
    _restore(host.drop_in, texts["drop_in"])
    _restore(host.daemon_json, texts["daemon_json"])
    if with_containerd and is_containerd_last:
        _restore(host.containerd_config, texts["containerd"])


def _replace_text(path, text):
    """Replace a file's text. Mode and owner of an existing file are kept."""
    status = os.stat(path) if os.path.exists(path) else None
    write_atomically(path, text, status.st_mode & 0o777 if status else 0o644, (status.st_uid, status.st_gid) if status else None)


def _restore(path, text):
    if text:
        _replace_text(path, text)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def repoint_containers(root, old, new):
    """In the containers of the data root at `root`, replace paths below `old` by the same paths below `new`.

    Docker stores absolute paths in containers/ID/config.v2.json: of volumes in MountPoints.NAME.Source, of logs and similar
    files in separate fields (moby v20.10 container/container.go), and does not determine them again when it starts. A
    path that the user mounted from the host (Type bind) is left unchanged. With userns-remap, the containers are in ROOT/UID.GID.
    Raises OSError.
    """
    for path in glob.glob(os.path.join(glob.escape(root), "containers", "*", CONTAINER_FILE)) + glob.glob(
            os.path.join(glob.escape(root), "[0-9]*.[0-9]*", "containers", "*", CONTAINER_FILE)):
        try:
            with open(path, encoding="utf-8") as source:
                config = json.load(source)
        except (OSError, ValueError):  # Docker skips such a container too
            continue
        if _replace_paths(config, old.rstrip("/"), new.rstrip("/")):
            status = os.stat(path)
            text = json.dumps(config, separators=(",", ":"), ensure_ascii=False)
            write_atomically(path, text, status.st_mode & 0o777, (status.st_uid, status.st_gid))


def _replace_paths(config, old, new):
    """Replace the paths in a container's configuration (dict, changed in place). Returns whether there were any."""
    volumes = [point for point in (config.get("MountPoints") or {}).values() if point.get("Type") == "volume"]
    changed = False
    for fields in [config] + volumes:
        for key, value in fields.items():
            if isinstance(value, str) and value.startswith(old + "/"):
                fields[key] = new + value[len(old):]
                changed = True
    return changed
