#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: docker_engine_info
short_description: Read the state of Docker on a host
version_added: 0.1.0
description:
  - Reads in one execution what the installation, the configuration and the data of Docker are - packages and holds, the unit
    and its drop-ins, C(daemon.json), the data root, and what the running Docker reports.
  - With O(path), it also checks whether the data can be moved there, as M(fay.rancher.docker_data_root) does in check mode.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.reads_only
options:
  path:
    description:
      - Absolute path of the requested data root. The module fails if the data cannot be moved there, and if C(daemon.json) is
        invalid. As C(docker info) does, it starts a stopped Docker whose socket is active.
      - If not set, a stopped Docker is not contacted, and RV(problem) contains why its configuration is invalid.
    type: path
  containerd_root:
    description:
      - Requested root of containerd, as for M(fay.rancher.docker_data_root). It has no effect without O(path).
    type: str
  containerd_shared:
    description:
      - Whether containerd's root may be moved if something besides Docker uses containerd.
    type: bool
    default: false
  keep_old:
    description:
      - Whether a move would keep the old data roots. If V(false), RV(removed_roots) contains those that would be removed.
    type: bool
    default: true
  packages:
    description:
      - Packages for which to return the installed version and whether they are held.
    type: list
    elements: str
    default: [docker-ce, docker-ce-cli, containerd.io, docker-ce-rootless-extras, docker-buildx-plugin, docker-compose-plugin]
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
attributes:
  platform:
    platforms: linux
    details: Needs systemd.
requirements:
  - root on the host (C(become))
seealso:
  - module: fay.rancher.docker_engine_config
  - module: fay.rancher.docker_data_root
"""

EXAMPLES = r"""
- name: Read the state of Docker
  fay.rancher.docker_engine_info:
  register: docker

- name: Show the versions
  ansible.builtin.debug:
    msg: "{{ docker.packages }}, {{ docker.containers_running }} containers run on {{ docker.root }}"

- name: Check whether Docker's data can be moved to /appdata
  fay.rancher.docker_engine_info:
    path: /appdata/lib/docker
  register: docker

- name: Show what a move would do
  ansible.builtin.debug:
    var: docker.lines
"""

RETURN = r"""
packages:
  description: Version by package, for those of O(packages) that are installed, in the form of the package manager.
  returned: success
  type: dict
  sample: {"docker-ce": "5:24.0.7-1~debian.12~bookworm", "containerd.io": "1.6.26-1"}
held_packages:
  description: Which of O(packages) are held, on hold in dpkg or named by C(exclude) in the configuration of dnf or yum.
  returned: success
  type: list
  elements: str
  sample: [docker-ce]
enabled:
  description: Whether docker.service is enabled.
  returned: success
  type: bool
  sample: true
active:
  description: Whether docker.service is active.
  returned: success
  type: bool
  sample: true
drop_ins:
  description: SHA-256 digest by path of the drop-ins of docker.service and docker.socket.
  returned: success
  type: dict
  sample: {"/etc/systemd/system/docker.service.d/override.conf": 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
group_members:
  description: Members of the group docker.
  returned: success
  type: list
  elements: str
  sample: [alice]
root:
  description: Where Docker's data is, or would be created. Empty if RV(problem) is not empty.
  returned: success
  type: str
  sample: /var/lib/docker
detected_from:
  description: Source of RV(root), V(docker) (the running Docker), V(daemon.json), V(unit), or V(default) if none of these names it.
  returned: success
  type: str
  sample: docker
has_data:
  description: Whether RV(root) contains data.
  returned: success
  type: bool
  sample: true
free:
  description: Free bytes at O(path), or at RV(root) without O(path).
  returned: success
  type: int
  sample: 107374182400
path_problem:
  description:
    - Why a Docker that is installed now would not start with O(path), such as a filesystem that does not support overlay2.
    - Empty without such a reason, without O(path), and if RV(root) contains data.
  returned: success
  type: str
  sample: /appdata/lib/docker is on a filesystem of type nfs4, which does not support overlay2. Use ext4 or xfs
problem:
  description: Why Docker's configuration is invalid. Always empty with O(path), because the module fails then.
  returned: success
  type: str
  sample: ""
moved:
  description: What a move to O(path) would move, see RV(fay.rancher.docker_data_root#module:moved). Empty if nothing has to be moved.
  returned: success
  type: dict
  sample: {"from": /var/lib/docker, "to": /appdata/lib/docker, "method": copy, "size": 5368709120, "entries": 81234}
moved_containerd:
  description: What a move to O(containerd_root) would move, with the entries of RV(moved). Empty if nothing has to be moved.
  returned: success
  type: dict
  sample: {"from": /var/lib/containerd, "to": /appdata/lib/containerd, "method": copy, "size": 5368709120, "entries": 81234}
image_store:
  description: V(classic), or V(containerd) if Docker keeps images in containerd, or would when it is started.
  returned: success
  type: str
  sample: containerd
containerd_root:
  description: containerd's root, which contains the images. Empty if they are in the data root, or in another containerd than
    C(containerd.service).
  returned: success
  type: str
  sample: /var/lib/containerd
lines:
  description: What a move to O(path) would do, as sentences. Empty if nothing has to be moved.
  returned: success
  type: list
  elements: str
  sample: ["Running containers that would stop during the move: 12"]
removed_roots:
  description: Old data roots that a move to O(path) would remove.
  returned: success
  type: list
  elements: str
  sample: []
old_roots:
  description: All old data roots that moves have kept, oldest first.
  returned: success
  type: list
  elements: str
  sample: [/var/lib/docker.old-2026-11-24]
running:
  description: Whether Docker answers.
  returned: success
  type: bool
  sample: true
version:
  description: Version of the running Docker. Empty if it does not answer.
  returned: success
  type: str
  sample: 24.0.7
storage_driver:
  description: Storage driver of the running Docker. Empty if it does not answer.
  returned: success
  type: str
  sample: overlay2
containers_running:
  description: Number of running containers. 0 if Docker does not answer.
  returned: success
  type: int
  sample: 12
live_restore:
  description: Whether the running Docker has live-restore turned on.
  returned: success
  type: bool
  sample: false
swarm:
  description: Whether the running Docker is a node of a swarm.
  returned: success
  type: bool
  sample: false
command:
  description: The command that starts Docker, without a flag for the data root. Variables of the unit that are whole words are
    replaced. Empty if there is no unit.
  returned: success
  type: str
  sample: /usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock
options:
  description: Docker's configuration, the content of C(daemon.json).
  returned: success
  type: dict
  sample: {"log-driver": "json-file"}
daemon_json:
  description: C(daemon.json) as text. Empty if the file does not exist.
  returned: success
  type: str
  sample: '{"log-driver": "json-file"}'
existing:
  description: Which of O(paths) exist.
  returned: success
  type: list
  elements: str
  sample: [/usr/bin/dockerd]
content:
  description: Text by path, for those of O(read) that exist.
  returned: success
  type: dict
  sample: {"/etc/apt/sources.list.d/docker.list": "deb https://download.docker.com/linux/debian bookworm stable\n"}
digests:
  description: SHA-256 digest by path, for those of O(digests) that exist.
  returned: success
  type: dict
  sample: {"/etc/docker/tls/key.pem": 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.information import UnchangedHost, engine_state
from ansible_collections.fay.rancher.plugins.module_utils._files import require_root

PACKAGES = ["docker-ce", "docker-ce-cli", "containerd.io", "docker-ce-rootless-extras", "docker-buildx-plugin", "docker-compose-plugin"]


def main():
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path"),
            containerd_root=dict(type="str"),
            containerd_shared=dict(type="bool", default=False),
            keep_old=dict(type="bool", default=True),
            packages=dict(type="list", elements="str", default=PACKAGES),
            paths=dict(type="list", elements="path", default=[]),
            read=dict(type="list", elements="path", default=[]),
            digests=dict(type="list", elements="path", default=[]),
        ),
        supports_check_mode=True,
    )
    try:
        require_root()
        state = engine_state(UnchangedHost(may_start=bool(module.params["path"])), module.params, module.sha256)
    except DataRootError as error:
        module.fail_json(msg=str(error))
    except (OSError, UnicodeError) as error:
        module.fail_json(msg="Could not read the state of Docker: %s" % error)
    module.exit_json(changed=False, **state)


if __name__ == "__main__":
    main()
