# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files and their filesystems; writing so that a kill at any instant leaves the old file or the new one, whole."""
import contextlib
import os
import time

LOOKS = 10
LOOK_SECONDS = 0.2  # a kubectl has written by then what it read before


class LockError(Exception):
    """Says which lock file is in the way."""


@contextlib.contextmanager
def kubectl_lock(path, seconds=15):
    """Hold kubectl's own lock of a kubeconfig: PATH.lock, made exclusively (client-go tools/clientcmd/config.go).

    Raises LockError when somebody else holds it for `seconds`.
    """
    lock = path + ".lock"
    deadline = time.time() + seconds
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0))
            break
        except FileExistsError:
            if time.time() > deadline:
                raise LockError("%s has been there for %d seconds: a kubectl is writing, or one was killed. If none "
                                "runs, remove that file" % (lock, seconds))
            time.sleep(0.1)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(lock)


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


def existing_parent(path):
    """The nearest directory that exists, on the way from an absolute path to the root."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def free_bytes(path):
    """Free bytes for ordinary users on the filesystem where `path` is or would be; 0 for a path that is not absolute."""
    if not path.startswith("/"):
        return 0
    room = os.statvfs(existing_parent(path))
    return room.f_bavail * room.f_frsize


def write_atomically(path, content, mode, owner=None):
    """Write `content` (str) beside `path`, force it to disk, rename it into place.

    mode: int. owner: (uid, gid) or None for the running user's. Raises OSError; the old file is then untouched.
    """
    path = os.path.realpath(path)
    beside = "%s.fay-%d" % (path, os.getpid())
    try:
        with open(beside, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        if owner:
            os.chown(beside, *owner)
        os.chmod(beside, mode)
        os.rename(beside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise
