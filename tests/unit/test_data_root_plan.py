# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Docker's data is found, which moves are rejected before Docker is stopped, and what the module reports."""
import json
import os
import shutil

import pytest
import yaml
from ansible_collections.fay.rancher.plugins.module_utils._engine import filesystem, report
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.host import Host
from ansible_collections.fay.rancher.plugins.module_utils._engine.plan import find_data_root
from ansible_collections.fay.rancher.plugins.modules import docker_data_root
from docker_host import disable_rename, finish, move_of, read_docker_data, target_of, use_ext4, write_text


@pytest.fixture
def running_host(host, monkeypatch):
    """A host whose moves are copies. The test fails if it stops Docker."""
    disable_rename(monkeypatch)
    stops = []
    host.stop = lambda *services: stops.append(services)
    yield host
    assert stops == []


# ---- the current root

def test_data_is_found_where_it_is_even_if_the_configuration_names_an_empty_root(host):
    host.is_started = False
    write_text(host.daemon_json, json.dumps({"data-root": target_of(host)}))
    assert find_data_root(host).root == host.default_root
    finish(move_of(host))
    assert len(read_docker_data(target_of(host))) == 4


def test_a_flag_in_an_environment_file_is_found(host):
    path = os.path.join(host.folder, "default-docker")
    write_text(path, '# the original setup\nDOCKER_OPTS="--graph=/data/docker --debug"\n')
    host.is_started, host.default_root = False, "/missing"
    host.unit_text = lambda: "[Service]\nEnvironmentFile=-%s\nExecStart=/usr/bin/dockerd $DOCKER_OPTS -H fd://\n" % path
    location = find_data_root(host)
    assert (location.root, location.detected_from) == ("/data/docker", "unit")
    assert location.has_root_flag and location.command == "/usr/bin/dockerd --debug -H fd://"


def use_unit(host, text):
    """Stop Docker and let `systemctl cat` return the text, without data on the default root."""
    host.is_started, host.default_root = False, "/missing"
    host.unit_text = lambda: text


def test_a_flag_in_the_environment_of_the_unit_is_found(host):
    """As on hosts made by kubespray."""
    use_unit(host, "[Service]\nEnvironment=\"DOCKER_OPTS=--iptables=false \\\n--data-root=/srv/engine\"\n"
                   "Environment='DOCKER_DNS_OPTIONS=--dns 10.233.0.3'\nExecStart=/usr/bin/dockerd $DOCKER_OPTS $DOCKER_DNS_OPTIONS\n")
    location = find_data_root(host)
    assert (location.root, location.detected_from, location.has_root_flag) == ("/srv/engine", "unit", True)
    assert location.command == "/usr/bin/dockerd --iptables=false $DOCKER_DNS_OPTIONS"
    assert location.words == ["/usr/bin/dockerd", "--iptables=false", "--dns", "10.233.0.3"]


def test_a_flag_in_the_text_of_a_shell_is_rejected(host):
    use_unit(host, "[Service]\nExecStart=/bin/sh -c 'exec /usr/bin/dockerd -H fd:// --data-root=/srv/engine'\n")
    with pytest.raises(DataRootError, match="starts Docker through a shell.*must be an argument of dockerd itself"):
        find_data_root(host)


def test_an_environment_file_overrides_the_environment_of_the_unit(host):
    for name, root in (("b", "/b"), ("a", "/a")):
        write_text(os.path.join(host.folder, "options-" + name), "DOCKER_OPTS=--data-root=%s\n" % root)
    with open(os.path.join(host.folder, "options-a"), "ab") as target:
        target.write(b"# caf\xe9\n")
    use_unit(host, "[Service]\nEnvironmentFile=%s/options-*\nEnvironmentFile=-/missing\nEnvironment=DOCKER_OPTS=--data-root=/c\n"
                   "ExecStart=/usr/bin/dockerd $DOCKER_OPTS\n" % host.folder)
    assert find_data_root(host).root == "/b"


