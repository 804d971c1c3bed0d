#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
module: host_info
short_description: Reads what the preflights of this collection look at
version_added: 0.1.0
description:
  - Internal to the roles of this collection. It may change without notice.
  - Reads free space, existing paths, ports in use and more in one execution, without root's tools.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.reads_only
  - action_common_attributes
options:
  require_root:
    description:
      - If V(true), fail unless the module runs as root.
    type: bool
    default: false
  space:
    description:
      - Directories whose filesystem's size and free space are wanted. For one that does not exist yet its nearest parent counts.
    type: list
    elements: path
    default: []
  paths:
    description:
      - Paths whose existence is wanted.
    type: list
    elements: path
    default: []
  read:
    description:
      - Small text files whose content is wanted.
    type: list
    elements: path
    default: []
  digests:
    description:
      - Files whose SHA-256 is wanted, such as those whose content is secret.
    type: list
    elements: path
    default: []
  python_modules:
    description:
      - Modules of Python whose presence is wanted, for the Python that runs this collection's modules on the host.
    type: list
    elements: str
    default: []
  ports:
    description:
      - TCP ports to look for listeners on.
    type: list
    elements: int
    default: []
"""

EXAMPLES = r"""
- name: Look at the host
  fay.rancher.host_info:
    space: [/var/lib/docker]
    paths: [/etc/kubernetes/ssl]
    ports: [80, 443]
  register: host
"""

RETURN = r"""
free:
  description: Free bytes by directory.
  returned: success
  type: dict
  sample: {"/var/lib/docker": 53687091200}
size:
  description: Size in bytes of the filesystem by directory.
  returned: success
  type: dict
  sample: {"/var/lib/docker": 107374182400}
cgroup_version:
  description: Version of the control groups that the host's init system and engine use, V(1) (hybrid hosts too) or V(2).
  returned: success
  type: int
  sample: 2
existing:
  description: Those of the paths that exist.
  returned: success
  type: list
  elements: str
  sample: [/etc/kubernetes/ssl]
content:
  description: Text by path, for those files that exist.
  returned: success
  type: dict
  sample: {"/etc/hostname": "bg1\n"}
digests:
  description: SHA-256 by path, for those files that exist.
  returned: success
  type: dict
  sample: {"/etc/docker/tls/key.pem": 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
python_modules:
  description: Those of the modules that are there.
  returned: success
  type: list
  elements: str
  sample: [yaml]
occupied:
  description: Name of the listening program by port. C(?) where it cannot be told.
  returned: success
  type: dict
  sample: {"443": nginx}
"""

import importlib.util
import os
import stat

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._files import existing_parent, free_bytes, require_root, status

LISTEN = "0A"  # state of a listening socket in /proc/net/tcp: Linux, include/net/tcp_states.h


def text_of(path):
    """A file's text; bytes that are no UTF-8 are replaced."""
    with open(path, encoding="utf-8", errors="replace") as source:
        return source.read()


def status_of(path):
    """The os.stat_result of a path, not of what it links to; None where nothing is. Raises OSError where it may not look."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def is_file(path):
    """Whether a path leads to a regular file. Raises OSError where it may not look."""
    found = status(path)
    return bool(found) and stat.S_ISREG(found.st_mode)


def size_bytes(path):
    """Size in bytes of the filesystem where `path` is or would be; 0 for a path that is not absolute.

    The kubelet counts a node's capacity in the same way (statfs: blocks times their size).
    """
    if not path.startswith("/"):
        return 0
    found = os.statvfs(existing_parent(path))
    return found.f_blocks * found.f_frsize


def cgroup_version(mounts):
    """2 where the text of /proc/mounts has cgroup2 at /sys/fs/cgroup itself, else 1: Linux, admin-guide/cgroup-v2.rst."""
    kinds = [line.split()[2] for line in mounts.splitlines() if line.split()[1:2] == ["/sys/fs/cgroup"]]
    return 2 if kinds[-1:] == ["cgroup2"] else 1


def importable(name):
    """Whether Python finds a module of that name."""
    try:
        return importlib.util.find_spec(name) is not None
    except (AttributeError, ImportError, ValueError):  # its package is not there or is none (3.6), or it is no name
        return False


def listeners(ports):
    """{port: inode} of the sockets that listen on one of `ports`, from /proc/net/tcp and tcp6."""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as source:
                rows = [line.split() for line in source][1:]
        except OSError:
            continue
        for row in rows:
            port = int(row[1].rsplit(":", 1)[1], 16)
            if row[3] == LISTEN and port in ports:
                found[port] = row[9]
    return found


def programs(inodes):
    """{inode: program's name} for sockets, from /proc/PID/fd."""
    wanted = dict(("socket:[%s]" % inode, inode) for inode in inodes)
    found = {}
    for process in os.listdir("/proc") if wanted else ():
        if not process.isdigit():
            continue
        try:
            for handle in os.listdir("/proc/%s/fd" % process):
                inode = wanted.get(os.readlink("/proc/%s/fd/%s" % (process, handle)))
                if inode:
                    with open("/proc/%s/comm" % process) as source:
                        found[inode] = source.read().strip()
        except OSError:  # ended meanwhile, or not ours to look at
            continue
    return found


def look(module):
    """What the module returns. Raises OSError."""
    parameters = module.params
    if parameters["require_root"]:
        require_root()
    inodes = listeners(set(parameters["ports"]))
    names = programs(set(inodes.values()))
    return dict(
        free=dict((path, free_bytes(path)) for path in parameters["space"]),
        size=dict((path, size_bytes(path)) for path in parameters["space"]),
        cgroup_version=cgroup_version(text_of("/proc/mounts")),
        content=dict((path, text_of(path)) for path in parameters["read"] if is_file(path)),
        digests=dict((path, module.sha256(path)) for path in parameters["digests"] if is_file(path)),
        existing=[path for path in parameters["paths"] if status_of(path)],
        python_modules=[name for name in parameters["python_modules"] if importable(name)],
        occupied=dict((str(port), names.get(inode, "?")) for port, inode in inodes.items()))


def main():
    module = AnsibleModule(
        argument_spec=dict(
            require_root=dict(type="bool", default=False),
            space=dict(type="list", elements="path", default=[]),
            paths=dict(type="list", elements="path", default=[]),
            read=dict(type="list", elements="path", default=[]),
            digests=dict(type="list", elements="path", default=[]),
            python_modules=dict(type="list", elements="str", default=[]),
            ports=dict(type="list", elements="int", default=[]),
        ),
        supports_check_mode=True,
    )
    try:
        found = look(module)
    except OSError as error:
        problem = "Cannot read %s: %s. Run the module as root (become: true)" % (error.filename, error.strerror)
        module.fail_json(msg=problem if error.strerror else str(error))
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
