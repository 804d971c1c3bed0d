# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup of Docker's configuration: from the first change of a file until Docker runs with all of them. Private to the collection."""
import contextlib
import json
import os
import shutil
import time

from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text, remove_path, sync_directory
from ansible_collections.fay.rancher.plugins.module_utils._engine.state import DIRECTORY
from ansible_collections.fay.rancher.plugins.module_utils._files import make_directories, set_context, write_atomically

BACKUP = os.path.join(DIRECTORY, "docker-before")
RECORD = "record.json"
CANDIDATE = ".json"  # suffix of a daemon.json that Docker validates


class Backup:
    """A directory with the files as they were before the first change, each at DIRECTORY/PATH. It exists only during a change.

    record.json: {files: paths, also of files that did not exist; created: seconds since the epoch; was_running: bool;
    is_interrupted: bool, whether an earlier run was ended during the change}. The directory gets its name when it is complete, and
    loses it before it is removed, so that a kill leaves a complete one or none.
    """

    def __init__(self, directory=BACKUP):
        self.directory = directory

    def exists(self):
        return os.path.isdir(self.directory)

    def path(self, file):
        """Path of the backup of a file (str, absolute)."""
        return self.directory + file

    def read(self):
        """The record (dict). A backup of an earlier version has none: its files are those that it contains."""
        text = read_text(self.path("/" + RECORD))
        if text:
            return json.loads(text)
        files = [os.path.join(folder, name)[len(self.directory):] for folder, unused, names in os.walk(self.directory) for name in names]
        return {"files": sorted(files), "created": os.stat(self.directory).st_mtime, "was_running": True, "is_interrupted": True}

    def create(self, files, was_running):
        """Back up files (list of str, absolute). Of an interrupted run, the backup is kept, and its record gets the further files.

        was_running: bool, whether Docker runs. Raises OSError.
        """
        if self.exists():
            self._continue(files)
            return
        partial = self.directory + ".part"
        self._remove_leftovers()
        make_directories(os.path.dirname(self.directory), 0o700)
        os.mkdir(partial, 0o700)
        for file in files:
            if os.path.isfile(file):
                os.makedirs(os.path.dirname(partial + file), exist_ok=True)
                copy_file(file, partial + file)
        record = {"files": sorted(files), "created": time.time(), "was_running": was_running, "is_interrupted": False}
        write_atomically(os.path.join(partial, RECORD), json.dumps(record), 0o600)
        os.sync()
        os.rename(partial, self.directory)
        sync_directory(os.path.dirname(self.directory))

    def _continue(self, files):
        """Record that an earlier run was interrupted. Files that it did not know have not been changed: they are backed up too.

        A backup of an earlier version has no record and contains all files that existed before that run.
        """
        record = self.read()
        is_complete = not os.path.exists(self.path("/" + RECORD))
        for file in sorted(set(files) - set(record["files"])):
            if os.path.isfile(file) and not is_complete:
                os.makedirs(os.path.dirname(self.path(file)), exist_ok=True)
                copy_file(file, self.path(file))
        record.update(files=sorted(set(record["files"]) | set(files)), is_interrupted=True)
        write_atomically(self.path("/" + RECORD), json.dumps(record), 0o600)
        os.sync()

    def restore(self):
        """Write the files back, and remove those that did not exist. The backup is kept. Raises OSError."""
        for file in self.read()["files"]:
            if os.path.exists(self.path(file)):
                make_directories(os.path.dirname(file))
                copy_file(self.path(file), file)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file)

    def remove(self):
        """Remove the backup: the change is complete, or was rolled back."""
        if self.exists():
            self._remove_leftovers()
            os.rename(self.directory, self.directory + ".old")
            sync_directory(os.path.dirname(self.directory))
        self._remove_leftovers()

    def _remove_leftovers(self):
        for suffix in (".part", ".old", CANDIDATE):
            if os.path.lexists(self.directory + suffix):
                remove_path(self.directory + suffix)


def copy_file(source, target):
    """Replace `target` by a copy of `source` with its mode, owner and times. A link is kept, its target replaced. Raises OSError."""
    target = os.path.realpath(target)
    temporary = target + ".fay"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    shutil.copyfile(source, temporary)
    status = os.stat(source)
    os.chown(temporary, status.st_uid, status.st_gid)
    shutil.copystat(source, temporary)
    set_context(temporary, target)
    with open(temporary, "rb") as copied:
        os.fsync(copied.fileno())
    os.rename(temporary, target)


def file_texts(paths):
    """{path: text} of those files that exist."""
    return dict((path, read_text(path, errors="replace")) for path in paths if os.path.isfile(path))
