# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The move of Docker's data root and of containerd's root. A kill or a power failure at any instant loses nothing. Private to the collection.

The rule behind every step: at each instant exactly one directory is Docker's data, it is complete, and Docker's configuration
names it. The same holds for containerd. If the host is started again in the middle of a move, Docker runs on that data; the next
run reads the journal and continues. The two roots do not refer to each other's paths, so that each of them can be the old or the new one.
"""
import collections
import contextlib
import shutil
import time

from ansible_collections.fay.rancher.plugins.module_utils._engine import engine_files
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DEFAULT_ROOT, DataRootError, parse_daemon_json
from ansible_collections.fay.rancher.plugins.module_utils._engine.containerd_config import find_root
from ansible_collections.fay.rancher.plugins.module_utils._engine.containerd_service import DEFAULT_CONTAINERD_ROOT
from ansible_collections.fay.rancher.plugins.module_utils._engine.copying import Copy
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.journal import (
    DATA,
    STORE,
    convert_earlier,
    describe_names,
    describe_parts,
    find_part,
)
from ansible_collections.fay.rancher.plugins.module_utils._engine.methods import ConfigurationOnly, CopyMethod, RenameMethod
from ansible_collections.fay.rancher.plugins.module_utils._engine.plan import find_data_root, plan_move
from ansible_collections.fay.rancher.plugins.module_utils._engine.state import DIRECTORY, OldRoots, State
from ansible_collections.fay.rancher.plugins.module_utils._engine.verification import verify_objects

# done: bool. result: {from, to, method, size, entries, old_root} of a move that is complete; None if it is not, or if nothing
# had to be done. lines: list of str, what to show to the user.
Progress = collections.namedtuple("Progress", "done result lines")


class Move:
    """The move of one host's data root to `target`.

    host: Host. keep_old: bool, whether old roots are kept. config_backup: str or None, a directory that is removed after a move.
    containerd_root: str, where the images of Docker's containerd store are moved to in the same transaction; empty to leave them.
    is_containerd_shared: bool, whether other users of containerd are accepted. state_directory: str, for the journal. clock:
    function that returns seconds.

    The journal's phase, and where an interrupted move continues:

        phase    what is done in it                           continues with
        stop     stop Docker                                  stop
        copy     copy until the copy is identical             copy (the copy itself survives a kill)
        place    give the data its new name                   stop: Docker may have changed the data since
        switch   config.toml, then daemon.json                stop if daemon.json names the old root, else switch
        start    rename: exchange the names; start, verify    start
        retire   rename and record the old root               retire

        stop --> copy --> place --> switch --> start --> retire --> (no journal)
         ^        |                    |         |         ^
         +--------+ another pass       +---------+---------+ copy only: the host's boot has started Docker on the new root

        failure in any phase --> rollback --> (no journal)

    `undoing` in the journal marks a rollback. After an interruption it is completed, unless the configuration names the new roots.
    If only config.toml names the new root, the move of containerd's root is complete: Docker may have run with it.
    """

    # The function of each phase and the next phase. A function returns whether its phase is complete.
    PHASES = {"stop": ("_transfer", "place"), "copy": ("_transfer", "place"), "place": ("_place", "switch"),
              "switch": ("_switch", "start"), "start": ("_start", "retire")}

    def __init__(self, host, target, keep_old=True, config_backup=None, containerd_root="", is_containerd_shared=False,
                 state_directory=DIRECTORY, clock=time.monotonic):
        self.host, self.config_backup, self.clock = host, config_backup, clock
        self.target, self.containerd_root, self.is_containerd_shared = target, containerd_root, is_containerd_shared
        self.state = State(state_directory)
        self.old_roots = OldRoots(self.state, host, keep_old)
        self.copy = Copy(host, self.state, clock)
        self.methods = {"copy": CopyMethod(self.copy), "rename": RenameMethod(), "none": ConfigurationOnly()}

    def plan(self, location=None):
        """The first entries of a journal (dict); None if nothing has to be done. Raises DataRootError.

        location: Location, if it is known already.
        """
        location = location or find_data_root(self.host)
        return plan_move(self.host, self.old_roots, location, self.target, self.containerd_root, self.is_containerd_shared)

    def advance(self, seconds):
        """Begin or continue the move for about `seconds`. Returns Progress. Raises DataRootError after a rollback."""
        with self.state.run_lock():
            deadline = self.clock() + seconds
            journal = self._load_journal()
            if journal and self._replaced_parts(journal):  # an earlier move, already switched: complete it first
                return Progress(False, None, self._continue(journal, deadline).lines)
            if journal is None:
                journal = self.plan()
                if journal is None:
                    self.old_roots.remove_unused()
                    return Progress(True, None, [])
                self.state.save_journal(journal, running=False, objects=None, **engine_files.read_configuration(self.host))
            try:
                return self._continue(journal, deadline)
            except (DataRootError, OSError, UnicodeError) as error:
                self._roll_back(journal, str(error))
                raise DataRootError("The %s was not moved from %s: %s. Docker uses %s again, with its previous configuration" % (
                    describe_names(journal), describe_parts(journal), error, " and ".join(part["from"] for part in journal["parts"])))

    def _replaced_parts(self, journal):
        """The parts (list of dict) for which another root is requested now."""
        requested = {DATA: self.target, STORE: self.containerd_root}
        return [part for part in journal["parts"] if requested[part["name"]] not in ("", part["requested"])]

    def _load_journal(self):
        """The journal of the move to continue; None if there is none or it was rolled back."""
        journal = self.state.load_journal()
        if not journal:
            return None
        convert_earlier(self.host, journal)
        if journal.get("is_wrong_directory") and journal["phase"] != "retire":  # the old root can be renamed already in `retire`
            self._roll_back(journal, "an earlier version moved the directory of userns-remap instead of the data root")
            return None
        self._complete_switched_parts(journal)
        if journal.get("undoing"):
            reason = "an earlier run failed"
        elif self._replaced_parts(journal):
            reason = "the requested %s is now %s" % (describe_names(journal), self.target)
        else:
            return journal
        if not self._is_switched(journal):
            self._roll_back(journal, reason)
            return None
        if journal.get("undoing"):  # the new root is Docker's data, and Docker may have written to it since
            self.state.save_journal(journal, phase="switch", undoing=False)
        return journal

    def _complete_switched_parts(self, journal):
        """Complete the parts that the configuration names already, if it does not name all: Docker may have run with these."""
        switched = [part for part in journal["parts"] if self._is_part_switched(journal, part)]
        if not switched or len(switched) == len(journal["parts"]):
            return
        self._stop_docker(journal)
        for part in switched:
            method = self.methods[part["method"]]
            method.settle(part)
            method.retire(part, self.old_roots)
            self.old_roots.discard(part["to"])
        configuration = engine_files.read_configuration(self.host)
        names = ["containerd"] if switched[0]["name"] == STORE else ["daemon_json", "drop_in", "earlier_drop_in"]
        self.state.save_journal(journal, parts=[part for part in journal["parts"] if part not in switched], phase="stop",
                                **{name: configuration[name] for name in names})

    def _continue(self, journal, deadline):
        lines = []
        self._correct_phase(journal)
        while journal["phase"] != "retire":
            name, next_phase = self.PHASES[journal["phase"]]
            if not getattr(self, name)(journal, deadline, lines):
                return Progress(False, None, lines)
            self.state.save_journal(journal, phase=next_phase)
        for part in journal["parts"]:
            self.methods[part["method"]].retire(part, self.old_roots)
            self.old_roots.discard(part["to"])
        self.old_roots.remove_unused()
        if self.config_backup:  # it names the old root, and Docker has started with the new configuration
            shutil.rmtree(self.config_backup, ignore_errors=True)
        self.state.delete_journal()
        moved = {name: find_part(journal, name) for name in (DATA, STORE)}
        return Progress(True, dict(moved, old_root=self.old_roots.newest()), lines)

    def _correct_phase(self, journal):
        """Choose the phase to continue with (see the table): Docker may have been started since the journal was written."""
        phase = journal["phase"]
        if phase == "place" or (phase == "switch" and not self._is_switched(journal)):
            self.state.save_journal(journal, phase="stop")
        elif phase in ("switch", "start") and self._is_on_new_roots(journal):
            phases = {method.phase_after_boot for unused, method in self._methods(journal)}
            phase = "retire" if phases == {"retire"} else "switch"
            self.state.save_journal(journal, objects=self.host.list_objects(), phase=phase)
            if phase == "switch":
                self._stop_live_restore(journal)

    def _methods(self, journal):
        """[(part, its method)] of a journal."""
        return [(part, self.methods[part["method"]]) for part in journal["parts"]]

    def _is_on_new_roots(self, journal):
        data = find_part(journal, DATA)
        return self.host.is_on(data["to"]) if data else bool(self.host.docker_info())

    def _is_switched(self, journal):
        """Whether the configuration names all new roots already."""
        return all(self._is_part_switched(journal, part) for part in journal["parts"])

    def _is_part_switched(self, journal, part):
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

    def _transfer(self, journal, deadline, lines):
        if journal["phase"] == "stop":
            self.state.save_journal(journal, copied=[])
        self._stop_docker(journal)
        for part, method in self._methods(journal):
            method.check_idle(part)
        for part, method in self._methods(journal):
            if not method.transfer(journal, part, deadline, lines):
                return False
        return all(method.is_identical(journal, part) for part, method in self._methods(journal))

    def _stop_docker(self, journal):
        """Stop Docker and record what it has, if it runs."""
        if self.host.is_running():
            self.state.save_journal(journal, running=True, objects=self.host.list_objects())
            self._stop_live_restore(journal)
        self.host.stop(*journal["services"])

    def _place(self, journal, *unused):
        for part, method in self._methods(journal):
            method.place(part)
        return True

    def _switch(self, journal, *unused):
        """Write the configuration. As soon as a new file is renamed into place, the new root is the data.

        A flag in the unit is removed after that. If the host boots in between, Docker refuses to start; in the other order it would
        start on an empty root.
        """
        self.host.stop(*journal["services"])
        location = find_data_root(self.host, ask_docker=False)
        for part, method in self._methods(journal):
            self.host.apply_selinux_rules(part["to"], DEFAULT_CONTAINERD_ROOT if part["name"] == STORE else DEFAULT_ROOT)
            method.repoint(part)
        store = find_part(journal, STORE)
        if store:
            self._switch_store(store)
        self._switch_data_root(journal, location)
        return True

    def _switch_store(self, store):
        self._check_stopped()
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

    def _start(self, journal, *unused):
        if any(part["method"] == "rename" for part in journal["parts"]):
            self.host.stop(*journal["services"])
        for part, method in self._methods(journal):
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

    def _stop_live_restore(self, journal):
        """Disable live-restore, so that containers stop together with Docker. _switch() and _roll_back() enable it again."""
        if journal["live_restore"]:
            engine_files.disable_live_restore(self.host, self.clock)

    # ---- the rollback

    def _roll_back(self, journal, reason):
        """Return Docker to its old roots and its previous configuration. Raises DataRootError if that fails too."""
        with contextlib.suppress(OSError):  # a full disk does not prevent the rollback
            self.state.save_journal(journal, undoing=True)
        try:
            self.copy.kill(journal)
            is_changed = self._is_changed(journal, "daemon_json", "drop_in", "earlier_drop_in")
            is_store_changed = bool(journal["services"]) and self._is_changed(journal, "containerd")
            if is_changed or is_store_changed or journal["phase"] in ("switch", "start"):
                self.host.stop(*journal["services"])
            for part, method in self._methods(journal):
                method.revert_data(part)
            engine_files.restore_configuration(self.host, journal, with_containerd=bool(journal["services"]),
                                               is_containerd_last=find_part(journal, STORE) is not None)
            for part, method in self._methods(journal):
                method.revert_names(part)
            self._start_services(journal)
        except (DataRootError, OSError, UnicodeError) as error:
            raise DataRootError(
                "The %s was not moved from %s (%s), and the rollback also failed: %s. No data is lost: it is under %s. Remove the cause "
                "and run again" % (describe_names(journal), describe_parts(journal), reason, error,
                                   " and ".join(part["from"] for part in journal["parts"])))
        self.state.delete_journal()
