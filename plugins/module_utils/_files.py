# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and filesystems, and writes that leave the old file or the new one complete when killed. Private to the collection."""
import contextlib
import errno
import fcntl
import os
import pwd
import socket
import stat
import time

try:
    from ansible.module_utils.compat import selinux
except ImportError:  # a host without libselinux
    selinux = None

MAX_REWRITES = 10
REWRITE_SECONDS = 0.2  # within this time a kubectl writes the file that it read before it waited for the lock
LOCK_CONTENT = b"fay.rancher\n"  # marks a lock file of this collection; kubectl's is empty


class LockError(Exception):
    """Another process holds kubectl's lock. The message names the lock file."""


@contextlib.contextmanager
def kubectl_lock(path, seconds=15):
    """Hold kubectl's lock of a kubeconfig: PATH.lock, created exclusively (client-go tools/clientcmd/config.go).

    seconds: how long to wait while another process holds it. Raises LockError, OSError.
    """
    lock = path + ".lock"
    handle = create_lock(lock, seconds)
    try:
        with contextlib.suppress(OSError):  # without flock (NFS) or space the file is a valid lock that the next run does not remove
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.write(handle, LOCK_CONTENT)
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(lock)
        os.close(handle)


def create_lock(lock, seconds):
    """The descriptor of a new lock file; waits while there is one. seconds: how long. Raises LockError, OSError."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            if remove_stale_lock(lock):
                continue
            if time.monotonic() > deadline:
                raise LockError("%s has existed for more than %d seconds: a kubectl is writing, or was killed. If no kubectl is running, "
                                "remove that file" % (lock, seconds))
            time.sleep(0.1)


def remove_stale_lock(lock):
    """Remove a lock file of this collection whose process was killed. Returns whether it was removed.

    It is stale if it has LOCK_CONTENT and no process holds its flock.
    """
    try:
        handle = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_stale = os.read(handle, len(LOCK_CONTENT) + 1) == LOCK_CONTENT and os.path.samestat(os.fstat(handle), os.lstat(lock))
        if is_stale:
            os.unlink(lock)
        return is_stale
    except OSError:
        return False
    finally:
        os.close(handle)


def first_foreign_owner(path):
    """uid of the first directory or link on an absolute path that root does not own; 0 if there is none.

    Also 0 if root owns an earlier directory that only root can enter, such as /root: no other user can change what is below it.
    """
    current = "/"
    for name in path.strip("/").split("/"):
        current = os.path.join(current, name)
        try:
            info = os.lstat(current)
        except OSError:
            break
        if stat.S_ISREG(info.st_mode):
            break
        if info.st_uid:
            return info.st_uid
        if not info.st_mode & (stat.S_IXOTH | (stat.S_IXGRP if info.st_gid else 0)):
            break
    return 0


@contextlib.contextmanager
def as_owner_of(path):
    """Act as the user who controls a part of an absolute path, if this process runs as root and there is such a user.

    Threat: root reads or writes in a directory that a user controls. A symbolic link there must not redirect root to a file that
    this user may not read or change.
    """
    uid = first_foreign_owner(path) if os.geteuid() == 0 else 0
    if not uid:
        yield
        return
    try:
        user = pwd.getpwuid(uid)
        gid, groups = user.pw_gid, os.getgrouplist(user.pw_name, user.pw_gid)
    except KeyError:  # the user was deleted
        gid, groups = uid, []
    gid_of_root, groups_of_root = os.getegid(), os.getgroups()
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid_of_root)
        os.setgroups(groups_of_root)


def change_under_kubectl_lock(path, change):
    """Call `change` under kubectl's lock until it has nothing to change. Returns how many calls changed the file.

    kubectl reads the file before it waits for the lock. When it writes, it removes entries that were added in between (client-go
    tools/clientcmd/config.go ModifyConfig; kubernetes#28260). So the file is checked again after each change.

    change: function without arguments, returns whether it changed the file. Raises LockError, and what `change` raises.
    """
    changes = 0
    for _attempt in range(MAX_REWRITES):
        with kubectl_lock(path):
            changed = change()
        if not changed:
            break
        changes += 1
        time.sleep(REWRITE_SECONDS)
    return changes


def require_root(purpose=""):
    """Raise PermissionError unless this process runs as root. The message contains what to do.

    purpose: str, the beginning of the message: what requires root. Empty for none.
    """
    uid = os.geteuid()
    if uid == 0:
        return
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = "uid %d" % uid
    raise PermissionError("%sThe tasks run as %s on %s; root is required. Set become to true for the play or the host" % (
        purpose and purpose + ". ", name, socket.gethostname()))


def status(path):
    """The os.stat_result of a path, links followed; None if nothing exists there.

    Raises OSError (PermissionError) if the running user may not read the directory; os.path.exists() would return False.
    """
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def existing_parent(path):
    """The path itself or its nearest parent that exists. path: str, absolute. Raises OSError as status() does."""
    while not status(path):
        path = os.path.dirname(path)
    return path


def free_bytes(path):
    """Free bytes for ordinary users on the filesystem of a path, which need not exist; 0 for a relative path. Raises OSError."""
    if not path.startswith("/"):
        return 0
    filesystem = os.statvfs(existing_parent(path))
    return filesystem.f_bavail * filesystem.f_frsize


def set_context(path, final):
    """Give a new file or directory the SELinux context that Ansible's modules would give: that of `final`, else its default.

    path: str, the file before it is renamed to `final`; may be the same. Does nothing if SELinux is off, if the policy has no
    default for the path, and on a filesystem without contexts (NFS). Raises OSError. Source: AnsibleModule.atomic_move() and
    selinux_default_context() of ansible-core 2.16 to 2.21.
    """
    if selinux is None or selinux.is_selinux_enabled() != 1:
        return
    try:
        if path != final and os.path.lexists(final):
            context = selinux.lgetfilecon_raw(final)[1]
        else:
            context = selinux.matchpathcon(final, 0)[1]
        if context and context != selinux.lgetfilecon_raw(path)[1]:
            selinux.lsetfilecon(path, context)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTSUP):
            raise OSError(error.errno, "its SELinux context cannot be set (%s)" % error.strerror, final)


def make_directories(path, mode=0o777):
    """Create a directory and its missing parents, each with its default SELinux context.

    mode: int, of `path` only, as os.makedirs() applies it. Raises OSError.
    """
    if os.path.isdir(path):
        return
    make_directories(os.path.dirname(path))
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return  # another process has created it
    set_context(path, path)


def write_atomically(path, content, mode, owner=None):
    """Replace a file as a whole: write PATH.fay beside it, sync it and rename it. A symbolic link is kept, its target replaced.

    The new file has the SELinux context of the old one, or the default of its path.

    content: str. mode: int. owner: (uid, gid) or None for the running user's. Only one process at a time may write a path. Raises
    OSError, and then leaves the old file unchanged.
    """
    path = os.path.realpath(path)
    temporary = path + ".fay"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)  # left by a killed run
    try:
        with open(temporary, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as target:
            target.write(content)
            target.flush()
            set_context(temporary, path)
            if owner:
                os.fchown(target.fileno(), *owner)
            os.fchmod(target.fileno(), mode)
            os.fsync(target.fileno())
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
