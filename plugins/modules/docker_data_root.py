#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: docker_data_root
short_description: Move Docker's data root and containerd's root to other paths
version_added: 0.1.0
description:
  - Finds Docker's data and moves it to O(path) as one transaction. The current location is the one that the running Docker
    reports, else the one in C(daemon.json) or in a flag of the unit (C(--data-root), C(--graph), C(-g)), else
    C(/var/lib/docker).
  - With the image store of containerd, the default of a fresh Docker 29, images and container layers are not in the data root but below
    the root of C(containerd.service). O(containerd_root) moves it in the same transaction.
  - The module checks everything before it stops Docker. Then it copies or renames the data, switches the configuration,
    starts Docker and checks that Docker has the same images, containers, volumes and networks as before.
  - After a failure Docker runs on its old data root with its old configuration. After a kill or a power failure the next run
    continues the move; an interrupted copy is resumed.
  - If the unit sets the data root by a flag, a drop-in replaces the flag by C(daemon.json), because Docker does not start if
    the data root is set in both.
author: fay.rancher authors (@fay-rancher)
options:
  path:
    description:
      - Absolute path of the data root. It must be empty or missing, apart from an unfinished copy of this module.
      - If it is a symbolic link, the data is moved into the directory that it links to, and C(daemon.json) contains the link.
      - If not set, nothing is changed, and the module only reports where the data is.
    type: path
  containerd_root:
    description:
      - Absolute path of containerd's root, for a Docker that keeps its images in containerd. It must be empty or missing. If it is empty
        text or not set, containerd's root remains where it is.
      - Nothing is moved if Docker uses the classic image store, a containerd that it has started itself, or a root that is inside the data
        root, since this one moves together with the data root.
      - Only C(root) in C(/etc/containerd/config.toml) is changed. Images in the image store that is not used are never removed.
    type: str
  containerd_shared:
    description:
      - Whether containerd's root is also moved if something besides Docker keeps data in it, such as a kubelet. Containers of others must
        be stopped before.
    type: bool
    default: false
  keep_old:
    description:
      - If V(true), the old root is kept after a copy, as C(/var/lib/docker.old-2026-11-24). If it is a mount point, it keeps its name.
      - If V(false), it is removed after the new root was verified, together with the old roots that earlier moves have kept.
    type: bool
    default: true
  config_backup:
    description:
      - Directory with a backup of Docker's configuration, which is removed after a move because it names the old root.
    type: path
  _forget:
    description:
      - Internal, set by the role C(docker_ce). Old roots that the role has emptied. They are removed from RV(old_roots).
    type: list
    elements: path
  _slice:
    description:
      - Internal, set by the action plugin. Seconds after which the module returns its progress.
    type: int
attributes:
  check_mode:
    description: Can run in check mode and return the expected result without changing the host.
    details: Reports what would be moved and which containers would stop. Fails if the move is not possible.
    support: full
  diff_mode:
    description: Returns details on what has changed, or would change in check mode, in diff mode.
    details: See RV(moved) instead.
    support: none
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: Operating systems of the managed host.
    platforms: linux
    details: Needs systemd.
    support: full
requirements:
  - root on the host (C(become)), in check mode too
  - rsync on the host, if data has to be copied
notes:
  - Docker and its containers are stopped while the data is copied, even with C(live-restore).
  - In a swarm, drain the node first.
  - If containerd's own root (C(/etc/containerd/config.toml)) is inside the data root, it is moved with it, and O(containerd_root) has no
    effect.
seealso:
  - name: Moving Docker's data root
    description: The steps of a move, and what happens after a failure.
    link: https://github.com/fay-rancher/fay.rancher/blob/main/docs/data-root.md
  - plugin: fay.rancher.daemon_options_problems
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Move Docker's data to /appdata
  fay.rancher.docker_data_root:
    path: /appdata/lib/docker

- name: Move images too if Docker keeps them in containerd
  fay.rancher.docker_data_root:
    path: /appdata/lib/docker
    containerd_root: /appdata/lib/containerd

- name: Move Docker's data and remove the old copy
  fay.rancher.docker_data_root:
    path: /appdata/lib/docker
    keep_old: false

- name: Check whether a move is possible
  fay.rancher.docker_data_root:
    path: /appdata/lib/docker
  check_mode: true
  register: data_root

- name: Find Docker's data
  fay.rancher.docker_data_root:
  register: data_root

- name: Show where it is
  ansible.builtin.debug:
    msg: "Docker's data is at {{ data_root.root }}, old data at {{ data_root.old_roots | join(', ') }}"
"""

RETURN = r"""
moved:
  description: What was moved, or would be in check mode. Empty if nothing had to be moved.
  returned: success
  type: dict
  contains:
    from:
      description: The previous data root.
      type: str
      sample: /var/lib/docker
    to:
      description: The new data root, O(path), or the directory that it links to.
      type: str
      sample: /appdata/lib/docker
    method:
      description: C(copy), C(rename), or C(none) if only a flag in the unit was replaced.
      type: str
      sample: copy
    size:
      description: Size of the data in bytes.
      type: int
      sample: 5368709120
    entries:
      description: Number of files and directories.
      type: int
      sample: 81234
    free:
      description: Free bytes at the new path before the move. In check mode only.
      type: int
      sample: 107374182400
    containers:
      description: Number of running containers. In check mode only.
      type: int
      sample: 12
moved_containerd:
  description: Where containerd's root was moved from and to, or would be in check mode, with the entries of RV(moved). Empty if it remains.
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
old_root:
  description: The newest old data root that is kept. Empty if this run moved nothing, or if no old root is kept.
  returned: success
  type: str
  sample: /var/lib/docker.old-2026-11-24
old_roots:
  description: All old data roots that moves have kept, oldest first.
  returned: success
  type: list
  elements: str
  sample: [/var/lib/docker.old-2026-11-24]
removed_roots:
  description: Old data roots that were removed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: []
root:
  description: Where Docker's data is, or would be created.
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
running:
  description: Whether Docker answers.
  returned: success
  type: bool
  sample: true
version:
  description: Version of the running Docker. Empty if it does not answer.
  returned: success
  type: str
  sample: 20.10.24
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
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.host import Host
from ansible_collections.fay.rancher.plugins.module_utils._engine.report import run
from ansible_collections.fay.rancher.plugins.module_utils._files import require_root


def main():
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path"),
            containerd_root=dict(type="str"),
            containerd_shared=dict(type="bool", default=False),
            keep_old=dict(type="bool", default=True),
            config_backup=dict(type="path"),
            _forget=dict(type="list", elements="path"),
            _slice=dict(type="int"),
        ),
        supports_check_mode=True,
    )
    try:
        require_root("Docker's data root and the state of an earlier move cannot be read")
    except PermissionError as error:
        module.fail_json(msg=str(error))
    try:
        result = run(Host(), module.params, module.check_mode)
    except DataRootError as error:
        module.fail_json(msg=str(error))
    except (OSError, UnicodeError) as error:
        module.fail_json(msg="Could not inspect or move the data root: %s" % error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
