# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of Docker's configuration as one transaction. Private to the collection.

The backup exists from the first change until Docker runs with the new configuration. A run that finds a backup completes the
change of a run that was ended. `written` and `applied` are separate, because the installation of packages is between them: their
scripts restart Docker, and one restart is enough.
"""
import contextlib
import os
import re

from ansible_collections.fay.rancher.plugins.module_utils._engine.backup import CANDIDATE, Backup, file_texts
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError, parse_daemon_json, render_daemon_json
from ansible_collections.fay.rancher.plugins.module_utils._engine.daemon_options import needs_restart
from ansible_collections.fay.rancher.plugins.module_utils._engine.engine_files import write_daemon_json
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text, sync_directory
from ansible_collections.fay.rancher.plugins.module_utils._engine.host import Host
from ansible_collections.fay.rancher.plugins.module_utils._engine.service import Service
from ansible_collections.fay.rancher.plugins.module_utils._engine.state import State
from ansible_collections.fay.rancher.plugins.module_utils._files import make_directories, write_atomically

RESTORED = "%s. The previous configuration was restored. Correct the error and run again; `journalctl -u docker` shows Docker's messages"
NOT_RESTORED = "%s. The rollback also failed: %s. The previous configuration is kept in %s, and the next run continues with it"


class Configuration:
    """Docker's configuration on a host.

    host: Host. service: Service. files: {path: {text, mode: int}}; a file with an empty text is removed. options: dict, the whole
    content of daemon.json; None if it is not changed.
    """

    def __init__(self, host, service, files=None, options=None, backup=None):
        self.host, self.service = host, service
        self.files, self.options = files or {}, options
        self.backup = backup or Backup()

    # ---- what differs

    def changed_files(self):
        """Paths (sorted list of str) of the files that have another text, or have to be removed. Raises OSError."""
        current = file_texts(self.files)
        return sorted(path for path, file in self.files.items() if current.get(path, "") != file["text"]
                      or (path in current and not file["text"]))

    def changes_options(self):
        """Whether daemon.json has other options. Raises DataRootError, OSError."""
        return self.options is not None and parse_daemon_json(read_text(self.host.daemon_json)) != self.options

    def has_changes(self):
        """Whether write() would change a file, or an earlier run was ended during a change. Raises DataRootError, OSError."""
        return self.backup.exists() or bool(self.changed_files()) or self.changes_options()

    # ---- steps

    def write(self, validate):
        """Back up and write the files, and roll back if that fails. Returns whether there was something to do.

        validate: bool, whether the installed Docker validates daemon.json. Raises DataRootError, OSError.
        """
        if not self.has_changes():
            return False
        self.backup.create([self.host.daemon_json] + list(self.files), self.service.is_running())
        with self._rolled_back():
            changed = self.changed_files()
            for path in changed:
                if self.files[path]["text"]:
                    make_directories(os.path.dirname(path), 0o755)
                    write_atomically(path, self.files[path]["text"], self.files[path]["mode"])
                    sync_directory(os.path.dirname(path))
            # daemon.json refers to TLS files, so it is written after new ones and before old ones are removed.
            if self.changes_options():
                if validate:
                    self._validate()
                write_daemon_json(self.host, self.options)
            for path in changed:
                if not self.files[path]["text"]:
                    os.unlink(path)
        return True

    def apply(self, start):
        """Let Docker use the written files, check that it runs, and remove the backup. Rolls back if Docker does not start.

        start: bool, whether Docker is enabled and started even if it did not run. Returns what was done: `none`, `reload`,
        `restart`, `sockets` or `start`. Raises DataRootError, OSError.
        """
        if not self.backup.exists():
            self.backup.remove()  # the rest of one whose removal was interrupted
            return self._start(enable=True, action="none") if start else "none"
        with self._rolled_back():
            record = self.backup.read()
            self.service.read_units()
            action = self._follow(record) if self.service.is_running() else "none"
            if start or record["was_running"]:
                with_sockets = not self.service.is_running() and self._required_action(record) == "sockets"
                action = self._start(start, action, with_sockets)
        self.backup.remove()
        return action

    def restore(self):
        """Restore the configuration from the backup. Returns whether there was one. Raises DataRootError, OSError.

        A Docker that was started before the first change has not read the new configuration and is not restarted.
        """
        if not self.backup.exists():
            return False
        record = self.backup.read()
        self.backup.restore()
        self.service.read_units()
        started = self.service.start_time()
        is_unaffected = self.service.is_running() and started is not None and started < record["created"]
        if record["was_running"] and not is_unaffected:
            self.service.restart(with_sockets=True)
        self.backup.remove()
        return True

    # ---- parts of the steps

    @contextlib.contextmanager
    def _rolled_back(self):
        """Restore the configuration after an error, and raise DataRootError with both the error and the result."""
        try:
            yield
        except (DataRootError, OSError) as error:
            try:
                self.restore()
            except (DataRootError, OSError) as second:
                raise DataRootError(NOT_RESTORED % (error, second, self.backup.directory))
            raise DataRootError(RESTORED % error)

    def _validate(self):
        """Let the installed Docker validate the new daemon.json: `dockerd --validate`, since 23.0. Raises DataRootError."""
        if "--validate" not in self.host.run("dockerd", "--help")[1]:
            return
        path = self.backup.directory + CANDIDATE
        write_atomically(path, render_daemon_json(self.options), 0o600)
        code, out, err = self.host.run("dockerd", "--validate", "--config-file", path)
        os.unlink(path)
        if code:
            raise DataRootError("Docker rejects the new daemon.json: %s" % (err.strip() or out.strip()))

    def _follow(self, record):
        """Reload or restart a running Docker, unless it was started after the last change. Returns what was done."""
        action = self._required_action(record)
        started = self.service.start_time()
        if action != "sockets" and started is not None and self._last_change(record) <= started:
            return "none"
        if action == "reload" and self.service.reload():
            return action
        self.service.restart(with_sockets=action == "sockets")
        return "restart" if action == "reload" else action

    def _required_action(self, record):
        """The cheapest action for the difference between backup and files: `reload`, `restart` or `sockets`.

        After an interruption it is not known which configuration Docker has read: everything is restarted.
        """
        files = [path for path in record["files"] if path != self.host.daemon_json]
        previous = dict((path, read_text(self.backup.path(path), errors="replace")) for path in files)
        changed = [path for path in files if read_text(path, errors="replace") != previous[path]]
        if record["is_interrupted"] or any("docker.socket" in path for path in changed):
            return "sockets"
        options = [parse_daemon_json(read_text(path)) for path in (self.host.daemon_json, self.backup.path(self.host.daemon_json))]
        return "restart" if changed or needs_restart(*options) else "reload"

    def _last_change(self, record):
        """When a file was last changed, in seconds since the epoch. A removal changes the time of the directory."""
        files = set(record["files"])
        folders = set(os.path.dirname(path) for path in files - set([self.host.daemon_json]))
        return max([os.stat(path).st_mtime for path in files | folders if os.path.exists(path)] or [0])

    def _start(self, enable, action, with_sockets=False):
        """Start Docker if it does not run. Returns `start`, or the previous `action` (str) if it runs.

        enable: bool, whether to start it at boot too. with_sockets: bool, whether docker.socket is restarted too.
        """
        if enable and not self.service.is_enabled():
            self.service.enable()
            action = "start" if action == "none" else action
        if not self.service.is_running():
            self.service.restart(with_sockets)
            action = "start"
        return action


# ---- the module

def configuration_of_module(parameters):
    """The Configuration of this host for the options (dict) of docker_engine_config. Raises DataRootError on an invalid mode or path."""
    files = {}
    for file in parameters["files"]:
        if not file["path"].startswith("/") or not re.match("0?[0-7]{3}$", file["mode"]):
            raise DataRootError("The file %s with the mode %s is invalid: the path must be absolute, and the mode must be an octal number "
                                "such as 0644" % (file["path"], file["mode"]))
        files[file["path"]] = {"text": file["text"], "mode": int(file["mode"], 8)}
    host = Host()
    return Configuration(host, Service(host), files, parameters["options"])


def run(configuration, parameters, check_mode, state=None):
    """Run docker_engine_config with its options (dict) and return its result (dict).

    state: State, for the lock against a move of the data root. Raises DataRootError, OSError.
    """
    if check_mode:
        return _preview(configuration, parameters)
    with (state or State()).run_lock():
        return _change(configuration, parameters)


def _preview(configuration, parameters):
    """The result of a run in check mode."""
    result = dict(changed=configuration.backup.exists(), action="none", changed_files=[])
    if parameters["state"] in ("present", "written"):
        result.update(_difference(configuration), changed=configuration.has_changes())
    if parameters["start"] and parameters["state"] in ("present", "applied"):
        is_started = configuration.service.is_running() and configuration.service.is_enabled()
        result["changed"] = result["changed"] or not is_started
    return result


def _change(configuration, parameters):
    state, action = parameters["state"], "none"
    if state == "restored":
        return dict(changed=configuration.restore(), action=action, changed_files=[])
    difference, changed = dict(changed_files=[]), configuration.backup.exists()
    if state in ("present", "written"):
        difference = _difference(configuration)
        changed = configuration.write(parameters["validate"])
    if state in ("present", "applied"):
        action = configuration.apply(parameters["start"])
    return dict(difference, changed=changed or action != "none", action=action)


def _difference(configuration):
    """changed_files, and the diff of daemon.json if its options change."""
    files = configuration.changed_files()
    path = configuration.host.daemon_json
    if not configuration.changes_options():
        return dict(changed_files=files)
    diff = dict(before=read_text(path), after=render_daemon_json(configuration.options), before_header=path, after_header=path)
    return dict(changed_files=[path] + files, diff=diff)
