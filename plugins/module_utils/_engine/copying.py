# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy of the data root, made by rsync in the background. Private to the collection."""
import contextlib
import os
import re
import signal
import time

from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import (
    MARKER,
    format_gib,
    has_data,
    measure_data,
    partial_copy_path,
)
from ansible_collections.fay.rancher.plugins.module_utils._files import make_directories

# Exit codes of an rsync of which one of its processes was killed: rsync(1), sh(1).
KILLED_CODES = ("12", "20", "130", "137", "143")
MAX_COPY_RESTARTS = 3
MAX_COPY_PASSES = 3
KILL_SECONDS = 30


def parse_progress(text):
    """(bytes copied, percent, rate as rsync prints it) from the output of --info=progress2; None if there is none yet."""
    reports = re.findall(r"([\d,.]+)\s+(\d+)%\s+(\S+/s)", text)
    if not reports:
        return None
    size, percent, rate = reports[-1]
    return int(re.sub(r"\D", "", size)), int(percent), rate


class Copy:
    """The copies from part["from"] to the partial copy of part["to"], one part of the journal at a time.

    host: Host. state: State. clock: function that returns seconds.
    """

    def __init__(self, host, state, clock):
        self.host, self.state, self.clock = host, state, clock

    def advance(self, journal, part, deadline, lines):
        """Copy until `deadline` (seconds of the clock). Returns whether the copy has ended.

        False also if another copy is needed; journal["phase"] is then `stop`. lines: list of str, gets the progress. Raises
        DataRootError if the copy failed.
        """
        if part["name"] in journal["copied"]:
            return True
        is_begun = journal["phase"] == "copy" and journal["copying"] == part["name"]
        if not self.state.is_copying() and not (is_begun and self.state.has_copy_result()):
            self._start(journal, part)
        while self.state.is_copying():
            if self.clock() > deadline:
                self._report(part, lines)
                return False
            time.sleep(self.host.poll_seconds)
        if not self._has_succeeded(journal, part):
            return False
        self.state.save_journal(journal, copied=journal["copied"] + [part["name"]])
        return True

    def _start(self, journal, part):
        source, target = part["from"], part["to"]
        partial = partial_copy_path(target)
        if partial != target and has_data(target) and not os.path.isdir(partial):
            os.rename(target, partial)  # a complete copy from before Docker ran on the old root again: update it
        make_directories(partial, 0o710)
        if partial == target:
            open(os.path.join(target, MARKER), "w").close()
        if not self.host.has_rsync():
            raise DataRootError("rsync is required for the copy but is not installed. Install it")
        with self.state.copy_lock() as lock:
            self.state.delete_copy_files()
            self.state.save_journal(journal, phase="copy", copying=part["name"])
            self.host.start_copy(source, partial, self.state.directory, lock)

    def _report(self, part, lines):
        progress = parse_progress(self.state.read_copy_file("copy.out"))
        if progress:
            size, percent, rate = progress
            lines.append("%s of %s copied from %s to %s (%d %%, %s)" % (
                format_gib(size), format_gib(part["size"]), part["from"], part["to"], percent, rate))

    def _has_succeeded(self, journal, part):
        code = self.state.read_copy_file("copy.code").strip()
        restarts = journal.get("killed", 0)
        if code in KILLED_CODES and restarts < MAX_COPY_RESTARTS:  # killed together with the run that started it
            self.state.save_journal(journal, phase="stop", killed=restarts + 1)
            return False
        if code != "0":
            raise DataRootError("the copy to %s failed: %s" % (
                partial_copy_path(part["to"]), self.state.read_copy_file("copy.err").strip() or "rsync was killed"))
        return True

    def is_identical(self, journal, part):
        """Whether a copy is identical to its source. If not, journal["phase"] is `stop` for another pass.

        Raises DataRootError after MAX_COPY_PASSES.
        """
        source, partial = part["from"], partial_copy_path(part["to"])
        differences = self.host.list_differences(source, partial)
        passes = journal.get("passes", 0)
        if differences and passes < MAX_COPY_PASSES - 1:  # Docker has run on the old root since the last pass
            self.state.save_journal(journal, phase="stop", passes=passes + 1)
            return False
        if differences:
            raise DataRootError("the copy at %s still differs from %s after %d passes: %s" % (
                partial, source, MAX_COPY_PASSES, "; ".join(differences[:5])))
        copied, original = measure_data(partial)[1], measure_data(source)[1]
        if copied != original:
            raise DataRootError("the copy at %s has %d entries, but %s has %d" % (partial, copied, source, original))
        return True

    def kill(self, journal):
        """End a copy that is running. Raises DataRootError if it does not end within KILL_SECONDS."""
        deadline = self.clock() + KILL_SECONDS
        while self.state.is_copying():
            with contextlib.suppress(OSError, ValueError):
                os.killpg(int(self.state.read_copy_file("copy.pid")), signal.SIGKILL)
            if self.clock() > deadline:
                raise DataRootError("the copy of %s did not end within %d seconds after it was killed. End process %s" % (
                    journal["copying"], KILL_SECONDS, self.state.read_copy_file("copy.pid").strip()))
            time.sleep(self.host.poll_seconds)
