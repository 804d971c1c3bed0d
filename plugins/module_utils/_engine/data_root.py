# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The move of Docker's data root. A kill or a power failure at any instant loses nothing. Private to the collection.

The rule behind every step: at each instant exactly one directory is Docker's data, it is complete, and Docker's configuration
names it. If the host is started again in the middle of a move, Docker runs on that data; the next run reads the journal and
continues.
"""
import collections
import contextlib
import os
import re
import shutil
import time

from ansible_collections.fay.rancher.plugins.module_utils._engine import engine_files
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError, parse_daemon_json
from ansible_collections.fay.rancher.plugins.module_utils._engine.copying import Copy
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.methods import ConfigurationOnly, CopyMethod, RenameMethod
from ansible_collections.fay.rancher.plugins.module_utils._engine.plan import find_data_root, plan_move
from ansible_collections.fay.rancher.plugins.module_utils._engine.state import DIRECTORY, OldRoots, State
from ansible_collections.fay.rancher.plugins.module_utils._engine.verification import verify_objects

# done: bool. result: {from, to, method, size, entries, old_root} of a move that is complete; None if it is not, or if nothing
# had to be done. lines: list of str, what to show to the user.
Progress = collections.namedtuple("Progress", "done result lines")


def requested_root(journal):
    """The new data root in daemon.json (str): the path that was asked for, which can be a link to journal["to"]."""
    return journal.get("requested", journal["to"])  # a journal of an earlier version has no such entry


def moved_remapped_directory(journal):
    """Whether the move is one of ROOT/UID.GID by an earlier version. With userns-remap, Docker would be empty at the new root."""
    return "requested" not in journal and bool(re.match(r"\d+\.\d+$", os.path.basename(journal["from"])))


class Move:
    """The move of one host's data root to `target`.

    host: Host. keep_old: bool, whether the old root is kept. config_backup: str or None, a directory that is removed after a
    move. state_directory: str, for the journal. clock: function that returns seconds.

    The journal's phase, and where an interrupted move continues:

        phase    what is done in it                           continues with
        stop     stop Docker                                  stop
        copy     copy until the copy is identical             copy (the copy itself survives a kill)
        place    give the data its new name                   stop: Docker may have changed the data since
        switch   write the configuration of the new root      stop if daemon.json names the old root, else switch
        start    rename: exchange the names; start, verify    start
        retire   rename and record the old root               retire

        stop --> copy --> place --> switch --> start --> retire --> (no journal)
         ^        |                    |         |         ^
         +--------+ another pass       +---------+---------+ copy only: the host's boot has started Docker on the new root

        failure in any phase --> rollback --> (no journal)

    `undoing` in the journal marks a rollback. After an interruption it is completed, unless daemon.json names the new root.
    """

    # The function of each phase and the next phase. A function returns whether its phase is complete.
    PHASES = {"stop": ("_transfer", "place"), "copy": ("_transfer", "place"), "place": ("_place", "switch"),
              "switch": ("_switch", "start"), "start": ("_start", "retire")}

    def __init__(self, host, target, keep_old=True, config_backup=None, state_directory=DIRECTORY, clock=time.monotonic):
        self.host, self.target, self.config_backup, self.clock = host, target, config_backup, clock
        self.state = State(state_directory)
        self.old_roots = OldRoots(self.state, host, keep_old)
        self.copy = Copy(host, self.state, clock)
        self.methods = {"copy": CopyMethod(self.copy), "rename": RenameMethod(host), "none": ConfigurationOnly()}

    def plan(self, location=None):
        """The first entries of a journal (dict); None if nothing has to be done. Raises DataRootError.

        location: Location, if it is known already.
        """
        return plan_move(self.host, self.old_roots, self.target, location or find_data_root(self.host))

    def advance(self, seconds):
        """Begin or continue the move for about `seconds`. Returns Progress. Raises DataRootError after a rollback."""
        with self.state.run_lock():
            deadline = self.clock() + seconds
            journal = self._load_journal()
            if journal and requested_root(journal) != self.target:  # an earlier move, already switched: complete it first
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
                raise DataRootError("The data root was not moved from %s to %s: %s. Docker uses %s again, with its previous "
                                    "configuration" % (journal["from"], journal["to"], error, journal["from"]))

    def _load_journal(self):
        """The journal of the move to continue; None if there is none or it was rolled back."""
        journal = self.state.load_journal()
        if not journal:
            return None
        if "earlier_drop_in" not in journal:
            engine_files.add_earlier_drop_in(self.host, journal)
        if moved_remapped_directory(journal) and journal["phase"] != "retire":  # the old root can be renamed already in `retire`
            self._roll_back(journal, "an earlier version moved the directory of userns-remap instead of the data root")
            return None
        if journal.get("undoing"):
            reason = "an earlier run failed"
        elif requested_root(journal) != self.target:
            reason = "the requested data root is now %s" % self.target
        else:
            return journal
        if not self._is_switched(journal):
            self._roll_back(journal, reason)
            return None
        if journal.get("undoing"):  # the new root is Docker's data, and Docker may have written to it since
            self.state.save_journal(journal, phase="switch", undoing=False)
        return journal

    def _continue(self, journal, deadline):
        lines = []
        self._correct_phase(journal)
        while journal["phase"] != "retire":
            name, next_phase = self.PHASES[journal["phase"]]
            if not getattr(self, name)(journal, deadline, lines):
                return Progress(False, None, lines)
            self.state.save_journal(journal, phase=next_phase)
        self._method(journal).retire(journal, self.old_roots)
        self.old_roots.discard(journal["to"])
        self.old_roots.remove_unused()
        if self.config_backup:  # it names the old root, and Docker has started with the new configuration
            shutil.rmtree(self.config_backup, ignore_errors=True)
        self.state.delete_journal()
        result = dict((name, journal[name]) for name in ("from", "to", "method", "size", "entries"))
        return Progress(True, dict(result, old_root=self.old_roots.newest()), lines)

    def _correct_phase(self, journal):
        """Choose the phase to continue with (see the table): Docker may have been started since the journal was written."""
        phase = journal["phase"]
        if phase == "place" or (phase == "switch" and not self._is_switched(journal)):
            self.state.save_journal(journal, phase="stop")
        elif phase in ("switch", "start") and self.host.is_on(journal["to"]):
            phase = self._method(journal).phase_after_boot
            self.state.save_journal(journal, objects=self.host.list_objects(), phase=phase)
            if phase == "switch":
                self._stop_live_restore(journal)

    def _method(self, journal):
        return self.methods[journal["method"]]

    def _is_switched(self, journal):
        """Whether the configuration names the new root already."""
        options = parse_daemon_json(read_text(self.host.daemon_json))
        return options.get("data-root") == requested_root(journal) and (
            journal["method"] != "none" or self._is_changed(journal, "drop_in", "earlier_drop_in"))

    def _is_changed(self, journal, *names):
        """Whether one of the named files of the configuration differs from the journal."""
        configuration = engine_files.read_configuration(self.host)
        return any(configuration[name] != journal[name] for name in names)

    # ---- the phases

    def _transfer(self, journal, deadline, lines):
        if self.host.is_running():
            self.state.save_journal(journal, running=True, objects=self.host.list_objects())
            self._stop_live_restore(journal)
        self.host.stop(*journal["services"])
        self._method(journal).check_idle(journal)
        return self._method(journal).transfer(journal, deadline, lines)

    def _place(self, journal, *unused):
        self._method(journal).place(journal)
        return True

    def _switch(self, journal, *unused):
        """Write the configuration. As soon as the new daemon.json is renamed into place, the new root is Docker's data.

        A flag in the unit is removed after that. If the host boots in between, Docker refuses to start; in the other order it would
        start on an empty root.
        """
        self.host.stop(*journal["services"])
        location = find_data_root(self.host, ask_docker=False)
        self.host.apply_selinux_rules(journal["to"])
        self._method(journal).repoint(journal)
        options = dict(location.options, **{"data-root": requested_root(journal)})
        options.pop("graph", None)
        if journal["live_restore"]:
            options["live-restore"] = True
        if journal["services"]:  # containerd starts before Docker
            engine_files.move_containerd_root(self.host, journal["from"], journal["to"])
        if self.host.is_running():
            raise DataRootError("Docker was started again and may have changed its data since it was copied. Stop what uses Docker")
        engine_files.write_daemon_json(self.host, options)
        if location.has_root_flag:
            engine_files.write_drop_in(self.host, location.command)
        return True

    def _start(self, journal, *unused):
        self._method(journal).settle(journal)
        if journal["running"]:
            self.host.start()
            verify_objects(self.host, journal["to"], journal["objects"], self.clock)
        return True

    def _stop_live_restore(self, journal):
        """Disable live-restore, so that containers stop together with Docker. _switch() and _roll_back() enable it again."""
        if journal["live_restore"]:
            engine_files.disable_live_restore(self.host, self.clock)

    # ---- the rollback

    def _roll_back(self, journal, reason):
        """Return Docker to its old root and its previous configuration. Raises DataRootError if that fails too."""
        method = self._method(journal)
        with contextlib.suppress(OSError):  # a full disk does not prevent the rollback
            self.state.save_journal(journal, undoing=True)
        try:
            self.copy.kill(journal)
            is_changed = self._is_changed(journal, "daemon_json", "drop_in", "earlier_drop_in")
            if is_changed or journal["phase"] in ("switch", "start"):
                self.host.stop(*journal["services"])
            method.revert_data(journal)
            engine_files.restore_configuration(self.host, journal, with_containerd=bool(journal["services"]))
            method.revert_names(journal)
            if journal["running"]:
                self.host.start()
        except (DataRootError, OSError, UnicodeError) as error:
            raise DataRootError(
                "The data root was not moved from %s to %s (%s), and the rollback also failed: %s. No data is lost: it is under %s. "
                "Remove the cause and run again" % (journal["from"], journal["to"], reason, error, journal["from"]))
        self.state.delete_journal()