def test_a_commented_flag_inside_the_command_is_not_found(host):
    use_unit(host, "[Service]\nExecStart=/usr/bin/dockerd \\\n# --data-root=/old \\\n  -H fd://\n")
    location = find_data_root(host)
    assert (location.root, location.detected_from, location.has_root_flag) == ("/missing", "default", False)


@pytest.mark.parametrize("value", [5, True, ["/a"], {"a": 1}, None, "", 0, "/a\0b"])
@pytest.mark.parametrize("name", ["data-root", "graph"])
def test_a_data_root_with_which_docker_cannot_have_started_is_ignored(host, monkeypatch, name, value):
    write_text(host.daemon_json, json.dumps({name: value}))
    host.is_started = False
    location = find_data_root(host)
    assert (location.root, location.detected_from, location.options) == (host.default_root, "default", {name: value})
    result = run_module(host, monkeypatch, target_of(host), check_mode=True)
    assert result["moved"]["from"] == os.path.realpath(host.default_root)


def test_a_data_root_with_a_null_character_is_ignored_without_data_too(host):
    write_text(host.daemon_json, '{"data-root": "/a\\u0000b"}')
    use_unit(host, "")
    assert find_data_root(host).root == "/missing"


def test_a_relative_data_root_begins_at_the_root_directory(host):
    use_unit(host, "[Service]\nExecStart=/usr/bin/dockerd --data-root=srv/engine/\n")
    assert find_data_root(host).root == "/srv/engine"


def test_an_empty_flag_is_a_flag_too(host):
    use_unit(host, "[Service]\nExecStart=/usr/bin/dockerd --data-root=\n")
    assert find_data_root(host).has_root_flag


def unit_with_drop_in(host, name):
    return "[Service]\nExecStart=/d\n\n# /etc/systemd/system/docker.service.d/%s\n[Service]\nExecStart=\nExecStart=/d -g %s\n" % (
        name, host.default_root)


def test_a_flag_in_a_drop_in_that_would_override_the_own_one_is_rejected(running_host):
    running_host.drop_in = os.path.join(running_host.folder, "zz-fay-data-root.conf")
    text = unit_with_drop_in(running_host, "zzz.conf")
    running_host.unit_text = lambda: text
    assert_rejected(running_host, "zzz.conf sets the data root by a flag and would override .*zz-fay-data-root.conf. Remove")


@pytest.mark.parametrize("name", ["override.conf", "zz-fay-data-root.conf"])
def test_a_flag_in_a_drop_in_of_systemctl_edit_or_the_own_one_is_replaced(host, name):
    text = unit_with_drop_in(host, name)
    host.drop_in = os.path.join(host.folder, os.path.basename(Host.drop_in))
    host.unit_text = lambda: text
    assert move_of(host).plan()["parts"][0]["to"] == target_of(host)


def test_an_unfinished_copy_does_not_count_as_data(host):
    """Docker and its data were removed, and the default root contains a copy that was never completed."""
    write_text(os.path.join(host.default_root, filesystem.MARKER), "")
    host.is_started = False
    assert move_of(host).plan(find_data_root(host)) is None
    host.is_started = True  # a directory on which Docker runs is its data in any case
    assert move_of(host).plan()["parts"][0]["from"] == os.path.realpath(host.default_root)


def test_an_old_root_is_not_taken_for_the_current_one(host, monkeypatch):
    """The state `absent` removes daemon.json, which named the new root. The old root is a mount point at the default path."""
    disable_rename(monkeypatch)
    monkeypatch.setattr(os.path, "ismount", lambda path: path == host.default_root)
    finish(move_of(host))
    monkeypatch.undo()
    use_ext4(monkeypatch)
    os.unlink(host.daemon_json)
    host.is_started = False
    assert move_of(host).plan() is None
    with pytest.raises(DataRootError, match="is an old data root that was kept after its data had been moved"):
        move_of(host, host.default_root).plan()


