# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the data gets to its new path: by a copy, by a rename, or not at all. Private to the collection."""
import contextlib
import os

from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.engine_files import repoint_containers
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import (
    MARKER,
    exchange,
    has_data,
    is_directory,
    mounts_below,
    partial_copy_path,
    resolve_parent,
    sync_directory,
)
from ansible_collections.fay.rancher.plugins.module_utils._files import make_directories, set_context


class ConfigurationOnly:
    """The data is left where it is; a flag in the unit is replaced by daemon.json. Base class of the other methods.

    The functions get a part of the journal (dict, see journal.new_part()) and are called in this order while Docker is stopped. Each can
    be repeated after a kill. After a failure, revert_data() runs before the configuration is restored, and revert_names() after that.
    """

    # Where the move continues if Docker was started on the new root, by the boot of the host, before the move was complete.
    phase_after_boot = "switch"

    def check_idle(self, part):
        """Raise DataRootError if the data is still in use."""

    def transfer(self, journal, part, deadline, lines):
        """Copy the data to the filesystem of the new path. Arguments and return value are those of Copy.advance()."""
        return True

    def is_identical(self, journal, part):
        """Whether the data at its new filesystem is complete; if not, journal["phase"] is `stop`. Raises DataRootError."""
        return True

    def place(self, part):
        """Make the new path lead to the data."""

    def repoint(self, part):
        """Change the paths in the containers' configuration."""

    def settle(self, part):
        """Complete the move after daemon.json names the new root, before Docker starts."""

    def retire(self, part, old_roots):
        """Rename and record the old root."""

    def revert_data(self, part):
        """Make the old path lead to the data again."""

    def revert_names(self, part):
        """Remove the new path."""


class DataMethod(ConfigurationOnly):
    """What copy and rename have in common."""

    def check_idle(self, part):
        points = mounts_below(part["from"])
        if points:
            raise DataRootError("Docker is stopped, but filesystems are still mounted below its data: %s. Stop the processes that "
                                "use them" % ", ".join(points[:5]))

    def repoint(self, part):
        repoint_containers(part["to"], part["from"], resolve_parent(part["to"]))


class CopyMethod(DataMethod):
    """Across filesystems: copy to TARGET.fay-moving (or into a mount point, marked), compare, rename to TARGET.

    copy: Copy.
    """

    phase_after_boot = "retire"

    def __init__(self, copy):
        self.copy = copy

    def transfer(self, journal, part, deadline, lines):
        return self.copy.advance(journal, part, deadline, lines)

    def is_identical(self, journal, part):
        return self.copy.is_identical(journal, part)

    def place(self, part):
        target = part["to"]
        partial = partial_copy_path(target)
        if partial == target:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(target, MARKER))
            sync_directory(target)
        elif os.path.isdir(partial):
            os.rename(partial, target)  # the target is missing or an empty directory
            sync_directory(os.path.dirname(target))

    def retire(self, part, old_roots):
        if os.path.isdir(part["from"]):
            old_roots.set_aside(part["from"])

    def revert_names(self, part):
        target = part["to"]
        partial = partial_copy_path(target)
        if partial != target and has_data(target) and not os.path.lexists(partial):
            os.rename(target, partial)  # the next run updates this copy


class RenameMethod(DataMethod):
    """On one filesystem: TARGET becomes a link to the old root; link and directory are exchanged after the switch."""

    def place(self, part):
        source, target = part["from"], part["to"]
        if os.path.islink(target):
            return
        make_directories(os.path.dirname(target))
        if os.path.isdir(target):
            os.rmdir(target)
        self._link(source, target)
        sync_directory(os.path.dirname(target))

    def settle(self, part):
        source, target = part["from"], part["to"]
        if os.path.islink(target):
            exchange(source, target)
            sync_directory(os.path.dirname(target))
        self.repoint(part)  # containers that were created since the switch
        if os.path.islink(source):
            os.unlink(source)
            sync_directory(os.path.dirname(source))

    def revert_data(self, part):
        source, target = part["from"], part["to"]
        if is_directory(target) and not is_directory(source):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(source)  # the link that settle() has not removed
            self._link(target, source)
        repoint_containers(source, resolve_parent(target), source)

    def revert_names(self, part):
        source, target = part["from"], part["to"]
        if os.path.islink(source):
            exchange(target, source)
        if os.path.islink(target):
            os.unlink(target)

    @staticmethod
    def _link(destination, path):
        os.symlink(destination, path)
        set_context(path, path)
