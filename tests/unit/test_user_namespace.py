# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves of a Docker with userns-remap, which keeps its data in ROOT/UID.GID and names that directory as its root."""
import json
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine import filesystem, plan
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.host import Host, with_configured_root
from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import command_words
from docker_host import FakeHost, disable_rename, finish, move_of, read_docker_data, target_of, use_ext4, write_docker_data, write_text
from hypothesis import given
from hypothesis import strategies as st

REMAPPED = "231072.231072"
USERNS = ["name=seccomp,profile=default", "name=userns"]


class RemappedHost(FakeHost):
    """A host whose Docker uses userns-remap."""

    def docker_info(self):
        info = super().docker_info()
        root = info and os.path.join(info["DockerRootDir"], REMAPPED)
        return with_configured_root(dict(info, DockerRootDir=root, SecurityOptions=USERNS)) if info else {}

    def list_objects(self):
        configured = self.root()
        self.root = lambda: os.path.join(configured, REMAPPED)
        try:
            return super().list_objects()
        finally:
            del self.root


@pytest.fixture
def host(tmp_path, monkeypatch):
    use_ext4(monkeypatch)
    monkeypatch.setattr(plan, "parents", lambda path: [])  # pytest's own directories are closed to other users
    host = RemappedHost(tmp_path)
    write_docker_data(os.path.join(host.default_root, REMAPPED))
    host.is_started = True
    return host


@pytest.mark.parametrize("method", ["copy", "rename"])
def test_the_whole_root_is_moved_and_a_second_run_changes_nothing(host, monkeypatch, method):
    before = read_docker_data(host.default_root + "/" + REMAPPED)
    if method == "copy":
        disable_rename(monkeypatch)
    result = finish(move_of(host))
    assert (result["from"], result["to"], result["method"]) == (os.path.realpath(host.default_root), target_of(host), method)
    assert read_docker_data(target_of(host) + "/" + REMAPPED) == before
    assert json.loads(filesystem.read_text(host.daemon_json))["data-root"] == target_of(host)
    assert move_of(host).plan() is None and finish(move_of(host)) is None


def test_the_current_root_is_not_removed_even_if_it_is_recorded_as_an_old_one(host):
    roots = move_of(host, host.default_root, keep_old=False).old_roots
    os.mkdir(os.path.join(host.folder, "state"))
    roots.add(host.default_root)
    roots.remove_unused()
    assert os.path.isdir(host.default_root)


@pytest.mark.parametrize("info, root, remapped", [
    ({"DockerRootDir": "/data/231072.231072", "SecurityOptions": USERNS}, "/data", REMAPPED),
    ({"DockerRootDir": "/data/1.2/231072.231072/", "SecurityOptions": USERNS}, "/data/1.2", REMAPPED),
    ({"DockerRootDir": "/data/231072.231072", "SecurityOptions": ["name=seccomp,profile=name=userns.json"]}, "/data/231072.231072", ""),
    ({"DockerRootDir": "/data/231072.231072"}, "/data/231072.231072", ""),
    ({"DockerRootDir": "/data/231072.231072", "SecurityOptions": None}, "/data/231072.231072", ""),
    ({"DockerRootDir": "/data/docker", "SecurityOptions": USERNS}, "/data/docker", ""),
])
def test_the_configured_root_is_known(monkeypatch, info, root, remapped):
    host = Host()
    monkeypatch.setattr(host, "run_docker", lambda *command: (0, json.dumps(info), ""))
    result = host.docker_info()
    assert (result["DockerRootDir"], result["RemappedRoot"]) == (root, remapped)


@pytest.mark.parametrize("output", ["[]", "null", "5", "", "{", '{"DockerRootDir": ""}', '{"DockerRootDir": null}'])
def test_other_output_is_no_answer(monkeypatch, output):
    host = Host()
    monkeypatch.setattr(host, "run_docker", lambda *command: (0, output, ""))
    assert host.docker_info() == {}


