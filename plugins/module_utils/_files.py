# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files and their filesystems; writing so that a kill at any instant leaves the old file or the new one, whole."""
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

LOOKS = 10
LOOK_SECONDS = 0.2  # a kubectl has written by then what it read before
MARK = b"fay.rancher\n"  # in a lock that is ours; kubectl's is empty


class LockError(Exception):
    """Says which lock file is in the way."""


@contextlib.contextmanager
def kubectl_lock(path, seconds=15):
    """Hold kubectl's own lock of a kubeconfig: PATH.lock, made exclusively (client-go tools/clientcmd/config.go).

    Raises LockError when somebody else holds it for `seconds`.
    """
    lock = path + ".lock"
    deadline = time.monotonic() + seconds
    while True:
        try:
            handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            break
        except FileExistsError:
            if remove_left(lock):
                continue
            if time.monotonic() > deadline:
                raise LockError("%s has been there for %d seconds: a kubectl is writing, or one was killed. If none "
                                "runs, remove that file" % (lock, seconds))
            time.sleep(0.1)
    try:
        with contextlib.suppress(OSError):  # a filesystem without such locks (NFS), or a full one: then it has no mark
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.write(handle, MARK)
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(lock)
        os.close(handle)


def remove_left(lock):
    """Remove a lock of ours whose run was killed: it has our mark, and nobody holds it. Returns whether it was one."""
    try:
        handle = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        left = os.read(handle, len(MARK) + 1) == MARK and os.path.samestat(os.fstat(handle), os.lstat(lock))
        if left:
            os.unlink(lock)
        return left
    except OSError:
        return False
    finally:
        os.close(handle)


def owner_on_the_way(path):
    """uid of the first directory or link on the way to an absolute path that is not root's.

    0 where there is none, or one of root's before it lets nobody else through, such as /root.
    """
    way = "/"
    for name in path.strip("/").split("/"):
        way = os.path.join(way, name)
        try:
            found = os.lstat(way)
        except OSError:
            break
        if stat.S_ISREG(found.st_mode):
            break
        if found.st_uid:
            return found.st_uid
        if not found.st_mode & (stat.S_IXOTH | (stat.S_IXGRP if found.st_gid else 0)):
            break
    return 0


@contextlib.contextmanager
def as_owner_of(path):
    """Act as the user to whom the way to an absolute path belongs, where root runs and it is not root's.

    Root would follow what that user may have put there: a link in the place of the file, to another one that is not his.
    """
    uid = owner_on_the_way(path) if os.geteuid() == 0 else 0
    if not uid:
        yield
        return
    try:
        user = pwd.getpwuid(uid)
        gid, groups = user.pw_gid, os.getgrouplist(user.pw_name, user.pw_gid)
    except KeyError:  # a directory of somebody who is gone
        gid, groups = uid, []
    ours = os.getegid(), os.getgroups()
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(ours[0])
        os.setgroups(ours[1])


def change_with_kubectl(path, change):
    """Call `change` (a function that returns whether it changed the file) under kubectl's lock until what it wrote stays.

    kubectl reads the file once before it takes the lock, and removes then what has come since (client-go
    tools/clientcmd/config.go ModifyConfig; kubernetes#28260): so what was written is looked at again. Returns the number of
    calls that changed something.
    """
    changes = 0
    for unused in range(LOOKS):
        with kubectl_lock(path):
            changed = change()
        if not changed:
            break
        changes += 1
        time.sleep(LOOK_SECONDS)
    return changes


def require_root(purpose=""):
    """Raise PermissionError with what to do unless this process runs as root.

    purpose: str, the beginning of the message: what cannot be done without root. Empty for none.
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
    """The os.stat_result of what a path leads to; None where nothing is there.

    Raises OSError (PermissionError) where the running user may not look: os.path.exists() would call that absent.
    """
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def existing_parent(path):
    """The nearest directory that exists, on the way from an absolute path to the root. Raises OSError as status() does."""
    while not status(path):
        path = os.path.dirname(path)
    return path


def free_bytes(path):
    """Free bytes for ordinary users on the filesystem where `path` is or would be; 0 for a path that is not absolute."""
    if not path.startswith("/"):
        return 0
    room = os.statvfs(existing_parent(path))
    return room.f_bavail * room.f_frsize


def set_context(path, final):
    """Give a new file or directory the SELinux context that Ansible's own modules would: of what is at `final`, else its default.

    path, final: str, the same or where the file is before it is renamed to `final`. Does nothing where SELinux is off, where the
    policy has no default for the path, and on a filesystem without contexts of its own (NFS). Raises OSError. Source:
    AnsibleModule.atomic_move() and selinux_default_context() of ansible-core 2.16 to 2.21.
    """
    if selinux is None or selinux.is_selinux_enabled() != 1:
        return
    try:
        if path != final and os.path.lexists(final):
            wanted = selinux.lgetfilecon_raw(final)[1]
        else:
            wanted = selinux.matchpathcon(final, 0)[1]
        if wanted and wanted != selinux.lgetfilecon_raw(path)[1]:
            selinux.lsetfilecon(path, wanted)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTSUP):
            raise OSError(error.errno, "its SELinux context cannot be set (%s)" % error.strerror, final)


def make_directories(path, mode=0o777):
    """Make a directory and those above it that are not there, each with its default SELinux context.

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
        return  # another process was faster
    set_context(path, path)


def write_atomically(path, content, mode, owner=None):
    """Write `content` (str) beside `path` (PATH.fay), force it to disk, rename it into place; a link stays one.

    The new file has the SELinux context of the old one, or the default one of its path.

    mode: int. owner: (uid, gid) or None for the running user's. Only one run at a time may write a path. Raises OSError; the old
    file is then untouched.
    """
    path = os.path.realpath(path)
    beside = path + ".fay"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(beside)  # what a killed run has left
    try:
        with open(beside, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as target:
            target.write(content)
            target.flush()
            set_context(beside, path)
            if owner:
                os.fchown(target.fileno(), *owner)
            os.fchmod(target.fileno(), mode)
            os.fsync(target.fileno())
        os.rename(beside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise
