# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a kubeconfig: reading, owner, directory, locking, writing. Private to the collection."""
import contextlib
import fcntl
import grp
import os
import pwd
import time
from typing import NamedTuple

from ansible_collections.fay.rancher.plugins.module_utils._files import (
    as_owner_of,
    change_under_kubectl_lock,
    existing_parent,
    first_foreign_owner,
    make_directories,
    status,
    write_atomically,
)
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.kubeconfig import KubeconfigError
from ansible_collections.fay.rancher.plugins.module_utils._secrets import repr_of

DIRECTORY_MODE = 0o700


class FileRequest(NamedTuple):
    """The file of a kubeconfig, from the options `path`, `owner`, `group` and `mode`."""

    path: str  # absolute
    owner: str = None  # None: the current owner, or that of the directory
    group: str = None
    mode: int = 0o600


class Entry(NamedTuple):
    """What a kubeconfig must contain."""

    names: dict  # {cluster, user, context}
    kubeconfig: dict  # as data; None if the context must be absent
    make_current: bool = True

    __repr__ = repr_of("names", "make_current")


class FileChange(NamedTuple):
    """What happens to a file: its text and data before, its data after, owner (uid, gid) and whether anything differs."""

    text: str
    before: dict
    after: dict
    owner: tuple
    is_new: bool
    changed: bool
    backup: str = ""  # path of a copy with the comments, empty without one

    __repr__ = repr_of("owner", "is_new", "changed", "backup")

    @property
    def data_changed(self):
        """Whether the data differs, and not only owner or mode."""
        return self.before != self.after


def read_data(path):
    """The data of a kubeconfig; an empty one if the file does not exist. Raises KubeconfigError."""
    return _kubeconfig.parse(read_text(path))


def read_text(path):
    """The text of a file; empty if it does not exist. Raises KubeconfigError."""
    try:
        with as_owner_of(path), open(path, encoding="utf-8") as source:
            return source.read()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        if isinstance(error, PermissionError) and os.geteuid() == 0:
            raise KubeconfigError("the owner of its directory (uid %d) cannot read it. Change its owner to that user with chown"
                                  % first_foreign_owner(path))
        raise KubeconfigError("it cannot be read: %s" % error)


def find_account(find, kind, name):
    """The entry of a user or group, from `find` of the module pwd or grp. kind: `user` or `group`. Raises OSError."""
    try:
        return find(name)
    except KeyError:
        raise OSError("the %s %s does not exist on this host. Create it first" % (kind, name))


def resolve_owner(request):
    """(uid, gid) for a FileRequest: the requested ones, else those of the file, else those of its directory. Raises OSError."""
    info = os.stat(existing_parent(request.path))
    uid, gid = info.st_uid, info.st_gid
    if request.owner:
        account = find_account(pwd.getpwnam, "user", request.owner)
        uid, gid = account.pw_uid, account.pw_gid
    if request.group:
        gid = find_account(grp.getgrnam, "group", request.group).gr_gid
    if os.geteuid() not in (0, uid):
        raise OSError("its owner cannot be changed to uid %d by uid %d, which runs the task or owns the directory. Set owner to the "
                      "latter user, or choose another path" % (uid, os.geteuid()))
    return uid, gid


def make_directory(path, owner):
    """Create the directory of a file and its missing parents, mode 0700, with the file's owner (uid, gid). Raises OSError."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        make_directory(folder, owner)
        make_directories(folder, DIRECTORY_MODE)
        os.chown(folder, *owner)


@contextlib.contextmanager
def directory_lock(path):
    """Hold a lock on the directory of a file, or on its nearest parent that exists. Raises OSError.

    Runs for the same file must not overlap while they replace its token: each would delete the token that the other one wrote. The
    lock is released when the process ends. On a filesystem without such locks (NFS), nothing is locked.
    """
    with as_owner_of(path):
        handle = os.open(existing_parent(os.path.dirname(path)), os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def create_directory(request):
    """Create the directory of a FileRequest as make_directory() does, as the user who controls its path. Raises OSError."""
    with as_owner_of(request.path):
        make_directory(request.path, resolve_owner(request))


def update(request, entry, check_mode=False):
    """Add an Entry to a file, or remove it: the FileChange, or None if the file need not exist. In check mode nothing is written.

    request: a FileRequest. Raises KubeconfigError, LockError, OSError, and then leaves the file unchanged.
    """
    with as_owner_of(request.path):
        if entry.kubeconfig is None and not status(request.path):
            return None
        if check_mode:
            return plan_change(request, entry)
        make_directory(request.path, resolve_owner(request))
        changes = []

        def change():
            changes.append(write_change(request, plan_change(request, entry)))
            return changes[-1].changed

        change_under_kubectl_lock(request.path, change)
        return changes[0]


def plan_change(request, entry):
    """The FileChange that adds an Entry to a file, or removes it. Raises KubeconfigError, OSError."""
    owner = resolve_owner(request)
    text = read_text(request.path)
    before = _kubeconfig.parse(text)
    after = apply_entry(before, entry)
    info = status(request.path)
    attributes = info and (info.st_mode & 0o777, info.st_uid, info.st_gid)
    changed = before != after or attributes != (request.mode,) + owner
    return FileChange(text, before, after, owner, is_new=info is None, changed=changed)


def apply_entry(current, entry):
    """A kubeconfig as data with an Entry, or without it."""
    if entry.kubeconfig is None:
        return _kubeconfig.without(current, entry.names)
    return _kubeconfig.merge(current, entry.kubeconfig, entry.make_current)


def write_change(request, change):
    """Write a FileChange, unless nothing changes. Returns the FileChange with the path of the backup. Raises OSError."""
    if not change.changed:
        return change
    backup = ""
    if change.data_changed and _kubeconfig.has_comments(change.text):
        backup = "%s.%s~" % (os.path.realpath(request.path), time.strftime("%Y-%m-%dT%H-%M-%S"))
        write_atomically(backup, change.text, request.mode, change.owner)
    text = _kubeconfig.render(change.after) if change.data_changed or change.is_new else change.text
    write_atomically(request.path, text, request.mode, change.owner)
    return change._replace(backup=backup)
