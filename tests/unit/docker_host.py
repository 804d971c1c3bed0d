# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose Docker consists of a few files, for tests of the data root."""
import json
import os
import subprocess
import sys

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine import plan
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError, parse_daemon_json
from ansible_collections.fay.rancher.plugins.module_utils._engine.containerd_config import find_root
from ansible_collections.fay.rancher.plugins.module_utils._engine.data_root import Move
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.host import Host
from ansible_collections.fay.rancher.plugins.module_utils._engine.journal import DATA
from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import exec_start, split_root_flag

CONTAINERD_INFO = {"Driver": "overlayfs", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
                   "Containerd": {"Address": "/run/containerd/containerd.sock"}}


class PowerCut(BaseException):
    """The end of a run at a chosen instant. The code under test must not catch it."""


class FakeHost(Host):
    """A host in a directory. Its Docker reads daemon.json as the real one does, and writes to its root when it starts."""

    poll_seconds = 0.01

    def __init__(self, folder):
        self.folder = str(folder)
        self.daemon_json = os.path.join(self.folder, "daemon.json")
        self.drop_in = os.path.join(self.folder, "drop-in.conf")
        self.earlier_drop_in = os.path.join(self.folder, "earlier-drop-in.conf")
        self.containerd_config = os.path.join(self.folder, "containerd.toml")
        self.live_restore = False  # of the running Docker
        self.has_containerd_store = False
        self.namespaces, self.tasks = ["moby"], []
        self.default_root = os.path.join(self.folder, "old", "docker")
        self.flag = None
        self.is_started = False
        self.started_on = None  # the root that Docker had when it started
        self.broken_roots = ()  # roots on which Docker does not start
        self.is_containerd_started = True
        self.steps, self.cut_at = 0, None

    def count_step(self):
        """Count a change of the host. The power fails here if this is the chosen step."""
        self.steps += 1
        if self.steps == self.cut_at:
            raise PowerCut()

    def unit_text(self):
        return "[Service]\nExecStart=/usr/bin/dockerd -H fd://%s\n%s\n%s" % (
            " --data-root " + self.flag if self.flag else "", read_text(self.earlier_drop_in), read_text(self.drop_in))

    def root(self):
        """The root that Docker would use if it was started. Raises DataRootError if Docker would not start."""
        configured = parse_daemon_json(read_text(self.daemon_json)).get("data-root")
        unit = self.unit_text()
        flag = split_root_flag(exec_start(unit), plan.unit_variables(unit))[1]
        if configured and flag:
            raise DataRootError("the following directives are specified both as a flag and in the configuration file")
        return configured or flag or self.default_root

    def is_running(self):
        return self.is_started

    def is_containerd_running(self):
        return self.is_containerd_started

    def containerd_root(self):
        match = find_root(read_text(self.containerd_config))
        return match[2] if match else os.path.join(self.folder, "old", "containerd")

    def containerd_namespaces(self):
        return self.namespaces

    def containerd_tasks(self, namespace):
        return self.tasks

    def check_containerd_unit(self):
        pass

    def start_containerd(self):
        self.is_containerd_started = True

    def docker_info(self):
        if not self.is_started:
            return {}
        info = {"DockerRootDir": os.path.realpath(self.started_on or self.root()), "ContainersRunning": 1,
                "LiveRestoreEnabled": self.live_restore, "Driver": "overlay2"}
        return dict(info, **CONTAINERD_INFO) if self.has_containerd_store else info

    def image_directory(self):
        """Where the images are: in the data root, or in containerd's root."""
        return os.path.join(self.containerd_root() if self.has_containerd_store else self.root(), "image")

    def list_objects(self):
        state = "running" if self.is_started and self.has_volume_of_container() else "exited"
        return {"images": sorted(os.listdir(self.image_directory())), "volumes": [], "networks": ["bridge"],
                "containers": {"c1": [state, "always"]}}

    def has_volume_of_container(self):
        with open(os.path.join(self.root(), "containers", "c1", "config.v2.json")) as source:
            return os.path.isfile(json.load(source)["MountPoints"]["/data"]["Source"] + "/file")

    def reload(self):
        self.live_restore = parse_daemon_json(read_text(self.daemon_json)).get("live-restore", False)
        self.count_step()

    def stop(self, *services):
        assert not self.live_restore, "the containers would continue to write"
        assert self.has_containerd_store or bool(services) == os.path.exists(self.containerd_config)
        self.is_containerd_started = self.is_containerd_started and not services
        self.is_started, self.started_on = False, None
        self.count_step()

    def start(self):
        root = self.root()
        if self.is_started and self.started_on:
            return  # as systemctl does
        if root in self.broken_roots:
            raise DataRootError("Docker does not start")
        self.is_started, self.started_on = True, root
        self.live_restore = parse_daemon_json(read_text(self.daemon_json)).get("live-restore", False)
        self.is_containerd_started = True
        os.makedirs(self.image_directory(), exist_ok=True)  # the real one does this in an empty root
        self.count_step()

    def boot(self):
        """Start the host after a power cut: Docker starts on the configured root if it can."""
        self.steps, self.cut_at = 0, None
        try:
            self.start()
        except DataRootError:
            self.is_started = False

    def has_rsync(self):
        return True

    def copy_command(self, source, target):
        return ["sh", "-c", 'rm -rf "$1" && cp -a "$0" "$1"', source, target]

    def start_copy(self, *arguments):
        super().start_copy(*arguments)
        self.count_step()

    def list_differences(self, source, target):
        return subprocess.run(["diff", "-rq", source, target], stdout=subprocess.PIPE).stdout.decode().splitlines()

    def apply_selinux_rules(self, target, default_root):
        self.count_step()


