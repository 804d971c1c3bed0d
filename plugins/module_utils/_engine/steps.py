# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a move and its rollback; data_root.Move decides which of them is next. Private to the collection."""
import contextlib

from ansible_collections.fay.rancher.plugins.module_utils._engine import engine_files
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DEFAULT_ROOT, DataRootError, parse_daemon_json
from ansible_collections.fay.rancher.plugins.module_utils._engine.containerd_config import find_root
from ansible_collections.fay.rancher.plugins.module_utils._engine.containerd_service import DEFAULT_CONTAINERD_ROOT
from ansible_collections.fay.rancher.plugins.module_utils._engine.copying import Copy
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.journal import DATA, STORE, describe_failure, describe_sources, find_part
from ansible_collections.fay.rancher.plugins.module_utils._engine.methods import ConfigurationOnly, CopyMethod, RenameMethod
from ansible_collections.fay.rancher.plugins.module_utils._engine.plan import find_data_root
from ansible_collections.fay.rancher.plugins.module_utils._engine.verification import verify_objects


class Steps:
    """The functions of the phases, which return whether their phase is complete, and the rollback.

    host: Host. state: State. clock: function that returns seconds. Arguments of a phase: the journal (dict), the deadline (seconds of the
    clock) and lines (list of str), which gets the progress.
    """

    def __init__(self, host, state, clock):
        self.host, self.state, self.clock = host, state, clock
        self.copy = Copy(host, state, clock)
        self.methods = {"copy": CopyMethod(self.copy), "rename": RenameMethod(), "none": ConfigurationOnly()}

    def methods_of(self, journal):
        """[(part, its method)] of a journal."""
        return [(part, self.methods[part["method"]]) for part in journal["parts"]]

    def is_on_new_roots(self, journal):
        """Whether Docker runs on the new data root; if only containerd's root is moved, whether Docker runs."""
        data = find_part(journal, DATA)
        return self.host.is_on(data["to"]) if data else bool(self.host.docker_info())

    def is_switched(self, journal):
        """Whether the configuration names all new roots already."""
        return all(self.is_part_switched(journal, part) for part in journal["parts"])

    def is_part_switched(self, journal, part):
        """Whether the configuration names the new root of a part, since this move has written it."""
        if journal["phase"] not in ("switch", "start", "retire"):
            return False
        if part["name"] == STORE:
            match = find_root(read_text(self.host.containerd_config))
            return match is not None and match[2] == part["requested"]
        options = parse_daemon_json(read_text(self.host.daemon_json))
        return options.get("data-root") == part["requested"] and (
            part["method"] != "none" or self._is_changed(journal, "drop_in", "earlier_drop_in"))

    def _is_changed(self, journal, *names):
        """Whether one of the named files of the configuration differs from the journal."""
        configuration = engine_files.read_configuration(self.host)
        return any(configuration[name] != journal[name] for name in names)

    # ---- the phases

    def transfer(self, journal, deadline, lines):
        if journal["phase"] == "stop":
            self.state.save_journal(journal, copied=[])
        self.stop_docker(journal)
        for part, method in self.methods_of(journal):
            method.check_idle(part)
        for part, method in self.methods_of(journal):
            if not method.transfer(journal, part, deadline, lines):
                return False
        return all(method.is_identical(journal, part) for part, method in self.methods_of(journal))

    def stop_docker(self, journal):
        """Stop Docker and record what it has, if it runs."""
        if self.host.is_running():
            self.state.save_journal(journal, running=True, objects=self.host.list_objects())
            self.stop_live_restore(journal)
        self.host.stop(*journal["services"])

    def place(self, journal, *unused):
        for part, method in self.methods_of(journal):
            method.place(part)
        return True

    def switch(self, journal, *unused):
        """Write the configuration. As soon as a new file is renamed into place, the new root is the data.

        A flag in the unit is removed after that. If the host boots in between, Docker refuses to start; in the other order it would
        start on an empty root.
        """
        self.host.stop(*journal["services"])
        location = find_data_root(self.host, ask_docker=False)
        for part, method in self.methods_of(journal):
            self.host.apply_selinux_rules(part["to"], DEFAULT_CONTAINERD_ROOT if part["name"] == STORE else DEFAULT_ROOT)
            method.repoint(part)
        store = find_part(journal, STORE)
        if store:
            self._switch_store(store)
        self._switch_data_root(journal, location)
        return True

    def _switch_store(self, store):
        self._check_stopped()
        if self.host.is_containerd_running():
            raise DataRootError("containerd is running although it was stopped, and may have changed its data since it was copied. Stop "
                                "what uses containerd")
        engine_files.write_containerd_root(self.host, store["requested"])
        root = self.host.containerd_root()
        if root != store["requested"]:
            raise DataRootError("another file that %s imports sets containerd's root to %s. Remove `root` from it" % (
                self.host.containerd_config, root))

    def _switch_data_root(self, journal, location):
        data = find_part(journal, DATA)
        options = dict(location.options)
        if data:
            options["data-root"] = data["requested"]
            options.pop("graph", None)
            if journal["services"]:  # containerd starts before Docker
                engine_files.move_containerd_root(self.host, data["from"], data["to"])
        if journal["live_restore"]:
            options["live-restore"] = True
        self._check_stopped()
        if options != location.options:
            engine_files.write_daemon_json(self.host, options)
        if data and location.has_root_flag:
            engine_files.write_drop_in(self.host, location.command)

    def _check_stopped(self):
        if self.host.is_running():
            raise DataRootError("Docker was started again and may have changed its data since it was copied. Stop what uses Docker")

    def start(self, journal, *unused):
        if any(part["method"] == "rename" for part in journal["parts"]):
            self.host.stop(*journal["services"])
        for part, method in self.methods_of(journal):
            method.settle(part)
        self._start_services(journal)
        if journal["running"]:
            data = find_part(journal, DATA)
            verify_objects(self.host, data["to"] if data else None, journal["objects"], self.clock)
        return True

    def _start_services(self, journal):
        """Start what has run before the move. Raises DataRootError if Docker does not start."""
        if journal.get("containerd_running"):
            self.host.start_containerd()
        if journal["running"]:
            self.host.start()

    def stop_live_restore(self, journal):
        """Disable live-restore, so that containers stop together with Docker. switch() and roll_back() enable it again."""
        if journal["live_restore"]:
            engine_files.disable_live_restore(self.host, self.clock)

    # ---- the rollback

    def roll_back(self, journal, reason):
        """Return Docker to its old roots and its previous configuration. Raises DataRootError if that fails too."""
        with contextlib.suppress(OSError):  # a full disk does not prevent the rollback
            self.state.save_journal(journal, undoing=True)
        try:
            self.copy.kill(journal)
            is_changed = self._is_changed(journal, "daemon_json", "drop_in", "earlier_drop_in")
            is_store_changed = bool(journal["services"]) and self._is_changed(journal, "containerd")
            if is_changed or is_store_changed or journal["phase"] in ("switch", "start"):
                self.host.stop(*journal["services"])
            for part, method in self.methods_of(journal):
                method.revert_data(part)
            engine_files.restore_configuration(self.host, journal, with_containerd=bool(journal["services"]),
                                               is_containerd_last=find_part(journal, STORE) is not None)
            for part, method in self.methods_of(journal):
                method.revert_names(part)
            self._start_services(journal)
        except (DataRootError, OSError, UnicodeError) as error:
            raise DataRootError(
                "%s (%s), and the rollback also failed: %s. No data is lost: it is under %s. Remove the cause and run again" % (
                    describe_failure(journal), reason, error, describe_sources(journal)))
        self.state.delete_journal()
