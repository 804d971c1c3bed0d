# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop-ins and journals of earlier versions of the collection. The host is the one of docker_host.py."""
import json
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.journal import convert_earlier
from docker_host import (
    FakeHost,
    disable_rename,
    finish,
    journal_exists,
    move_of,
    read_docker_data,
    target_of,
    use_ext4,
    write_docker_data,
    write_text,
)

DROP_IN = "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd -H fd://\n"


@pytest.fixture
def host_with_flag(tmp_path, monkeypatch):
    """A host whose unit has a flag of the data root. Its Docker would be empty without the flag."""
    use_ext4(monkeypatch)
    host = FakeHost(tmp_path)
    host.default_root, host.flag = os.path.join(host.folder, "elsewhere"), host.default_root
    write_docker_data(host.flag)
    return host


def save_earlier_journal(host, method, phase, source, target):
    """Write the journal of a move by an earlier version, which had neither `requested` nor `earlier_drop_in`."""
    state = move_of(host).state
    os.makedirs(state.directory)
    state.save_journal({"from": source, "to": target, "method": method, "phase": phase, "size": 0, "entries": 0, "free": 0, "containers": 1,
                        "live_restore": False, "swarm": False, "services": [], "running": True, "objects": None, "daemon_json": "",
                        "drop_in": "", "containerd": ""})


def override_earlier_drop_in(host):
    """Give the host a drop-in of an earlier version, and a flag in a drop-in that overrides it."""
    write_text(host.earlier_drop_in, DROP_IN)
    unit_text = host.unit_text
    host.unit_text = lambda: unit_text().replace(DROP_IN, DROP_IN + "ExecStart=\nExecStart=/d -g %s\n" % host.flag)


def test_a_move_that_replaces_a_flag_removes_the_drop_in_of_an_earlier_version(host_with_flag):
    override_earlier_drop_in(host_with_flag)
    host_with_flag.start()
    finish(move_of(host_with_flag))
    assert host_with_flag.root() == target_of(host_with_flag)
    assert os.path.exists(host_with_flag.drop_in) and not os.path.exists(host_with_flag.earlier_drop_in)


def test_a_rollback_restores_the_drop_in_of_an_earlier_version(host_with_flag):
    override_earlier_drop_in(host_with_flag)
    host_with_flag.start()
    host_with_flag.broken_roots = (target_of(host_with_flag),)
    with pytest.raises(DataRootError, match="Docker uses .* again"):
        finish(move_of(host_with_flag))
    assert read_text(host_with_flag.earlier_drop_in) == DROP_IN and not os.path.exists(host_with_flag.drop_in)
    assert host_with_flag.root() == host_with_flag.flag


def test_a_drop_in_of_an_earlier_version_remains_if_no_flag_is_replaced(host_with_flag):
    """It contains the command with which Docker runs."""
    write_text(host_with_flag.earlier_drop_in, DROP_IN)
    write_text(host_with_flag.daemon_json, json.dumps({"data-root": host_with_flag.flag}))
    host_with_flag.start()
    finish(move_of(host_with_flag))
    assert host_with_flag.root() == target_of(host_with_flag) and os.path.exists(host_with_flag.earlier_drop_in)


def begin_flag_replacement(host):
    """An earlier version is killed after it has replaced the flag, before it starts Docker."""
    save_earlier_journal(host, "none", "switch", host.flag, host.flag)
    write_text(host.daemon_json, json.dumps({"data-root": host.flag}))
    write_text(host.earlier_drop_in, DROP_IN)


def test_a_flag_replacement_of_an_earlier_version_is_rolled_back_with_its_drop_in(host_with_flag):
    begin_flag_replacement(host_with_flag)
    start = host_with_flag.start

    def fail_with_daemon_json():
        if os.path.exists(host_with_flag.daemon_json):
            raise DataRootError("Docker does not start")
        start()
    host_with_flag.start = fail_with_daemon_json
    with pytest.raises(DataRootError, match="Docker uses .* again"):
        finish(move_of(host_with_flag, host_with_flag.flag))
    assert not os.path.exists(host_with_flag.earlier_drop_in)
    assert host_with_flag.is_started and host_with_flag.root() == host_with_flag.flag


def test_a_flag_replacement_of_an_earlier_version_is_completed(host_with_flag):
    begin_flag_replacement(host_with_flag)
    host_with_flag.boot()
    finish(move_of(host_with_flag, host_with_flag.flag))
    assert not journal_exists(host_with_flag) and read_text(host_with_flag.earlier_drop_in) == DROP_IN
    assert host_with_flag.is_started and host_with_flag.root() == host_with_flag.flag


def test_a_flag_replacement_of_an_earlier_version_is_completed_before_another_move(host_with_flag):
    begin_flag_replacement(host_with_flag)
    host_with_flag.boot()
    assert not move_of(host_with_flag).advance(60).done
    assert json.loads(read_text(host_with_flag.daemon_json)) == {"data-root": host_with_flag.flag}
    finish(move_of(host_with_flag))
    assert host_with_flag.is_started and host_with_flag.root() == target_of(host_with_flag)


def test_a_journal_without_the_drop_in_of_an_earlier_version_does_not_change_it(host):
    write_text(host.earlier_drop_in, DROP_IN)
    save_earlier_journal(host, "copy", "copy", "/old", "/new")
    journal = dict(move_of(host).state.load_journal(), requested="/x", drop_in="text")
    convert_earlier(host, journal)
    assert (journal["drop_in"], journal["earlier_drop_in"]) == ("text", DROP_IN)
    assert journal["parts"][0]["requested"] == "/x"


@pytest.mark.parametrize("phase", ["copy", "switch", "start"])
@pytest.mark.parametrize("is_undoing", [False, True])
def test_an_earlier_move_of_the_remapped_directory_alone_is_rolled_back(host, monkeypatch, phase, is_undoing):
    """Docker would look for its data in TARGET/UID.GID. The host's boot has started it there, on an empty directory."""
    disable_rename(monkeypatch)
    root, target = host.default_root, target_of(host)
    os.rename(root, root + ".data")
    os.makedirs(root)
    remapped = os.path.join(root, "100000.100000")
    os.rename(root + ".data", remapped)
    monkeypatch.setattr(FakeHost, "list_objects", lambda host: {
        "images": os.listdir(host.root() + "/100000.100000/image"), "volumes": [], "networks": [], "containers": {}})
    before = sorted(read_docker_data(remapped, in_use=False))
    save_earlier_journal(host, "copy", phase, remapped, target)
    if is_undoing:
        move_of(host).state.save_journal(move_of(host).state.load_journal(), undoing=True)
    if phase != "copy":
        os.makedirs(target + "/100000.100000/image")
        write_text(host.daemon_json, json.dumps({"data-root": target}))
    host.boot()
    finish(move_of(host))
    assert host.is_started and host.root() == target and not journal_exists(host)
    assert sorted(read_docker_data(target + "/100000.100000", in_use=False)) == before
