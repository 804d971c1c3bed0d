#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: host_info
short_description: Read the state of a host for the preflights of this collection
version_added: 0.1.0
description:
  - Internal to the roles of this collection. It may change without notice.
  - Reads free space, existing paths, ports in use and more in one execution, using only Python.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.reads_only
options:
  require_root:
    description:
      - If V(true), the module fails unless it runs as root.
    type: bool
    default: false
  space:
    description:
      - Directories for which to return the size and the free space of their filesystem. For a directory that does not exist, the
        filesystem is that of its nearest existing parent.
    type: list
    elements: path
    default: []
  paths:
    description:
      - Paths to check for existence.
    type: list
    elements: path
    default: []
  read:
    description:
      - Small text files to return.
    type: list
    elements: path
    default: []
  digests:
    description:
      - Files for which to return the SHA-256 digest, such as files with secret content.
    type: list
    elements: path
    default: []
  python_modules:
    description:
      - Python modules to check for existence, for the Python that runs the modules of this collection on the host.
    type: list
    elements: str
    default: []
  ports:
    description:
      - TCP ports to check for listeners.
    type: list
    elements: int
    default: []
attributes:
  platform:
    platforms: linux
"""

EXAMPLES = r"""
- name: Read the state of the host
  fay.rancher.host_info:
    space: [/var/lib/docker]
    paths: [/etc/kubernetes/ssl]
    ports: [80, 443]
  register: host
"""

RETURN = r"""
free:
  description: Free bytes by directory of O(space).
  returned: success
  type: dict
  sample: {"/var/lib/docker": 53687091200}
size:
  description: Size of the filesystem in bytes by directory of O(space).
  returned: success
  type: dict
  sample: {"/var/lib/docker": 107374182400}
cgroup_version:
  description: Version of the control groups that the host's init system and Docker use, V(1) (also on hybrid hosts) or V(2).
  returned: success
  type: int
  sample: 2
existing:
  description: Which of O(paths) exist.
  returned: success
  type: list
  elements: str
  sample: [/etc/kubernetes/ssl]
content:
  description: Text by path, for those of O(read) that exist.
  returned: success
  type: dict
  sample: {"/etc/hostname": "bg1\n"}
digests:
  description: SHA-256 digest by path, for those of O(digests) that exist.
  returned: success
  type: dict
  sample: {"/etc/docker/tls/key.pem": 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
python_modules:
  description: Which of O(python_modules) exist.
  returned: success
  type: list
  elements: str
  sample: [yaml]
occupied:
  description: Name of the listening program by port, for those of O(ports) that are in use. V(?) if the user may not see the program.
  returned: success
  type: dict
  sample: {"443": nginx}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._files import require_root
from ansible_collections.fay.rancher.plugins.module_utils._host_info import host_facts


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
        if module.params["require_root"]:
            require_root()
        facts = host_facts(module.params, module.sha256)
    except OSError as error:
        problem = "Cannot read %s: %s. Run the module as root (become: true)" % (error.filename, error.strerror)
        module.fail_json(msg=problem if error.strerror else str(error))
    module.exit_json(changed=False, **facts)


if __name__ == "__main__":
    main()
