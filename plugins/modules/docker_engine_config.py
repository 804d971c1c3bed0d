#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: docker_engine_config
short_description: Change Docker's configuration as one transaction
version_added: 0.1.0
description:
  - Writes C(daemon.json), drop-ins and TLS files, and reloads or restarts Docker only as far as the change requires.
  - If Docker rejects the configuration or does not start with it, the previous configuration is restored and used again.
  - After a kill or a power failure the next run completes the change.
author: fay.rancher authors (@fay-rancher)
options:
  files:
    description:
      - Files of the configuration, except C(daemon.json).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      text:
        description: The content of the file. If empty, the file is removed. It is never returned or logged, since it can be a secret.
        type: str
        required: true
      mode:
        description: Mode of the file, as an octal number.
        type: str
        default: "0644"
  options:
    description:
      - The whole content of C(daemon.json). If not set, the file is not changed.
    type: dict
  validate:
    description:
      - Whether the installed Docker validates O(options) with C(dockerd --validate), which exists since Docker 23.0. Set V(false) if
        another version will be installed before the configuration is used.
    type: bool
    default: true
  start:
    description:
      - If V(true), docker.service is enabled and started. If V(false), a stopped Docker is not started.
    type: bool
    default: false
  state:
    description:
      - V(present) writes the files and applies them.
      - V(written) only writes them. The scripts of Docker's packages restart Docker, so that an installation between V(written) and
        V(applied) needs only one restart.
      - V(applied) applies files that V(written) has written, unless Docker was started since then. Other options than O(start) are ignored.
      - V(restored) restores the configuration that was used before V(written).
    type: str
    choices: [present, written, applied, restored]
    default: present
attributes:
  check_mode:
    description: Can run in check mode and return the expected result without changing the host.
    details: RV(action) is V(none) in check mode, because it depends on when Docker was started.
    support: full
  diff_mode:
    description: Returns details on what has changed, or would change in check mode, in diff mode.
    details: Contains C(daemon.json) only, because the other files can contain secrets.
    support: partial
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: Operating systems of the managed host.
    platforms: linux
    details: Needs systemd.
    support: full
requirements:
  - root on the host (C(become))
seealso:
  - module: fay.rancher.docker_engine_info
  - module: fay.rancher.docker_data_root
  - plugin: fay.rancher.daemon_options_merge
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Set the log driver and a proxy
  fay.rancher.docker_engine_config:
    options:
      log-driver: json-file
      log-opts: {max-size: 64m}
    files:
      - path: /etc/systemd/system/docker.service.d/proxy.conf
        text: |
          [Service]
          Environment="HTTPS_PROXY=http://proxy.example.com:3128"
        mode: "0600"

- name: Change the configuration and the version with one restart
  block:
    - name: Write daemon.json
      fay.rancher.docker_engine_config:
        options: {log-driver: local}
        validate: false
        state: written

    - name: Install Docker
      ansible.builtin.apt:
        name: docker-ce=5:24.0.*

    - name: Apply daemon.json
      fay.rancher.docker_engine_config:
        state: applied
        start: true
  rescue:
    - name: Restore daemon.json
      fay.rancher.docker_engine_config:
        state: restored

    - name: Fail with the error
      ansible.builtin.fail:
        msg: "{{ ansible_failed_result.msg }}"
"""

RETURN = r"""
action:
  description: How Docker was made to use the configuration, V(reload), V(restart), V(sockets) (a restart of the socket too), V(start),
    or V(none) if nothing was required.
  returned: success
  type: str
  sample: reload
changed_files:
  description: Paths of the files that were written or removed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [/etc/docker/daemon.json]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError
from ansible_collections.fay.rancher.plugins.module_utils._engine.configuration import configuration_of_module, run
from ansible_collections.fay.rancher.plugins.module_utils._files import require_root


def main():
    file_spec = dict(
        path=dict(type="path", required=True),
        text=dict(type="str", required=True, no_log=True),
        mode=dict(type="str", default="0644"),
    )
    module = AnsibleModule(
        argument_spec=dict(
            files=dict(type="list", elements="dict", default=[], options=file_spec),
            options=dict(type="dict"),
            validate=dict(type="bool", default=True),
            start=dict(type="bool", default=False),
            state=dict(type="str", default="present", choices=["present", "written", "applied", "restored"]),
        ),
        supports_check_mode=True,
    )
    try:
        require_root()
        result = run(configuration_of_module(module.params), module.params, module.check_mode)
    except DataRootError as error:
        module.fail_json(msg=str(error))
    except (OSError, ValueError) as error:
        module.fail_json(msg="Could not change Docker's configuration: %s" % error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
