# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves of the data root that fail: Docker runs on its old root again. The host is the one of docker_host.py."""
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import exec_start, split_root_flag
from docker_host import (
    disable_rename,
    finish,
    journal_exists,
    move_of,
    read_docker_data,
    target_of,
    write_text,
)


def test_docker_runs_on_its_old_root_if_it_does_not_start_on_the_new_one(host, method):
    before = read_docker_data(host.default_root)
    host.broken_roots = (target_of(host),)
    with pytest.raises(DataRootError, match="was not moved .* Docker does not start. Docker uses .* again, with its previous conf"):
        finish(move_of(host))
    assert host.is_started and host.root() == host.default_root
    assert read_docker_data(host.default_root) == before
    assert not os.path.exists(host.daemon_json)
    host.broken_roots = ()
    finish(move_of(host))
    assert read_docker_data(target_of(host)) == before


def test_a_rollback_restores_live_restore_and_containerd(host, method):
    write_text(host.daemon_json, '{"live-restore": true}')
    write_text(host.containerd_config, "root = '%s/containerd'\n" % host.default_root)
    host.start()
    host.broken_roots = (target_of(host),)
    with pytest.raises(DataRootError, match="Docker uses .* again"):
        finish(move_of(host))
    assert host.is_started and host.live_restore and host.root() == host.default_root
    assert read_text(host.containerd_config) == "root = '%s/containerd'\n" % host.default_root


def test_a_rollback_restores_the_flag_of_the_unit(host, method):
    host.flag = host.default_root
    host.broken_roots = (target_of(host),)
    with pytest.raises(DataRootError, match="Docker uses .* again"):
        finish(move_of(host))
    assert not os.path.exists(host.drop_in) and not os.path.exists(host.daemon_json)
    assert host.is_started and split_root_flag(exec_start(host.unit_text()))[1] == host.default_root


def test_a_failed_rollback_is_reported_and_the_next_run_completes_it(host, method):
    before = read_docker_data(host.default_root)
    start = host.start

    def fail_to_start():
        raise DataRootError("Docker does not start")
    host.start = fail_to_start
    with pytest.raises(DataRootError, match=r"was not moved from .* and the rollback also failed: Docker does not start. No data is lost"):
        finish(move_of(host))
    assert journal_exists(host)
    host.start = start
    finish(move_of(host))
    assert host.root() == target_of(host) and read_docker_data(target_of(host)) == before


def test_missing_objects_are_reported_and_the_move_is_rolled_back(host, method):
    list_objects = host.list_objects

    def objects_without_an_image():
        objects = list_objects()
        if host.root() == target_of(host):
            objects["images"] = objects["images"][1:]
        return objects
    host.list_objects = objects_without_an_image
    with pytest.raises(DataRootError, match="these images are missing on the new data root: sha256-1"):
        finish(move_of(host))
    assert host.is_started and host.root() == host.default_root and len(read_docker_data(host.default_root)) == 4


def test_a_failed_copy_leaves_docker_and_its_data_unchanged(host, monkeypatch):
    disable_rename(monkeypatch)
    monkeypatch.setattr(host, "copy_command", lambda source, target: ["cp", source + "-missing", target])
    with pytest.raises(DataRootError, match="the copy to .* failed: cp: .* Docker uses"):
        finish(move_of(host))
    assert host.is_started and host.root() == host.default_root and len(read_docker_data(host.default_root)) == 4


def test_a_missing_rsync_is_reported(host, monkeypatch):
    disable_rename(monkeypatch)
    host.has_rsync = lambda: False
    with pytest.raises(DataRootError, match="rsync is required for the copy but is not installed"):
        finish(move_of(host))
    assert host.is_started and host.root() == host.default_root


def test_docker_info_is_not_run_while_docker_must_be_stopped(host, method):
    """`docker info` starts a stopped Docker through its socket, on the old root. What Docker writes there would be lost."""
    docker_info = host.docker_info

    def start_and_answer():
        if not host.is_started:
            host.start()
        return docker_info()
    host.docker_info = start_and_answer
    before = read_docker_data(host.default_root)
    finish(move_of(host))
    assert host.root() == target_of(host) and read_docker_data(target_of(host)) == before


def test_a_move_is_rolled_back_if_docker_is_started_during_it(host, method):
    host.apply_selinux_rules = lambda target, default_root: host.start()
    with pytest.raises(DataRootError, match="Docker was started again and may have changed its data.* Docker uses .* again"):
        finish(move_of(host))
    assert host.is_started and host.root() == host.default_root
