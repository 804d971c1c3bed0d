# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths, directories, mounts and what filesystems support. Private to the collection."""
import codecs
import contextlib
import ctypes
import errno
import os
import re
import shutil
import stat
import tempfile

from ansible_collections.fay.rancher.plugins.module_utils._engine.config import BYTE_ORDER_MARK, DataRootError

PARTIAL_SUFFIX = ".fay-moving"  # an unfinished copy is TARGET.fay-moving
MARKER = ".fay-moving"  # if the target is a mount point: this file in it marks an unfinished copy
SYSTEM_DIRECTORIES = ("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc",
                      "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var", "/var/lib", "/var/run")
# Filesystem types on which overlay2 does not work as the upper layer: kernel Documentation/filesystems/overlayfs.rst, "Upper and Lower"
# (extended attributes, d_type), fs/overlayfs/super.c (00ed905ab8e5: none with d_revalidate or unusual names; later versions with
# RENAME_WHITEOUT and trusted.* attributes); docs.docker.com/engine/storage/drivers/overlayfs-driver. Without a subtype such as fuse.sshfs.
NOT_FOR_OVERLAY2 = frozenset((
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse", "fuseblk", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
    "ocfs2", "orangefs", "prl_fs", "pvfs2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",  # over a network, from a host or in user space
    "affs", "exfat", "hfs", "hfsplus", "hpfs", "msdos", "ntfs", "ntfs3", "udf", "vfat",  # without the attributes or the names of Linux
    "aufs", "ecryptfs", "overlay", "shiftfs", "unionfs",  # on top of another filesystem
    "cramfs", "erofs", "iso9660", "romfs", "squashfs",  # read-only
))
IN_MEMORY = ("tmpfs", "ramfs", "rootfs")  # rootfs: the initial filesystem of a diskless host
AT_FDCWD = -100  # linux/fcntl.h
RENAME_EXCHANGE = 2  # linux/fs.h
MOUNT_POINT_FIELD = 4  # of a line of mountinfo, counted from 0: proc(5)
BLOCK_BYTES = 512  # unit of st_blocks: stat(2)
DIRENT_TYPE_OFFSET = 18  # struct dirent of 64-bit Linux: d_ino 8, d_off 8, d_reclen 2 bytes, then d_type: readdir(3)
DIRENT_NAME_OFFSET = 19


# ---- paths

def format_gib(size):
    """A number of bytes in GiB, as text such as `12.4 GiB`."""
    return "%.1f GiB" % (size / 1024.0 ** 3)


def is_inside(path, directory):
    """Whether `path` is `directory` or below it. Both are compared as text."""
    return (path.rstrip("/") + "/").startswith(directory.rstrip("/") + "/")


def is_same_path(first, second):
    """Whether two paths are the same after links are resolved."""
    return os.path.realpath(first) == os.path.realpath(second)


