#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: rancher_server_wait
short_description: Wait until the Rancher server on this host answers
version_added: 0.1.0
description:
  - Waits on the server's own host and shows what the server answers whenever that changes.
  - If the server's container exits or Docker restarts it, the wait fails immediately with the container's state, its exit code and
    the last lines of its log. A bootstrap password in the log is masked.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.reads_only
options:
  container:
    description:
      - Name of the server's container.
    type: str
    default: rancher
  port:
    description:
      - Port of the server on V(127.0.0.1) of this host.
    type: int
    default: 443
  timeout:
    description:
      - Seconds after which the wait fails.
    type: int
    default: 600
  _saved_state:
    description:
      - Internal, set by the action plugin. State of the wait from the previous call.
    type: dict
  _slice:
    description:
      - Internal, set by the action plugin. Seconds after which the module returns its progress.
    type: int
requirements:
  - Docker command line on the host
seealso:
  - module: fay.rancher.rancher_bootstrap
"""

EXAMPLES = r"""
- name: Wait until the Rancher server answers
  fay.rancher.rancher_server_wait:
    container: rancher
    port: 443
    timeout: 900
"""

RETURN = r"""
first_login:
  description: Value of the server's setting C(first-login), V(true) until the first boot is complete.
  returned: success
  type: str
  sample: "true"
waited:
  description: Duration of the wait in seconds.
  returned: success
  type: int
  sample: 42
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._rancher.server_wait import Container, ServerError, ServerWait


def main():
    module = AnsibleModule(
        argument_spec=dict(
            container=dict(type="str", default="rancher"),
            port=dict(type="int", default=443),
            timeout=dict(type="int", default=600),
            _saved_state=dict(type="dict"),
            _slice=dict(type="int"),
        ),
        supports_check_mode=True,
    )
    parameters = module.params
    module.get_bin_path("docker", required=True)
    container = Container(parameters["container"], module.run_command)
    wait = ServerWait(container, "https://127.0.0.1:%d" % parameters["port"], parameters["timeout"], parameters["_saved_state"])
    try:
        value, lines = wait.wait(parameters["_slice"] or parameters["timeout"])
    except ServerError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, done=value is not None, first_login=value or "", lines=lines,
                     waited=int(wait.waited), saved_state=wait.saved_state())


if __name__ == "__main__":
    main()