@pytest.mark.parametrize("copies", [True, False])
def test_a_root_that_is_set_in_the_environment_is_moved(host, monkeypatch, copies):
    """Docker does not start if the flag is left in the unit: see FakeHost.root()."""
    if copies:
        disable_rename(monkeypatch)
    unit = '[Service]\nEnvironment="OPTS=--iptables=false --data-root=%s"\nExecStart=/usr/bin/dockerd $OPTS\n' % host.default_root
    host.unit_text = lambda: unit + read_text(host.drop_in)
    host.default_root = "/missing"
    finish(move_of(host))
    assert host.is_started and host.root() == target_of(host)
    assert read_text(host.drop_in).endswith("ExecStart=\nExecStart=/usr/bin/dockerd --iptables=false\n")
    assert len(read_docker_data(target_of(host))) == 4


# ---- rejected moves

@pytest.mark.parametrize("target, message", [
    ("relative", "must be an absolute path"), ("/", "not a system directory"), ("/var", "not a system directory"),
    ("/a/../b", "without `.` and `..`"),
])
def test_invalid_paths_are_rejected(running_host, target, message):
    with pytest.raises(DataRootError, match="is not a valid data root: it .*" + message):
        move_of(running_host, target).plan()


def assert_rejected(host, message, target=None):
    with pytest.raises(DataRootError, match=message):
        move_of(host, target).advance(1)


def test_a_path_inside_the_old_root_is_rejected(running_host):
    assert_rejected(running_host, "one path contains the other. Choose a separate path", running_host.default_root + "/inner")


def test_a_target_with_files_is_rejected(running_host):
    os.makedirs(target_of(running_host))
    write_text(os.path.join(target_of(running_host), "something"), "")
    assert_rejected(running_host, "is not empty, and the data is at")


@pytest.mark.parametrize("function, value, message", [
    ("measure_data", (10 ** 18, 5), "GiB free; moving the data of .* needs 1024454832.1 GiB. Free some space"),
    ("measure_data", (5, 10 ** 12), "inodes free; moving the data of .* needs 1100000000000"),
    ("filesystem_type", "nfs4", "of type nfs4, which does not support overlay2"),
    ("filesystem_type", "fuse.sshfs", "of type fuse.sshfs, which does not support overlay2"),
    ("filesystem_type", "tmpfs", "of type tmpfs, which loses Docker's data when the host restarts"),
    ("reports_entry_types", False, "does not report the types of entries .d_type.* ftype=1"),
])
def test_a_filesystem_that_is_too_small_or_not_supported_is_rejected(running_host, monkeypatch, function, value, message):
    monkeypatch.setattr(filesystem, function, lambda path: value)
    assert_rejected(running_host, message)


def test_a_filesystem_below_the_old_root_is_rejected(running_host, monkeypatch):
    monkeypatch.setattr(filesystem, "list_mounts", lambda: [("/", "ext4"), (running_host.default_root + "/volumes", "xfs")])
    assert_rejected(running_host, "Another filesystem is mounted below Docker's data")


def test_live_restore_as_a_flag_is_rejected(running_host):
    running_host.live_restore = True
    assert_rejected(running_host, "live-restore is set by a flag in docker.service")


@pytest.mark.parametrize("content, message", [
    (b"{\"debug\": \"caf\xe9\"}", "is not UTF-8 text"), (b"{", "is not valid JSON"), (b"[]", "contains a JSON list"),
])
def test_an_invalid_daemon_json_is_rejected(running_host, content, message):
    with open(running_host.daemon_json, "wb") as target:
        target.write(content)
    assert_rejected(running_host, message)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("version, is_accepted", [("20.10.24", False), ("23.0.0", True), ("29.1", True), ("", True)])
