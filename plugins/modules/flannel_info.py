#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
module: flannel_info
short_description: Reads a node's pod subnet from flannel's subnet.env
version_added: 0.1.0
description:
  - Reads the file that flanneld writes when it has a subnet for the node.
author: fay.rancher authors (@fay-rancher)
extends_documentation_fragment:
  - fay.rancher.reads_only
  - action_common_attributes
options:
  path:
    description:
      - The file.
    type: path
    default: /run/flannel/subnet.env
"""

EXAMPLES = r"""
- name: Read the node's pod subnet
  fay.rancher.flannel_info:
  register: flannel

- name: Show it
  ansible.builtin.debug:
    var: flannel.subnet
"""

RETURN = r"""
exists:
  description: Whether the file is there. It is not while flanneld has no subnet.
  returned: success
  type: bool
  sample: true
networks:
  description: The pod CIDRs of the whole cluster, IPv4.
  returned: when the file exists
  type: list
  elements: str
  sample: [10.42.0.0/16]
ipv6_networks:
  description: The pod CIDRs of the whole cluster, IPv6.
  returned: when the file exists
  type: list
  elements: str
  sample: []
subnet:
  description: The first address of the node's own subnet, which is cni0's, with its prefix length.
  returned: when the file exists
  type: str
  sample: 10.42.3.1/24
ipv6_subnet:
  description: The same for IPv6.
  returned: when the file exists
  type: str
  sample: null
mtu:
  description: MTU of the pod network in bytes.
  returned: when the file exists
  type: int
  sample: 1450
ipmasq:
  description: Whether flanneld masquerades, so that the CNI bridge must not.
  returned: when the file exists
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
        module.fail_json(msg="%s is not what flanneld writes: %s. Restart flannel's pod on this node: it writes the "
                             "file anew" % (path, error))


if __name__ == "__main__":
    main()