@given(st.text(min_size=1), st.none() | st.lists(st.text() | st.none() | st.sampled_from(USERNS)))
def test_any_answer_is_accepted(root, options):
    info = with_configured_root({"DockerRootDir": root, "SecurityOptions": options})
    assert os.path.join(info["DockerRootDir"], info["RemappedRoot"]).rstrip("/") == root.rstrip("/")


# ---- directories above the new root

def location_of(info=None, options=None, command="/usr/bin/dockerd"):
    """A Location whose ExecStart is the command, which can contain the variable OPTS."""
    words = command_words(command, {"OPTS": "-D '--userns-remap' default"})
    return plan.Location("/data", "docker", command, False, options or {}, info or {}, words)


@pytest.mark.parametrize("location, is_remapped", [
    (location_of({"RemappedRoot": REMAPPED}), True), (location_of(options={"userns-remap": "default"}), True),
    (location_of(command="/usr/bin/dockerd --userns-remap=default"), True), (location_of({"RemappedRoot": ""}), False),
    (location_of(command="/usr/bin/dockerd '--userns-remap=default'"), True), (location_of(command="/usr/bin/dockerd $OPTS"), True),
    (location_of(command="/usr/bin/dockerd --userns-remap="), False),
    (location_of(command="/usr/bin/dockerd --label=--userns-remap"), False),
    (location_of(command="/usr/bin/dockerd --userns-remap default -D"), True), (location_of(options={"userns-remap": ""}), False)])
def test_userns_remap_is_recognized_also_if_docker_is_stopped(location, is_remapped):
    assert plan.is_remapped(location) == is_remapped


@pytest.mark.parametrize("mode, uid, gid, can_enter", [
    (0o711, 0, 0, True), (0o710, 0, 0, False), (0o700, 231072, 0, True), (0o710, 0, 231073, True), (0o740, 0, 231073, False)])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give directories away")
def test_a_directory_above_the_root_that_is_closed_is_rejected(host, tmp_path, monkeypatch, mode, uid, gid, can_enter):
    closed = str(tmp_path / "closed")
    os.mkdir(closed)
    os.chmod(closed, mode)
    os.chown(closed, uid, gid)
    monkeypatch.setattr(plan, "parents", lambda path: [closed])
    monkeypatch.setattr(host, "docker_info", lambda: with_configured_root(
        {"DockerRootDir": host.default_root + "/231072.231073", "SecurityOptions": USERNS}))
    if can_enter:
        assert move_of(host).plan()["parts"][0]["to"] == target_of(host)
    else:
        with pytest.raises(DataRootError, match="its containers may not enter %s: mode o.x is required for" % closed):
            move_of(host).plan()


def test_a_umask_that_would_close_the_new_directories_is_rejected(host, monkeypatch):
    monkeypatch.setattr(filesystem, "current_umask", lambda: 0o077)
    missing = os.path.dirname(target_of(host))
    with pytest.raises(DataRootError, match="could not enter %s, because root's umask is 0077.*Create it with mode 0755" % missing):
        move_of(host).plan()
    os.mkdir(missing)
    assert move_of(host).plan()["parts"][0]["to"] == target_of(host)


def test_without_a_user_namespace_closed_directories_do_not_matter(tmp_path, monkeypatch):
    use_ext4(monkeypatch)
    host = FakeHost(tmp_path)
    write_docker_data(host.default_root)
    host.is_started = True
    os.chmod(str(tmp_path), 0o700)
    assert move_of(host).plan()["parts"][0]["to"] == target_of(host)


def test_all_directories_above_the_root_are_checked():
    assert plan.parents("/srv/a/b") == ["/srv", "/srv/a", "/srv/a/b"] and plan.parents("/") == []


def test_containers_outside_and_inside_the_remapped_root_get_the_new_paths(host, monkeypatch):
    disable_rename(monkeypatch)
    write_docker_data(host.default_root)  # from a time without userns-remap
    write_text(os.path.join(host.default_root, "containers", "file"), "")
    finish(move_of(host))
    for folder in ("", "/" + REMAPPED):
        root = target_of(host) + folder
        points = json.loads(filesystem.read_text(root + "/containers/c1/config.v2.json"))["MountPoints"]
        assert points["/data"]["Source"] == root + "/volumes/data"