def test_a_byte_order_mark_is_accepted_if_docker_accepts_it(running_host, encoding, version, is_accepted):
    with open(running_host.daemon_json, "wb") as target:
        target.write(json.dumps({"labels": ["caf\xe9=1"]}, ensure_ascii=False).encode(encoding))
    running_host.installed_version = lambda: version
    if is_accepted:
        assert find_data_root(running_host).options == {"labels": ["caf\xe9=1"]}
    else:
        assert_rejected(running_host, "begins with a byte order mark, with which Docker 20.10.24 does not start. Save it as UTF-8 without")


def test_the_running_version_decides_if_the_installed_one_is_not_known(running_host):
    write_text(running_host.daemon_json, "\ufeff{}")
    running_host.installed_version = lambda: ""
    running_host.docker_info = lambda: {"DockerRootDir": running_host.default_root, "ServerVersion": "19.03.1"}
    assert_rejected(running_host, "with which Docker 19.03.1 does not start")


def test_the_version_is_not_asked_for_without_a_byte_order_mark(running_host):
    write_text(running_host.daemon_json, "{}")
    running_host.installed_version = None
    find_data_root(running_host)


# ---- the module's results

def run_module(host, monkeypatch, path, check_mode=False, **options):
    """The result of the module. The journal is in the host's directory."""
    def create_move(host, target, keep_old, config_backup, **more):
        move = move_of(host, target, keep_old=keep_old, config_backup=config_backup, **more)
        move.target = target  # empty without a path
        return move
    monkeypatch.setattr(report, "Move", create_move)
    parameters = dict(dict(path=path, containerd_root=None, containerd_shared=False, keep_old=True, config_backup=None, _forget=None,
                           _slice=None), **options)
    return report.run(host, parameters, check_mode)


def test_check_mode_reports_the_move_and_changes_nothing(host, monkeypatch):
    disable_rename(monkeypatch)
    result = run_module(host, monkeypatch, target_of(host), check_mode=True)
    assert result["changed"] and result["moved"]["method"] == "copy" and result["root"] == host.default_root
    assert "would be moved from %s (detected from: docker) to %s by copy" % (host.default_root, target_of(host)) in result["lines"][0]
    assert result["lines"][1] == "Running containers that would stop during the move: 1"
    assert host.is_started and not os.path.exists(target_of(host))


def test_old_roots_are_returned_until_they_are_removed(host, monkeypatch):
    disable_rename(monkeypatch)
    old = run_module(host, monkeypatch, target_of(host))["old_root"]
    assert run_module(host, monkeypatch, target_of(host), check_mode=True)["old_roots"] == [old]
    assert run_module(host, monkeypatch, target_of(host), check_mode=True, keep_old=False)["removed_roots"] == [old]
    result = run_module(host, monkeypatch, target_of(host), keep_old=False)
    assert result["changed"] and result["removed_roots"] == [old] and result["old_roots"] == []
    assert not run_module(host, monkeypatch, target_of(host), keep_old=False)["changed"]


def test_without_a_path_the_module_only_reports(host, monkeypatch):
    disable_rename(monkeypatch)
    old = run_module(host, monkeypatch, target_of(host))["old_root"]
    result = run_module(host, monkeypatch, None)
    assert not result["changed"] and result["done"] and result["moved"] == {}
    assert (result["root"], result["old_roots"], result["has_data"]) == (target_of(host), [old], True)
    assert result["free"] > 0


def test_a_report_does_not_forget_an_old_root_that_is_not_mounted(host, monkeypatch):
    disable_rename(monkeypatch)
    old = run_module(host, monkeypatch, target_of(host))["old_root"]
    os.rename(old, old + ".away")
    assert run_module(host, monkeypatch, None)["old_roots"] == []
    os.rename(old + ".away", old)
    assert run_module(host, monkeypatch, None)["old_roots"] == [old]


