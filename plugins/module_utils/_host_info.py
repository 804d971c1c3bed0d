# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the preflights of the roles read on a host. Private to the collection; may change without notice."""
import contextlib
import importlib.util
import os
import stat

from ansible_collections.fay.rancher.plugins.module_utils._files import existing_parent, free_bytes, status

LISTEN = "0A"  # state of a listening socket in /proc/net/tcp: Linux, include/net/tcp_states.h


def read_text(path):
    """The text of a file; bytes that are not valid UTF-8 are replaced."""
    with open(path, encoding="utf-8", errors="replace") as source:
        return source.read()


def exists(path):
    """Whether there is anything at the path, dangling links included. Raises OSError if the user may not see it."""
    try:
        os.lstat(path)
        return True
    except (FileNotFoundError, NotADirectoryError):
        return False


def is_file(path):
    """Whether the path leads to a regular file. Raises OSError if the user may not see it."""
    result = status(path)
    return bool(result) and stat.S_ISREG(result.st_mode)


def size_bytes(path):
    """Size in bytes of the filesystem that holds, or would hold, the path; 0 for a relative path.

    The kubelet calculates a node's capacity in the same way (statfs: number of blocks times their size).
    """
    if not path.startswith("/"):
        return 0
    filesystem = os.statvfs(existing_parent(path))
    return filesystem.f_blocks * filesystem.f_frsize


def cgroup_version(mounts):
    """2 if cgroup2 is mounted at /sys/fs/cgroup itself, else 1. mounts: text of /proc/mounts.

    Source: Linux, admin-guide/cgroup-v2.rst.
    """
    kinds = [line.split()[2] for line in mounts.splitlines() if line.split()[1:2] == ["/sys/fs/cgroup"]]
    return 2 if kinds[-1:] == ["cgroup2"] else 1  # a later mount covers an earlier one


def is_importable(name):
    """Whether Python finds a module of that name."""
    try:
        return importlib.util.find_spec(name) is not None
    except (AttributeError, ImportError, ValueError):  # its package is missing or is not a package (3.6), or the name is invalid
        return False


def listening_sockets(ports):
    """{port: inode} of the sockets that listen on one of the ports, from /proc/net/tcp and tcp6. ports: set of int."""
    inodes = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as source:
                rows = [line.split() for line in source][1:]
        except OSError:
            continue
        for row in rows:
            port = int(row[1].rsplit(":", 1)[1], 16)
            if row[3] == LISTEN and port in ports:
                inodes[port] = row[9]
    return inodes


def program_names(inodes):
    """{inode: name of the program} of sockets, from /proc/PID/fd. Programs that the user may not inspect are left out."""
    names = {}
    if not inodes:
        return names
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            process_inodes = socket_inodes(process) & set(inodes)
            if process_inodes:
                names.update(dict.fromkeys(process_inodes, read_text("/proc/%s/comm" % process).strip()))
        except OSError:  # the process has ended, or belongs to another user
            continue
    return names


def socket_inodes(process):
    """The set of inodes of a process's sockets. process: str, its number. Raises OSError."""
    inodes = set()
    for handle in os.listdir("/proc/%s/fd" % process):
        with contextlib.suppress(FileNotFoundError):  # closed in the meantime
            target = os.readlink("/proc/%s/fd/%s" % (process, handle))
            if target.startswith("socket:["):
                inodes.add(target[len("socket:["):-1])
    return inodes


def occupied_ports(ports):
    """{port as str: name of the program that listens on it, or `?`}."""
    inodes = listening_sockets(set(ports))
    names = program_names(set(inodes.values()))
    return dict((str(port), names.get(inode, "?")) for port, inode in inodes.items())


def host_facts(parameters, sha256):
    """What the module host_info returns for its parameters. sha256: callable of a path. Raises OSError."""
    return dict(
        free=dict((path, free_bytes(path)) for path in parameters["space"]),
        size=dict((path, size_bytes(path)) for path in parameters["space"]),
        cgroup_version=cgroup_version(read_text("/proc/mounts")),
        content=dict((path, read_text(path)) for path in parameters["read"] if is_file(path)),
        digests=dict((path, sha256(path)) for path in parameters["digests"] if is_file(path)),
        existing=[path for path in parameters["paths"] if exists(path)],
        python_modules=[name for name in parameters["python_modules"] if is_importable(name)],
        occupied=occupied_ports(parameters["ports"]))
