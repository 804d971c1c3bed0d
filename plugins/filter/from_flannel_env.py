# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter from_flannel_env; documented in from_flannel_env.yml."""
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.module_utils._network.flannel import FlannelError, parse


def from_flannel_env(text):
    """Parse flannel's subnet.env; see module_utils/_network/flannel.py parse()."""
    if not isinstance(text, str):
        raise AnsibleFilterError("from_flannel_env takes the text of a subnet.env, not %s" % type(text).__name__)
    try:
        return parse(text)
    except FlannelError as error:
        raise AnsibleFilterError("This is no subnet.env of flannel: %s" % error)


class FilterModule:
    def filters(self):
        return {"from_flannel_env": from_flannel_env}
