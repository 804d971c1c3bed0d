# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The move of Docker's data root and of containerd's root. Private to the collection.

A kill or a power failure at any instant loses nothing. The rule behind every step: at each instant exactly one directory is Docker's
data, it is complete, and Docker's configuration names it. The same holds for containerd. If the host is started again in the middle of
a move, Docker runs on that data; the next run reads the journal and continues. The two roots do not refer to each other's paths, so that
each of them can be the old or the new one.
"""
import collections
import shutil
import time

from ansible_collections.fay.rancher.plugins.module_utils._engine import engine_files
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.journal import (
    DATA,
    STORE,
    convert_earlier,
    describe_failure,
    describe_sources,
    find_part,
)
from ansible_collections.fay.rancher.plugins.module_utils._engine.plan import find_data_root, plan_move
from ansible_collections.fay.rancher.plugins.module_utils._engine.state import DIRECTORY, OldRoots, State
from ansible_collections.fay.rancher.plugins.module_utils._engine.steps import Steps

# done: bool. result: dict with the parts of the journal (DATA and STORE, each can be None) and `old_root` of a move that is complete;
# None if it is not, or if nothing had to be done. lines: list of str, what to show to the user.
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
    PHASES = {"stop": ("transfer", "place"), "copy": ("transfer", "place"), "place": ("place", "switch"),
              "switch": ("switch", "start"), "start": ("start", "retire")}

    def __init__(self, host, target, keep_old=True, config_backup=None, containerd_root="", is_containerd_shared=False,
                 state_directory=DIRECTORY, clock=time.monotonic):
        self.host, self.config_backup, self.clock = host, config_backup, clock
        self.target, self.containerd_root, self.is_containerd_shared = target, containerd_root, is_containerd_shared
        self.state = State(state_directory)
        self.old_roots = OldRoots(self.state, host, keep_old)
        self.steps = Steps(host, self.state, clock)

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
            is_earlier = bool(journal and self._replaced_parts(journal))  # already switched: complete it before the requested move
            if journal is None:
                journal = self.plan()
                if journal is None:
                    self.old_roots.remove_unused()
                    return Progress(True, None, [])
                self.state.save_journal(journal, running=False, objects=None, **engine_files.read_configuration(self.host))
            try:
                progress = self._continue(journal, deadline)
                return Progress(False, None, progress.lines) if is_earlier else progress
            except (DataRootError, OSError, UnicodeError) as error:
                if journal["phase"] == "retire":  # an old root can be renamed already: the old configuration would name an empty one
                    raise DataRootError("Docker uses the new paths, but not all old roots could be renamed or removed: %s. Remove the "
                                        "cause and run again" % error)
                self.steps.roll_back(journal, str(error))
                raise DataRootError("%s: %s. Docker uses %s again, with its previous configuration" % (
                    describe_failure(journal), error, describe_sources(journal)))

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
            self.steps.roll_back(journal, "an earlier version moved the directory of userns-remap instead of the data root")
            return None
        self._complete_switched_parts(journal)
        if journal.get("undoing"):
            reason = "an earlier run failed"
        elif self._replaced_parts(journal):
            reason = "other paths are requested now"
        else:
            return journal
        if not self.steps.is_switched(journal):
            self.steps.roll_back(journal, reason)
            return None
        if journal.get("undoing"):  # the new root is Docker's data, and Docker may have written to it since
            self.state.save_journal(journal, phase="switch", undoing=False)
        return journal

    def _complete_switched_parts(self, journal):
        """Complete the parts that the configuration names already, if it does not name all: Docker may have run with these."""
        switched = [part for part in journal["parts"] if self.steps.is_part_switched(journal, part)]
        if not switched or len(switched) == len(journal["parts"]):
            return
        self.steps.stop_docker(journal)
        for part in switched:
            self.steps.methods[part["method"]].settle(part)
        self._complete_parts(journal, switched, "stop")

    def _complete_parts(self, journal, parts, phase):
        """Complete some parts and remove them from the journal, so that a rollback of the others leaves them as they are."""
        for part in parts:
            self.steps.methods[part["method"]].retire(part, self.old_roots)
            self.old_roots.discard(part["to"])
        configuration = engine_files.read_configuration(self.host)
        names = ["containerd"] if parts[0]["name"] == STORE else ["daemon_json", "drop_in", "earlier_drop_in"]
        self.state.save_journal(journal, parts=[part for part in journal["parts"] if part not in parts], phase=phase,
                                **{name: configuration[name] for name in names})

    def _continue(self, journal, deadline):
        lines = []
        self._correct_phase(journal)
        while journal["phase"] != "retire":
            name, next_phase = self.PHASES[journal["phase"]]
            if not getattr(self.steps, name)(journal, deadline, lines):
                return Progress(False, None, lines)
            self.state.save_journal(journal, phase=next_phase)
        for part in journal["parts"]:
            self.steps.methods[part["method"]].retire(part, self.old_roots)
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
        if phase == "place" or (phase == "switch" and not self.steps.is_switched(journal)):
            self.state.save_journal(journal, phase="stop")
        elif phase in ("switch", "start") and self.steps.is_on_new_roots(journal):
            complete = [part for part, method in self.steps.methods_of(journal) if method.phase_after_boot == "retire"]
            phase = "retire" if len(complete) == len(journal["parts"]) else "switch"
            self.state.save_journal(journal, objects=self.host.list_objects(), phase=phase)
            if phase == "switch":
                if complete:  # Docker may have written to the copy since
                    self._complete_parts(journal, complete, phase)
                self.steps.stop_live_restore(journal)