def write_text(path, text):
    with open(path, "w") as target:
        target.write(text)


def write_docker_data(root):
    """Create a data root with two images and a container with a volume and a bind mount."""
    os.makedirs(os.path.join(root, "image"))
    os.makedirs(os.path.join(root, "volumes", "data"))
    for name in ("image/sha256-1", "image/sha256-2", "volumes/data/file"):
        write_text(os.path.join(root, name), "content of " + name)
    os.makedirs(os.path.join(root, "containers", "c1"))
    config = {"LogPath": root + "/containers/c1/log", "Name": "/c1", "MountPoints": {
        "/data": {"Type": "volume", "Name": "data", "Source": root + "/volumes/data"},
        "/host": {"Type": "bind", "Source": root + "/volumes"}}}
    write_text(os.path.join(root, "containers", "c1", "config.v2.json"), json.dumps(config))


def write_store(root):
    """Create a root of containerd with two images."""
    os.makedirs(os.path.join(root, "image"))
    for name in ("sha256-1", "sha256-2"):
        write_text(os.path.join(root, "image", name), "content of " + name)


def read_docker_data(root, in_use=True):
    """{path: text} of a root. in_use: whether to check that its container finds its volume in it."""
    texts = {}
    for folder, unused, files in os.walk(root):
        for name in files:
            path = os.path.join(folder, name)
            text = read_text(path)
            if name == "config.v2.json":
                points = json.loads(text)["MountPoints"]
                assert not in_use or os.path.samefile(points["/data"]["Source"], root + "/volumes/data")
                text = points["/host"]["Source"]  # must not change
            texts[os.path.relpath(path, root)] = text
    return texts


def create_host(folder, monkeypatch):
    """A FakeHost with data on its default root and a running Docker."""
    use_ext4(monkeypatch)
    host = FakeHost(folder)
    write_docker_data(host.default_root)
    host.is_started = True
    return host


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A host with data on its default root and a running Docker."""
    return create_host(tmp_path, monkeypatch)


@pytest.fixture(params=["copy", "rename"])
def method(request, monkeypatch):
    """Both methods of a move: copy and rename."""
    if request.param == "copy":
        disable_rename(monkeypatch)
    return request.param


def target_of(host):
    return os.path.join(host.folder, "new", "docker")


def link_target(host, is_missing=False):
    """Make the target a link to an empty directory, or to a missing one. Returns the directory."""
    directory = os.path.join(os.path.realpath(host.folder), "disk", "docker")
    os.makedirs(os.path.dirname(directory) if is_missing else directory)
    os.makedirs(os.path.dirname(target_of(host)), exist_ok=True)
    os.symlink(directory, target_of(host))
    return directory


def move_of(host, target=None, **options):
    return Move(host, target or target_of(host), state_directory=os.path.join(host.folder, "state"), **options)


def finish(move):
    """Advance a move to its end, as the action plugin does. Returns the result."""
    for unused in range(20):
        progress = move.advance(60)
        if progress.done:
            data = (progress.result or {}).get(DATA)
            return dict(progress.result, **data) if data else progress.result
    raise AssertionError("the move does not end")


def journal_exists(host):
    return os.path.exists(os.path.join(host.folder, "state", "docker-data-root.json"))


def disable_rename(monkeypatch):
    """Make every move a copy, as between filesystems."""
    monkeypatch.setattr(plan.filesystem, "can_exchange", lambda directory: False)


def use_ext4(monkeypatch):
    """Make every filesystem ext4. That of the tests may be an overlay, which is rejected."""
    monkeypatch.setattr(plan.filesystem, "filesystem_type", lambda path: "ext4")


def count_changes(monkeypatch, host):
    """Count each change of a file or a name below the host's directory as a step, at which the power can fail."""
    modules = [module for name, module in sorted(sys.modules.items()) if "._engine." in name]
    owners = [(os, name) for name in ("rename", "symlink", "unlink")]
    owners += [(module, name) for module in modules for name in ("write_atomically", "exchange") if hasattr(module, name)]
    for owner, name in owners:
        original = getattr(owner, "_fay_original_" + name, None) or getattr(owner, name)
        monkeypatch.setattr(owner, "_fay_original_" + name, original, raising=False)

        def change(*arguments, original=original, **options):
            result = original(*arguments, **options)
            if host.folder in str(arguments[0]):
                host.count_step()
            return result
        monkeypatch.setattr(owner, name, change)
