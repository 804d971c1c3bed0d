#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
module: rancher_bootstrap
short_description: Gives a new Rancher server its admin password and its address
version_added: 0.1.0
description:
  - Waits until the server answers, then makes sure that the user can log in with the wanted password and that the
    setting C(server-url) is the wanted address.
  - The first password of a new server is exchanged for the wanted one. A password that was changed elsewhere is not
    touched. The module says so and fails.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.rancher
options:
  password:
    description:
      - The password that the user is to have.
    required: true
  bootstrap_password:
    description:
      - The password of the first boot. Rancher 2.6 and later print a random one to their log unless
        C(CATTLE_BOOTSTRAP_PASSWORD) was set, older ones have C(admin), which is tried without this.
    type: str
  server_url:
    description:
      - The address under which all nodes and users reach the server, C(https://HOST[:PORT]). The default is O(url).
    type: str
attributes:
  check_mode:
    description: Says what it would change and changes nothing.
    support: full
  diff_mode:
    description: Shows the old and the new address; never a password.
    support: full
"""

EXAMPLES = r"""
- name: Give the new server its password and address
  fay.rancher.rancher_bootstrap:
    url: https://rancher.example.com
    ca_checksum: 59fd865485548532caeca3e1cb5e8d9956829468c1867ba3a34a8c0b812a0e6a
    password: "{{ vault_rancher_admin_password }}"
    bootstrap_password: "{{ vault_rancher_bootstrap_password }}"
  no_log: true
"""

RETURN = r"""
server_url:
  description: The address under which nodes and users reach the server.
  returned: success
  type: str
  sample: https://rancher.example.com
server_version:
  description: The server's version.
  returned: success
  type: str
  sample: v2.6.2
password_changed:
  description: Whether the first password was exchanged.
  returned: success
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import (
    PASSWORD_ARGUMENTS,
    RancherError,
    check_url,
    connect,
)

# Of servers before 2.6 (rancher/rancher pkg/data/management/role_data.go). No default of the option: Ansible
# would hide that word wherever it stands, the user's name included.
FIRST_PASSWORD = "admin"


def ensure_password(client, parameters, check_mode):
    """Log the client in with the wanted password; exchange the first one where that is still valid.

    Returns whether it was exchanged. Raises RancherError when neither password is right.
    """
    try:
        client.log_in(parameters["password"])
        return False
    except RancherError as error:
        if error.status != 401:
            raise
    first = parameters["bootstrap_password"] or FIRST_PASSWORD
    try:
        client.log_in(first)
    except RancherError as error:
        if error.status != 401:
            raise
        raise RancherError("Rancher at %s takes neither the wanted password of %s nor the first one. Give the password "
                           "that is valid now, or replace a lost one with `docker exec CONTAINER reset-password` on "
                           "the server's host" % (client.url, client.username), 401)
    if not check_mode:
        client.request("POST", "/v3/users?action=changepassword",
                       {"currentPassword": first, "newPassword": parameters["password"]})
    return True


def run(module):
    parameters = module.params
    server_url = (parameters["server_url"] or parameters["url"]).rstrip("/")
    check_url(server_url, "server_url")
    with connect(parameters, password=None) as client:
        changed = ensure_password(client, parameters, module.check_mode)
        before = client.setting("server-url") or ""
        if before != server_url and not module.check_mode:
            client.request("PUT", "/v3/settings/server-url", {"value": server_url})
        version = client.setting("server-version")
    module.exit_json(
        changed=changed or before != server_url, password_changed=changed, server_url=server_url,
        server_version=version,
        diff={"before": "server-url: %s\n" % before, "after": "server-url: %s\n" % server_url})


def main():
    module = AnsibleModule(
        argument_spec=dict(
            PASSWORD_ARGUMENTS,
            password=dict(type="str", required=True, no_log=True),
            bootstrap_password=dict(type="str", no_log=True),
            server_url=dict(type="str"),
        ),
        supports_check_mode=True,
    )
    try:
        run(module)
    except RancherError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