def resolve_parent(path):
    """The path with the links of its directory resolved. The last part can be a link or missing."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def partial_copy_path(target):
    """Where an unfinished copy for `target` is. A mount point cannot be renamed, so it is the target itself."""
    return target if os.path.ismount(target) else target + PARTIAL_SUFFIX


def check_absolute_path(target, name):
    """Raise DataRootError if `target` is not a path for the data of Docker or containerd. name: str, such as `data root`."""
    is_normal = target.startswith("/") and not target.startswith("//") and os.path.normpath(target) == target.rstrip("/")
    if not is_normal or target in SYSTEM_DIRECTORIES:
        raise DataRootError("%r is not a valid %s: it must be an absolute path without `.` and `..` and not a system "
                            "directory. Choose another path" % (target, name))


def check_target_path(source, target, name):
    """Raise DataRootError if `target` is not valid for the data at `source`. name: see check_absolute_path()."""
    check_absolute_path(target, name)
    current, wanted = os.path.realpath(source), os.path.realpath(target)
    if os.path.islink(target) and wanted in SYSTEM_DIRECTORIES:
        raise DataRootError("%s is a link to %s, which is a system directory and not a valid %s. Choose another path" % (
            target, wanted, name))
    if current != wanted and (is_inside(current, wanted) or is_inside(wanted, current)):
        raise DataRootError("The data is at %s and cannot be moved to %s: one path contains the other. "
                            "Choose a separate path" % (current, wanted))


# ---- files and directories

def read_text(path, errors="strict"):
    """A file's text with its line ends; empty if the file does not exist. Raises DataRootError for text that is not UTF-8, OSError.

    UTF-16 with a byte order mark is text too. A byte order mark is returned as the first character.

    errors: str, `replace` to replace what is not valid.
    """
    try:
        with open(path, "rb") as source:
            content = source.read()
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return BYTE_ORDER_MARK + content.decode("utf-16", errors)
        return content.decode("utf-8", errors)
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise DataRootError("%s is not UTF-8 text (%s). Correct the file" % (path, error))


def sync_directory(path):
    """Write a directory's entries to disk: only then is a rename in it durable (fsync(2))."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_path(path):
    """Remove a file, a link or a directory with its content."""
    if is_directory(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def is_empty(directory):
    """Whether a directory contains nothing, or only what a new filesystem contains."""
    return not [name for name in os.listdir(directory) if name != "lost+found"]


def is_directory(path):
    """Whether a path is a directory itself, not a link to one."""
    return os.path.isdir(path) and not os.path.islink(path)


def has_data(directory):
    """Whether a path is a directory that is not empty."""
    return os.path.isdir(directory) and not is_empty(directory)


def has_complete_data(directory):
    """Whether a directory has data and is not marked as an unfinished copy."""
    return has_data(directory) and not os.path.exists(os.path.join(directory, MARKER))


def measure_data(root):
    """(bytes on disk, number of entries) of Docker's data. A file with several links counts once in the bytes.

    A mount point below the root counts as an entry without a size: what is mounted there is not copied.
    """
    size, entries, counted = 0, 0, set()
    for path, is_mount_point in walk_data(os.path.realpath(root)):
        try:
            status = None if is_mount_point else os.lstat(path)  # a network filesystem that does not answer would block lstat
        except OSError:  # removed since it was listed
            continue
        entries += 1
        if status is None:
            continue
        inode = (status.st_dev, status.st_ino)
        if status.st_nlink > 1 and not os.path.isdir(path):
            if inode in counted:
                continue
            counted.add(inode)
        size += status.st_blocks * BLOCK_BYTES
    return size, entries


def walk_data(root):
    """(path, whether it is a mount point) of each entry of Docker's data. root: str, without links. Does not read what is mounted there."""
    mounted = set(mounts_below(root))
    for folder, directories, files in os.walk(root):
        if folder == root:
            directories[:] = [name for name in directories if name != "lost+found"]
            files = [name for name in files if name != MARKER]
        paths = [os.path.join(folder, name) for name in directories + files]
        for path in paths:
            yield path, path in mounted
        directories[:] = [name for name in directories if os.path.join(folder, name) not in mounted]


def can_enter(directory, uid, gid):
    """Whether the mode of a directory allows a user to enter it. uid, gid: int; -1 for an unknown one. Raises OSError."""
    status = os.stat(directory)
    return bool(status.st_mode & stat.S_IXOTH or (status.st_uid == uid and status.st_mode & stat.S_IXUSR)
                or (status.st_gid == gid and status.st_mode & stat.S_IXGRP))


def current_umask():
    """The umask (int) of this process."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


# ---- mounts and filesystems

def parse_mountinfo(content):
    """[(mount point, filesystem type)] of the content (bytes) of /proc/PID/mountinfo: proc(5). Lines of another form are left out.

    The kernel separates fields by single spaces and writes some bytes of a path as three octal digits, such as \\040 for a space
    (Linux 0226f4923f6c fs/proc_namespace.c, show_mountinfo() and mangle()). All other bytes are those of the path.
    """
    mounts = []
    for line in content.split(b"\n"):
        before, separator, after = line.partition(b" - ")
        fields = before.split(b" ")
        if separator and len(fields) > MOUNT_POINT_FIELD:
            mounts.append((unescape_path(fields[MOUNT_POINT_FIELD]), unescape_path(after.split(b" ")[0])))
    return mounts


def unescape_path(escaped):
    """A path (str, as os.fsdecode() returns it) from bytes in which \\NNN is a byte in octal digits."""
    return os.fsdecode(re.sub(br"\\([0-3][0-7]{2})", lambda match: bytes([int(match.group(1), 8)]), escaped))


def list_mounts():
    """[(mount point, filesystem type)] of this process's mounts."""
    with open("/proc/self/mountinfo", "rb") as source:
        return parse_mountinfo(source.read())


def containing_mount(path):
    """(mount point, filesystem type) of the mount that contains a path; the later one if two have the same mount point."""
    real = os.path.realpath(path)
    best = ("", "")
    for mount in list_mounts():
        if is_inside(real, mount[0]) and len(mount[0]) >= len(best[0]):
            best = mount
    return best


def filesystem_type(path):
    """Type of the filesystem that contains a path, such as `ext4`."""
    return containing_mount(path)[1]


def data_root_problem(path, parent):
    """Why Docker cannot use `path` as its data root (str, a sentence); empty if nothing is known to prevent it.

    parent: str, the directory itself, or the existing one in which it would be created. Raises OSError.
    """
    kind = filesystem_type(parent)
    if kind in IN_MEMORY:
        return "%s is on a filesystem of type %s, which loses Docker's data when the host restarts. Use ext4 or xfs" % (path, kind)
    if kind.split(".")[0] in NOT_FOR_OVERLAY2:
        return "%s is on a filesystem of type %s, which does not support overlay2. Use ext4 or xfs" % (path, kind)
    if os.statvfs(parent).f_flag & os.ST_RDONLY:
        return "%s is on a filesystem that is mounted read-only. Mount it for writing, or choose another path" % path
    if not reports_entry_types(parent):
        return ("The filesystem of %s does not report the types of entries (d_type), which overlay2 needs. Use ext4, or xfs made with "
                "ftype=1" % path)
    return ""


def mounts_below(directory):
    """Mount points (list of str) below a directory, without the directory itself."""
    return [point for point, unused in list_mounts() if is_inside(point, directory) and point != directory]


def can_rename(source, directory):
    """Whether `source` can be renamed into `directory`: both are on one filesystem and in one mount of it."""
    return os.stat(source).st_dev == os.stat(directory).st_dev and containing_mount(source)[0] == containing_mount(directory)[0]


@contextlib.contextmanager
def probe_directory(parent):
    """Create a directory for a test of the filesystem and yield its path. It is removed, and the times of `parent` are restored.

    Check mode runs such tests too. Raises OSError, for example if the filesystem is read-only or full.
    """
    status = os.stat(parent)
    path = tempfile.mkdtemp(prefix=".fay-probe-", dir=parent)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.utime(parent, ns=(status.st_atime_ns, status.st_mtime_ns))


def entry_types(directory):
    """Types (list of int, DT_* of readdir(3)) of the entries of a directory, as the filesystem reports them. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.opendir.restype, libc.readdir.restype = ctypes.c_void_p, ctypes.c_void_p
    libc.readdir.argtypes = libc.closedir.argtypes = [ctypes.c_void_p]
    handle = libc.opendir(os.fsencode(directory))
    if not handle:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), directory)
    types = []
    entry = libc.readdir(handle)
    while entry:
        if ctypes.string_at(entry + DIRENT_NAME_OFFSET) not in (b".", b".."):  # xfs reports their types in any case
            types.append(ctypes.c_ubyte.from_address(entry + DIRENT_TYPE_OFFSET).value)
        entry = libc.readdir(handle)
    libc.closedir(handle)
    return types


def reports_entry_types(directory):
    """Whether the filesystem reports the types of entries (d_type), which overlay2 needs. xfs with ftype=0 does not.

    As in moby v20.10.24 pkg/fsutils/fsutils_linux.go, SupportsDType(), an empty directory gets an entry for the test. If that is
    not possible, nothing is known, and the result is True.
    """
    try:
        types = entry_types(directory)
        if not types:
            with probe_directory(directory):
                types = entry_types(directory)
    except OSError:
        return True
    return all(types)


def exchange(first, second):
    """Exchange two paths of one filesystem in one step: renameat2(2). Raises OSError, also if kernel or filesystem do not support it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        raise OSError(errno.ENOSYS, "the C library has no renameat2")
    if libc.renameat2(AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second), RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), first)


def can_exchange(directory):
    """Whether exchange() works in a directory."""
    try:
        with probe_directory(directory) as probe:
            names = [os.path.join(probe, name) for name in ("a", "b")]
            for name in names:
                os.mkdir(name)
            exchange(*names)
            return True
    except OSError:
        return False
