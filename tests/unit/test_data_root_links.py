# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves to a data root that is a symbolic link, as to a directory on another disk."""
import json
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine import filesystem
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from docker_host import (
    PowerCut,
    count_changes,
    disable_rename,
    finish,
    link_target,
    move_of,
    read_docker_data,
    target_of,
    write_docker_data,
    write_text,
)


@pytest.mark.parametrize("is_missing", [False, True])
@pytest.mark.parametrize("method", ["copy", "rename"])
def test_the_data_is_moved_into_the_directory_that_the_link_leads_to(host, monkeypatch, method, is_missing):
    if method == "copy":
        disable_rename(monkeypatch)
    directory = link_target(host, is_missing)
    before = read_docker_data(host.default_root)
    result = finish(move_of(host))
    assert (result["to"], result["method"]) == (directory, method)
    assert os.path.islink(target_of(host)) and not os.path.islink(directory) and read_docker_data(directory) == before
    assert json.loads(filesystem.read_text(host.daemon_json))["data-root"] == target_of(host)
    assert sorted(os.listdir(os.path.dirname(directory))) == ["docker"] and os.listdir(os.path.dirname(target_of(host))) == ["docker"]
    assert finish(move_of(host)) is None and finish(move_of(host, directory)) is None


def test_the_filesystem_of_the_directory_is_checked_and_gets_the_copy(host, monkeypatch):
    """The link is on another filesystem, which is not checked."""
    directory = link_target(host)
    disk, checked = os.path.dirname(directory), []
    disable_rename(monkeypatch)
    monkeypatch.setattr(filesystem, "filesystem_type", lambda path: checked.append(path) or "ext4")
    partial = []
    start_copy = host.start_copy
    host.start_copy = lambda source, target, *rest: partial.append(target) or start_copy(source, target, *rest)
    finish(move_of(host))
    assert checked == [directory] and partial == [directory + filesystem.PARTIAL_SUFFIX] and partial[0].startswith(disk)


def test_a_link_to_a_mount_point_is_used_as_the_mount_point(host, monkeypatch):
    disable_rename(monkeypatch)
    directory = link_target(host)
    monkeypatch.setattr(os.path, "ismount", lambda path: path == directory)
    host.copy_command = lambda source, target: ["sh", "-c", 'cp -a "$0/." "$1"', source, target]
    host.list_differences = lambda source, target: []
    finish(move_of(host))
    assert os.listdir(os.path.dirname(directory)) == ["docker"] and not os.path.exists(directory + "/" + filesystem.MARKER)
    assert len(read_docker_data(directory)) == 4


def test_a_link_to_the_current_root_needs_no_move(host):
    os.makedirs(os.path.dirname(target_of(host)))
    os.symlink(host.default_root, target_of(host))
    assert move_of(host).plan() is None


def test_an_unfinished_move_to_a_link_continues_although_the_directory_is_a_link_now(host, monkeypatch):
    """A rename makes the directory a link to the old root for a while."""
    directory = link_target(host)
    count_changes(monkeypatch, host)
    for host.cut_at in range(1, 30):
        host.steps = 0
        with pytest.raises(PowerCut):
            finish(move_of(host))
        if os.path.islink(directory):
            break
    host.boot()
    assert finish(move_of(host))["to"] == directory and not os.path.islink(directory)


@pytest.mark.parametrize("phase", ["stop", "copy"])
def test_a_journal_of_an_earlier_version_is_continued(host, monkeypatch, phase):
    disable_rename(monkeypatch)
    move = move_of(host)
    entries = move.plan()
    journal = dict(entries, **entries.pop("parts")[0])
    del journal["copied"], journal["copying"]
    journal["phase"] = phase
    del journal["requested"]
    os.makedirs(move.state.directory)
    move.state.save_journal(journal, running=False, objects=None, daemon_json="", drop_in="", containerd="")
    assert finish(move)["to"] == target_of(host)
    assert len(read_docker_data(target_of(host))) == 4


@pytest.mark.parametrize("kind", ["file", "link to a file", "loop"])
def test_a_target_that_is_not_a_directory_is_rejected(host, kind):
    os.makedirs(os.path.dirname(target_of(host)))
    if kind == "file":
        write_text(target_of(host), "")
    elif kind == "loop":
        os.symlink(target_of(host), target_of(host))
    else:
        write_text(host.folder + "/file", "")
        os.symlink(host.folder + "/file", target_of(host))
    with pytest.raises(DataRootError, match="is not a directory, and the data of .* cannot be moved there"):
        move_of(host).plan()


def test_a_link_to_a_system_directory_is_rejected(host):
    os.makedirs(os.path.dirname(target_of(host)))
    os.symlink("/srv", target_of(host))
    with pytest.raises(DataRootError, match="is a link to /srv, which is a system directory"):
        move_of(host).plan()


@pytest.mark.parametrize("content", ["data", "inside"])
def test_a_link_to_other_data_or_into_the_old_root_is_rejected(host, content):
    directory = link_target(host)
    if content == "data":
        write_docker_data(directory)
    else:
        os.unlink(target_of(host))
        os.symlink(host.default_root + "/inner", target_of(host))
    with pytest.raises(DataRootError, match="is not empty" if content == "data" else "one path contains the other"):
        move_of(host).plan()


def test_the_plan_names_the_directory_and_the_requested_path(host):
    directory = link_target(host)
    part = move_of(host).plan()["parts"][0]
    assert (part["to"], part["requested"]) == (directory, target_of(host))
    assert move_of(host, directory).plan()["parts"][0]["requested"] == directory
