# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded on the host about moves of the data root: journal, locks, old data roots. Private to the collection."""
import contextlib
import datetime
import fcntl
import json
import os
import shutil

from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import (
    is_empty,
    is_same_path,
    read_text,
    remove_path,
    sync_directory,
)
from ansible_collections.fay.rancher.plugins.module_utils._files import make_directories, write_atomically

DIRECTORY = "/var/lib/fay-rancher"
COPY_FILES = ("copy.out", "copy.err", "copy.code", "copy.pid")


class State:
    """The files of the state directory. The journal (a dict) describes an unfinished move; there is none otherwise."""

    def __init__(self, directory=DIRECTORY):
        self.directory = directory
        self.journal_path = self.path("docker-data-root.json")
        self.old_roots_path = self.path("docker-data-root-old.json")

    def path(self, name):
        """Absolute path of a file in the state directory."""
        return os.path.join(self.directory, name)

    # ---- the journal

    def load_journal(self):
        """The journal as a dict; None if no move is unfinished."""
        text = read_text(self.journal_path)
        return json.loads(text) if text else None

    def save_journal(self, journal, **changes):
        """Change entries of the journal and write it to disk. Raises OSError."""
        journal.update(changes)
        write_atomically(self.journal_path, json.dumps(journal, indent=2, sort_keys=True), 0o600)
        sync_directory(self.directory)

    def delete_journal(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.journal_path)

    # ---- locks

    @contextlib.contextmanager
    def run_lock(self):
        """Exclude other runs of the module. Raises DataRootError if another one is active."""
        make_directories(self.directory, 0o700)
        with open(self.path("docker-data-root.lock"), "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise DataRootError("Another run is already changing the data root of this host. Wait until it has ended, "
                                    "then run again")
            yield

    @contextlib.contextmanager
    def copy_lock(self):
        """Lock the copy; yields the open file (int). Raises OSError while a copy runs, including one of a killed run."""
        lock = os.open(self.path("copy.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield lock
        finally:
            os.close(lock)

    def is_copying(self):
        """Whether a copy runs."""
        try:
            with self.copy_lock():
                return False
        except OSError:
            return True

    # ---- files of the copy

    def read_copy_file(self, name):
        """Text of one of COPY_FILES; empty if it does not exist."""
        return read_text(self.path(name))

    def has_copy_result(self):
        """Whether the last copy has ended and its exit code is known."""
        return os.path.exists(self.path("copy.code"))

    def delete_copy_files(self):
        for name in COPY_FILES:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path(name))


class OldRoots:
    """Data roots that moves have left behind, oldest first. Only these can be removed.

    state: State. host: Host. keep: bool, whether they are kept.
    """

    def __init__(self, state, host, keep):
        self.state, self.host, self.keep = state, host, keep

    def recorded(self):
        """Recorded paths (list of str), including those that were removed since."""
        text = read_text(self.state.old_roots_path)
        return json.loads(text) if text else []

    def existing(self):
        """Recorded paths that still have data (list of str)."""
        return [path for path in self.recorded() if os.path.isdir(path) and not (os.path.ismount(path) and is_empty(path))]

    def removable(self):
        """Paths (list of str) that remove_unused() would remove if Docker runs on another root."""
        return [] if self.keep else self.existing()

    def add(self, path):
        self._write([known for known in self.recorded() if known != path] + [path])

    def discard(self, path):
        """Remove a path from the record: it is in use again, or it was emptied."""
        self._write([known for known in self.recorded() if known != path])

    def _write(self, paths):
        write_atomically(self.state.old_roots_path, json.dumps(paths), 0o600)

    def set_aside(self, root):
        """Rename a root to ROOT.old-DATE and record it. A mount point cannot be renamed, so it is only recorded."""
        if os.path.ismount(root):
            self.add(root)
            return
        dated = "%s.old-%s" % (root, datetime.datetime.now().strftime("%Y-%m-%d"))
        names = [dated] + ["%s.%d" % (dated, number) for number in range(2, 100)]
        path = next(name for name in names if not os.path.lexists(name))
        self.add(path)  # before the rename, so that it is always recorded
        os.rename(root, path)
        sync_directory(os.path.dirname(root))

    def newest(self):
        """The last recorded path that is a directory; None if there is none."""
        directories = [path for path in self.recorded() if os.path.isdir(path)]
        return directories[-1] if directories else None

    def remove_unused(self):
        """Remove the old roots unless they are kept, but never a current root, and nothing while the current roots are not known."""
        paths = self.removable()
        info = self.host.docker_info() if paths else {}
        try:
            current = [info["DockerRootDir"], self.host.containerd_root()] if info else []
        except DataRootError:  # the configuration of a containerd that Docker does not need
            current = []
        for path in paths:
            if not current or any(is_same_path(root, path) for root in current):
                continue
            if os.path.ismount(path):
                for name in os.listdir(path):
                    remove_path(os.path.join(path, name))
            else:
                shutil.rmtree(path)
            self.discard(path)  # later data at this path is not an old root
