#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: flannel_info
short_description: Read a node's pod subnet from flannel's subnet.env
version_added: 0.1.0
description:
  - Reads the file that flanneld writes as soon as it has a subnet for the node.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.reads_only
options:
  path:
    description:
      - Path of the file.
    type: path
    default: /run/flannel/subnet.env
seealso:
  - plugin: fay.rancher.from_flannel_env
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read the node's pod subnet
  fay.rancher.flannel_info:
  register: flannel

- name: Show the node's pod subnet
  ansible.builtin.debug:
    var: flannel.subnet
  when: flannel.exists
"""

RETURN = r"""
exists:
  description: Whether the file exists. Flanneld creates it as soon as it has a subnet for the node.
  returned: success
  type: bool
  sample: true
networks:
  description: Pod CIDRs of the whole cluster, IPv4.
  returned: if the file exists
  type: list
  elements: str
  sample: [10.42.0.0/16]
ipv6_networks:
  description: Pod CIDRs of the whole cluster, IPv6.
  returned: if the file exists
  type: list
  elements: str
  sample: []
subnet:
  description: Address of C(cni0) with the prefix length of the node's own subnet, IPv4.
  returned: if the file exists
  type: str
  sample: 10.42.3.1/24
ipv6_subnet:
  description: Address of C(cni0) with the prefix length of the node's own subnet, IPv6.
  returned: if the file exists
  type: str
  sample: null
mtu:
  description: MTU of the pod network in bytes.
  returned: if the file exists
  type: int
  sample: 1450
ipmasq:
  description: Whether flanneld masquerades. If so, the CNI bridge must not.
  returned: if the file exists
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._network.flannel import FlannelError, parse


def main():
    module = AnsibleModule(
        argument_spec=dict(path=dict(type="path", default="/run/flannel/subnet.env")), supports_check_mode=True)
    path = module.params["path"]
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            text = source.read()
    except FileNotFoundError:
        module.exit_json(changed=False, exists=False)
    except PermissionError as error:
        module.fail_json(msg="Cannot read %s: %s. Run the module as root (become: true)" % (path, error.strerror))
    except OSError as error:
        module.fail_json(msg="Cannot read %s: %s" % (path, error.strerror))
    try:
        module.exit_json(changed=False, exists=True, **parse(text))
    except FlannelError as error:
        module.fail_json(msg="%s is not a valid subnet.env of flannel: %s. Restart flannel's pod on this node, which rewrites "
                             "the file" % (path, error))


if __name__ == "__main__":
    main()
