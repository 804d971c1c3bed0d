# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of Docker's configuration: one transaction, rolled back after errors, completed after a kill at any instant."""
import json
import os
import time

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine import backup as backup_file
from ansible_collections.fay.rancher.plugins.module_utils._engine import configuration as configuration_file
from ansible_collections.fay.rancher.plugins.module_utils._engine.backup import Backup
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError, parse_daemon_json
from ansible_collections.fay.rancher.plugins.module_utils._engine.configuration import Configuration, configuration_of_module, run
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.service import Service
from ansible_collections.fay.rancher.plugins.module_utils._engine.state import State
from docker_host import PowerCut, write_text

OLD = {"debug": False, "bip": "10.0.0.1/24"}
RELOADED, RESTARTED = dict(OLD, debug=True), dict(OLD, bip="10.1.0.1/24")
CHANGED = {"docker.service.d/a.conf": "new", "docker.socket.d/b.conf": "", "tls/key.pem": "secret"}


class ConfiguredHost:
    """A host in a directory with daemon.json, a drop-in of the service and one of the socket. Its Docker is a ConfiguredService."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.daemon_json = os.path.join(self.folder, "daemon.json")
        self.state = State(os.path.join(self.folder, "state"))
        self.validation = None  # (exit code, output, error) of `dockerd --validate`
        self.cut_at, self.steps = None, 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *command):
        if command == ("dockerd", "--help"):
            return 0, "--validate" if self.validation else "", ""
        assert command[:3] == ("dockerd", "--validate", "--config-file") and json.loads(read_text(command[3]))
        return self.validation

    def count_step(self):
        self.steps += 1
        if self.steps == self.cut_at:
            raise PowerCut()

    def texts(self):
        """{name: text} of the configuration."""
        names = ["daemon.json"] + sorted(CHANGED)
        return {name: read_text(self.path(name)) for name in names if os.path.exists(self.path(name))}


class ConfiguredService(Service):
    """A Docker that reads the texts of its host when it starts."""

    def __init__(self, host):
        Service.__init__(self, host)
        self.loaded, self.socket_text = host.texts(), read_text(host.path("docker.socket.d/b.conf"))
        self.started, self.running, self.enabled, self.reloads = time.time() - 60, True, True, True
        self.actions, self.rejected = [], None  # a text with which Docker does not start

    def is_running(self):
        return self.running

    def is_enabled(self):
        return self.enabled

    def start_time(self):
        return self.started

    def read_units(self):
        self.host.count_step()

    def reload(self):
        self.actions.append("reload")
        if self.reloads:
            self.loaded = dict(self.loaded, **{"daemon.json": self.host.texts()["daemon.json"]})
        self.host.count_step()
        return self.reloads

    def restart(self, with_sockets=False):
        self.actions.append("sockets" if with_sockets else "restart")
        self.running = False
        self.host.count_step()
        if with_sockets:
            self.socket_text = read_text(self.host.path("docker.socket.d/b.conf"))
        if self.rejected and self.rejected in str(self.host.texts()):
            raise DataRootError("`systemctl restart docker.service` failed")
        self.loaded, self.running, self.started = self.host.texts(), True, time.time()
        self.host.count_step()

    def enable(self):
        self.enabled = True
        self.actions.append("enable")


@pytest.fixture
def host(tmp_path):
    """A host whose Docker runs with OLD and both drop-ins."""
    host = ConfiguredHost(tmp_path)
    os.mkdir(host.path("docker.service.d"))
    os.mkdir(host.path("docker.socket.d"))
    write_text(host.daemon_json, json.dumps(OLD))
    write_text(host.path("docker.service.d/a.conf"), "old")
    write_text(host.path("docker.socket.d/b.conf"), "listen")
    host.service = ConfiguredService(host)
    return host


def change(host, options=None, texts=None):
    """The Configuration that changes these options and {name: text}."""
    files = {host.path(name): {"text": text, "mode": 0o600} for name, text in (texts or {}).items()}
    return Configuration(host, host.service, files, options, Backup(host.path("state/before")))


def execute(host, configuration, state="present", check_mode=False, start=False, validate=True):
    return run(configuration, {"state": state, "start": start, "validate": validate}, check_mode, host.state)


def leftovers(host):
    """Names of files that a complete transaction must not leave behind."""
    names = [name for folder, folders, files in os.walk(host.folder) for name in folders + files]
    return [name for name in names if name.startswith("before") or name.endswith(".fay")]


@pytest.mark.parametrize("options, texts, action", [
    (OLD, {}, "none"), (RELOADED, {}, "reload"), (RESTARTED, {}, "restart"), (OLD, {"docker.service.d/a.conf": "new"}, "restart"),
    (None, {"docker.socket.d/b.conf": "other"}, "sockets"), (RELOADED, CHANGED, "sockets"), (None, {"tls/missing": ""}, "none")])
def test_docker_is_disturbed_only_as_far_as_the_change_requires(host, options, texts, action):
    result = execute(host, change(host, options, texts))
    assert (result["action"], result["changed"]) == (action, action != "none")
    assert host.service.actions == ([action] if action != "none" else []) and not leftovers(host)
    assert parse_daemon_json(host.texts()["daemon.json"]) == (options or OLD)
    assert all(host.texts().get(name, "") == text for name, text in texts.items() if name in CHANGED)
    second = execute(host, change(host, options, texts))
    assert (second["changed"], second["changed_files"], second["action"]) == (False, [], "none")


def test_files_get_their_mode_and_removed_ones_disappear(host):
    result = execute(host, change(host, RELOADED, CHANGED))
    assert os.stat(host.path("tls/key.pem")).st_mode & 0o777 == 0o600 and not os.path.exists(host.path("docker.socket.d/b.conf"))
    assert result["changed_files"] == [host.daemon_json] + sorted(map(host.path, CHANGED))
    assert "secret" not in str(result) and '"debug": true' in result["diff"]["after"]


def test_check_mode_changes_nothing_and_predicts_the_change(host):
    before = host.texts()
    result = execute(host, change(host, RELOADED, CHANGED), check_mode=True)
    assert result["changed"] and len(result["changed_files"]) == 4 and host.texts() == before and not host.service.actions
    assert not execute(host, change(host, OLD), check_mode=True)["changed"]
    assert not execute(host, change(host, OLD), check_mode=True, start=True)["changed"]
    host.service.running = False
    assert execute(host, change(host, OLD), check_mode=True, start=True)["changed"]
    assert not os.path.exists(host.path("state"))


def test_a_docker_that_does_not_start_gets_its_previous_configuration_back(host):
    before, host.service.rejected = host.texts(), "10.1.0.1"
    with pytest.raises(DataRootError, match="restart docker.service` failed. The previous configuration was restored"):
        execute(host, change(host, RESTARTED, CHANGED))
    assert host.texts() == before == host.service.loaded and host.service.running and not leftovers(host)


def test_a_reload_that_docker_rejects_becomes_a_restart(host):
    host.service.reloads = False
    assert execute(host, change(host, RELOADED))["action"] == "restart" and host.service.actions == ["reload", "restart"]


def test_a_failed_rollback_is_reported_and_its_backup_kept(host):
    host.service.rejected = "daemon.json"  # nothing starts
    with pytest.raises(DataRootError, match="The rollback also failed: .* kept in .*before"):
        execute(host, change(host, RESTARTED))
    assert os.path.isdir(host.path("state/before")) and parse_daemon_json(host.texts()["daemon.json"]) == OLD


def test_a_file_that_cannot_be_written_restores_the_others(host, monkeypatch):
    before = host.texts()

    def fail(*unused):
        raise OSError("No space left on device")
    monkeypatch.setattr(configuration_file, "write_daemon_json", fail)
    with pytest.raises(DataRootError, match="No space left on device. The previous configuration was restored"):
        execute(host, change(host, RELOADED, CHANGED))
    assert host.texts() == before and host.service.actions == []  # Docker has read nothing new


@pytest.mark.parametrize("validate, is_rejected", [(True, True), (False, False)])
def test_the_installed_docker_validates_daemon_json(host, validate, is_rejected):
    before, host.validation = host.texts(), (1, "", "unable to configure: bip")
    if is_rejected:
        with pytest.raises(DataRootError, match="Docker rejects the new daemon.json: unable to configure: bip. The previous"):
            execute(host, change(host, RESTARTED))
        assert host.texts() == before and not host.service.actions
    else:
        execute(host, change(host, RESTARTED), validate=validate)
        assert host.texts() != before
    assert not leftovers(host)


# ---- an installation between `written` and `applied`

def test_one_restart_is_enough_if_the_packages_restart_docker(host):
    assert execute(host, change(host, RESTARTED), "written")["action"] == "none" and host.service.actions == []
    time.sleep(0.02)
    host.service.restart()  # by the scripts of the packages
    assert execute(host, change(host), "applied")["action"] == "none"
    assert host.service.actions == ["restart"] and not leftovers(host)


def test_written_files_are_applied_if_nothing_restarts_docker(host):
    execute(host, change(host, RESTARTED), "written")
    assert execute(host, change(host), "applied")["action"] == "restart"
    assert not execute(host, change(host), "applied")["changed"]


@pytest.mark.parametrize("is_restarted", [True, False])
def test_a_failed_installation_restores_the_configuration(host, is_restarted):
    before = host.texts()
    execute(host, change(host, RESTARTED, CHANGED), "written")
    if is_restarted:
        time.sleep(0.02)
        host.service.restart()
    assert execute(host, change(host), "restored")["changed"]
    assert host.texts() == before == host.service.loaded and not leftovers(host)
    assert host.service.actions == (["restart", "sockets"] if is_restarted else [])
    assert not execute(host, change(host), "restored")["changed"]


def test_a_stopped_docker_is_started_only_on_request(host):
    host.service.running = host.service.enabled = False
    assert execute(host, change(host, RELOADED))["action"] == "none" and not host.service.running
    assert execute(host, change(host, RELOADED), start=True)["action"] == "start" and host.service.running and host.service.enabled
    assert not execute(host, change(host, RELOADED), start=True)["changed"]


def test_a_running_docker_is_enabled_on_request(host):
    host.service.enabled = False
    assert execute(host, change(host, OLD), start=True)["action"] == "start" and host.service.actions == ["enable"]


# ---- kills

def count_steps(host, monkeypatch):
    """Count each change of a name and each written file as a step, at which the power can fail."""
    for owner, name in ((os, "rename"), (os, "unlink"), (os, "mkdir"), (configuration_file, "write_atomically"),
                        (configuration_file, "write_daemon_json"), (backup_file, "write_atomically"), (backup_file, "copy_file")):
        original = getattr(owner, name)

        def step(*arguments, original=original, **options):
            result = original(*arguments, **options)
            host.count_step()
            return result
        monkeypatch.setattr(owner, name, step)


def cut(host, configuration, step):
    """Run until the power fails at a step. Returns whether it failed."""
    host.steps, host.cut_at = 0, step
    try:
        execute(host, configuration)
        return False
    except PowerCut:
        return True
    finally:
        host.cut_at = None


def test_the_next_run_completes_a_run_that_was_killed_at_any_step(host, monkeypatch):
    before = host.texts()
    count_steps(host, monkeypatch)
    for step in range(1, 200):
        is_cut = cut(host, change(host, RESTARTED, CHANGED), step)
        execute(host, change(host, RESTARTED, CHANGED))
        assert host.service.loaded == host.texts() and host.service.running, step
        assert host.service.socket_text == "" and host.texts()["tls/key.pem"] == "secret" and not leftovers(host), step
        if not is_cut:
            break
        execute(host, change(host, OLD, {name: before.get(name, "") for name in CHANGED}))
        assert (parse_daemon_json(host.texts()["daemon.json"]), host.service.socket_text) == (OLD, "listen")
    assert 20 < step < 199


def test_a_killed_run_can_be_followed_by_a_rollback_to_the_first_configuration(host, monkeypatch):
    before = host.texts()
    count_steps(host, monkeypatch)
    for step in range(1, 200):
        is_cut = cut(host, change(host, RELOADED, CHANGED), step)
        if not is_cut:
            break
        host.service.rejected = "10.1.0.1"
        has_backup = os.path.isdir(host.path("state/before"))
        with pytest.raises(DataRootError, match="was restored"):
            execute(host, change(host, RESTARTED, CHANGED))
        assert host.service.running and host.service.loaded == host.texts(), step
        assert not has_backup or host.texts() == before, step
        host.service.rejected = None
        execute(host, change(host, OLD, {name: before.get(name, "") for name in CHANGED}))
        before = host.texts()
    assert 20 < step < 199


def test_the_next_run_completes_a_rollback_that_was_killed_at_any_step(host, monkeypatch):
    count_steps(host, monkeypatch)
    for step in range(1, 200):
        host.service.rejected = "10.1.0.1"
        try:
            is_cut = cut(host, change(host, RESTARTED, CHANGED), step)
        except DataRootError:
            is_cut = False
        host.service.rejected = None
        execute(host, change(host, RELOADED, {"tls/key.pem": ""}))
        assert host.service.loaded == host.texts() and host.service.running and not leftovers(host), step
        assert parse_daemon_json(host.texts()["daemon.json"]) == RELOADED, step
        if not is_cut:
            break
        execute(host, change(host, OLD, {"docker.service.d/a.conf": "old", "docker.socket.d/b.conf": "listen", "tls/key.pem": ""}))
    assert 30 < step < 199


def test_an_interrupted_run_restarts_the_sockets_too(host):
    execute(host, change(host, OLD, {"docker.socket.d/b.conf": "other"}), "written")
    assert execute(host, change(host, OLD, {"docker.socket.d/b.conf": "listen"}))["action"] == "sockets"


def test_files_of_a_later_run_are_added_to_an_existing_backup(host):
    execute(host, change(host, RELOADED), "written")
    host.service.rejected = "new"
    with pytest.raises(DataRootError):
        execute(host, change(host, RELOADED, CHANGED))
    assert host.texts()["docker.service.d/a.conf"] == "old" and parse_daemon_json(host.texts()["daemon.json"]) == OLD


def test_a_backup_of_an_earlier_version_is_restored(host):
    folder = host.path("state/before")
    os.makedirs(folder + host.folder)
    write_text(folder + host.daemon_json, json.dumps(OLD))
    write_text(host.daemon_json, json.dumps(RELOADED))
    write_text(host.path("docker.service.d/a.conf"), "of the interrupted run")
    host.service.rejected = "10.1.0.1"
    with pytest.raises(DataRootError):
        execute(host, change(host, RESTARTED, {"docker.service.d/a.conf": "new"}))
    assert parse_daemon_json(host.texts()["daemon.json"]) == OLD and "docker.service.d/a.conf" not in host.texts()


def test_a_run_beside_a_move_of_the_data_root_is_refused(host):
    with host.state.run_lock(), pytest.raises(DataRootError, match="Another run is already changing"):
        execute(host, change(host, RELOADED))


# ---- details

def test_a_restored_file_keeps_mode_and_time(host):
    os.chmod(host.daemon_json, 0o640)
    os.utime(host.daemon_json, (1000, 1000))
    execute(host, change(host, RELOADED), "written")
    execute(host, change(host), "restored")
    status = os.stat(host.daemon_json)
    assert (status.st_mode & 0o777, status.st_mtime) == (0o640, 1000)


def test_a_link_is_kept(host):
    os.rename(host.daemon_json, host.path("elsewhere.json"))
    os.symlink(host.path("elsewhere.json"), host.daemon_json)
    execute(host, change(host, RELOADED), "written")
    execute(host, change(host), "restored")
    assert os.path.islink(host.daemon_json) and parse_daemon_json(host.texts()["daemon.json"]) == OLD


@pytest.mark.parametrize("path, mode", [("relative", "0644"), ("/a", "rw"), ("/a", "0999")])
def test_an_invalid_file_is_reported(path, mode):
    with pytest.raises(DataRootError, match="The file %s with the mode %s is invalid" % (path, mode)):
        configuration_of_module({"files": [{"path": path, "text": "", "mode": mode}], "options": None})


def test_modes_are_octal():
    parameters = {"files": [{"path": "/a", "text": "t", "mode": "0600"}], "options": None}
    assert configuration_of_module(parameters).files == {"/a": {"text": "t", "mode": 0o600}}
