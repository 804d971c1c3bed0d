#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: rancher_bootstrap
short_description: Set the admin password and the URL of a new Rancher server
version_added: 0.1.0
description:
  - Ensures that the user can log in with O(password) and that the setting C(server-url) is O(server_url).
  - On a new server, the bootstrap password is changed to O(password). If the server rejects both passwords, the module fails and
    changes nothing.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.attributes
  - fay.rancher.rancher
options:
  password:
    description:
      - Password of the user. Required.
      - If the task sets no credentials, the value of the environment variable E(RANCHER_PASSWORD) is used.
    type: str
  bootstrap_password:
    description:
      - Password of the first boot. Rancher 2.6 and later write a random one to their log unless E(CATTLE_BOOTSTRAP_PASSWORD) was
        set. The default is V(admin), the first password of older versions.
    type: str
  server_url:
    description:
      - URL at which nodes and users reach the server, V(https://HOST[:PORT]). The default is O(url).
    type: str
attributes:
  action_group:
    details: This module does not have the option C(token), since it replaces a password. It fails if the group's defaults set it.
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Contains the URL, but no password.
  idempotent:
    support: full
seealso:
  - module: fay.rancher.rancher_server_wait
  - module: fay.rancher.rancher_cluster
  - name: Bootstrapping a Rancher server
    description: How the first password of Rancher is set.
    link: https://ranchermanager.docs.rancher.com/getting-started/installation-and-upgrade/resources/bootstrap-password
"""

EXAMPLES = r"""
- name: Set the admin password and the server URL
  fay.rancher.rancher_bootstrap:
    url: https://rancher.example.com
    ca_checksum: 59fd865485548532caeca3e1cb5e8d9956829468c1867ba3a34a8c0b812a0e6a
    password: "{{ vault_rancher_admin_password }}"
    bootstrap_password: "{{ vault_rancher_bootstrap_password }}"
  no_log: true

- name: Set the password on the Rancher host itself, for a server with another URL
  fay.rancher.rancher_bootstrap:
    url: https://127.0.0.1:8443
    ca_from_loopback: true
    server_url: https://rancher.example.com
    password: "{{ vault_rancher_admin_password }}"
  no_log: true
"""

RETURN = r"""
server_url:
  description: URL at which nodes and users reach the server.
  returned: success
  type: str
  sample: https://rancher.example.com
server_version:
  description: Version of the server.
  returned: success
  type: str
  sample: v2.6.2
password_changed:
  description: Whether the bootstrap password was changed.
  returned: success
  type: bool
  sample: true
"""

from ansible_collections.fay.rancher.plugins.module_utils._rancher.bootstrap import ensure_password, ensure_server_url
from ansible_collections.fay.rancher.plugins.module_utils._rancher.module import RancherModule
from ansible_collections.fay.rancher.plugins.module_utils._rancher.trust import check_url


def main():
    module = RancherModule(
        argument_spec=dict(
            bootstrap_password=dict(type="str", no_log=True),
            server_url=dict(type="str"),
        ),
        accepts_token=False,
    )
    parameters = module.params
    server_url = (parameters["server_url"] or parameters["url"]).rstrip("/")
    with module.errors_as_failures():
        check_url(server_url, "server_url")
    with module.api(log_in=False) as client:
        password_changed = ensure_password(client, parameters["password"], parameters["bootstrap_password"], module.check_mode)
        url_before = ensure_server_url(client, server_url, module.check_mode)
        version = client.setting("server-version")
    module.exit_json(
        changed=password_changed or url_before != server_url,
        password_changed=password_changed, server_url=server_url, server_version=version,
        diff={"before": "server-url: %s\n" % url_before, "after": "server-url: %s\n" % server_url})


if __name__ == "__main__":
    main()
