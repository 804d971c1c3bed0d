# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter from_flannel_env, documented in from_flannel_env.yml."""
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.module_utils._network.flannel import FlannelError, parse


def from_flannel_env(text):
    """See parse(). text: str. Raises AnsibleFilterError."""
    if not isinstance(text, str):
        raise AnsibleFilterError("from_flannel_env: the input is of type %s; the text of a subnet.env is required" % type(text).__name__)
    try:
        return parse(text)
    except FlannelError as error:
        raise AnsibleFilterError("from_flannel_env: the input is not a valid subnet.env of flannel: %s" % error)


class FilterModule:
    def filters(self):
        return {"from_flannel_env": from_flannel_env}