def test_roots_that_the_role_has_emptied_are_forgotten(host, monkeypatch):
    disable_rename(monkeypatch)
    old = run_module(host, monkeypatch, target_of(host))["old_root"]
    kept = os.path.join(host.folder, "kept")
    os.makedirs(kept)
    move_of(host).old_roots.add(kept)
    assert run_module(host, monkeypatch, None, check_mode=True, _forget=[old])["changed"]
    assert run_module(host, monkeypatch, None)["old_roots"] == [old, kept]
    result = run_module(host, monkeypatch, None, _forget=[old])
    assert result["changed"] and result["old_roots"] == [kept]
    assert not run_module(host, monkeypatch, None, _forget=[old])["changed"]


def test_nothing_is_forgotten_while_another_run_is_active(host, monkeypatch):
    disable_rename(monkeypatch)
    old = run_module(host, monkeypatch, target_of(host))["old_root"]
    with move_of(host).state.run_lock(), pytest.raises(DataRootError, match="Another run is already changing the data root"):
        run_module(host, monkeypatch, None, _forget=[old])
    assert move_of(host).old_roots.recorded() == [old]


@pytest.mark.parametrize("check_mode", [True, False])
def test_all_returned_values_are_documented(host, monkeypatch, check_mode):
    """The action plugin removes `done` and `lines`."""
    returned = yaml.safe_load(docker_data_root.RETURN)
    result = run_module(host, monkeypatch, target_of(host), check_mode)
    assert set(result) - {"changed", "done", "lines"} == set(returned)
    assert set(result["moved"]) <= set(returned["moved"]["contains"])


# ---- hosts without data

@pytest.fixture
def fresh(host):
    shutil.rmtree(host.default_root)
    host.is_started = False
    return host


@pytest.mark.parametrize("kind, problem", [
    ("ext4", ""), ("nfs4", "%s is on a filesystem of type nfs4, which does not support overlay2. Use ext4 or xfs"),
    ("tmpfs", "%s is on a filesystem of type tmpfs, which loses Docker's data when the host restarts. Use ext4 or xfs")])
@pytest.mark.parametrize("check_mode", [True, False])
def test_the_filesystem_of_a_fresh_host_is_reported(fresh, monkeypatch, kind, problem, check_mode):
    checked = []
    monkeypatch.setattr(filesystem, "filesystem_type", lambda path: checked.append(path) or kind)
    result = run_module(fresh, monkeypatch, target_of(fresh), check_mode)
    assert result["path_problem"] == problem.replace("%s", target_of(fresh)) and not result["changed"]
    assert checked == [fresh.folder]  # the directory in which Docker would create its root
    assert run_module(fresh, monkeypatch, None, check_mode)["path_problem"] == ""


@pytest.mark.parametrize("kind", ["file", "parent", "dangling link", "link", "directory"])
def test_a_path_that_docker_could_not_create_is_reported(fresh, monkeypatch, kind):
    target = target_of(fresh)
    if kind == "parent":
        write_text(os.path.dirname(target), "")
    else:
        os.makedirs(os.path.dirname(target))
    if kind == "file":
        write_text(target, "")
    elif kind == "directory":
        os.mkdir(target)
    elif "link" in kind:
        os.symlink(fresh.folder + ("/missing" if kind == "dangling link" else "/state"), target)
        os.mkdir(fresh.folder + "/state")
    problems = {"file": "%s is not a directory" % target, "parent": "%s is not a directory" % os.path.dirname(target),
                "dangling link": "%s is a link to %s/missing, which does not exist" % (target, os.path.realpath(fresh.folder))}
    problem = run_module(fresh, monkeypatch, target, check_mode=True)["path_problem"]
    assert problem.startswith(problems.get(kind, "")) and bool(problem) == (kind in problems)


def test_the_path_of_existing_data_is_not_checked(host, monkeypatch):
    monkeypatch.setattr(filesystem, "filesystem_type", lambda path: "nfs4")
    assert run_module(host, monkeypatch, host.default_root, check_mode=True)["path_problem"] == ""
