# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters kubeconfig_merge, kubeconfig_rename, kubeconfig_subset and kubeconfig_redact; documented in the .yml files of their names.

All take and give a kubeconfig as data: `lookup('ansible.builtin.file', path) | from_yaml`.
"""
import functools

from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.kubeconfig import KubeconfigError
from ansible_collections.fay.rancher.plugins.plugin_utils._plain_data import plain_data


def tell(function):
    """Turn what is wrong with a kubeconfig into a filter's error."""
    @functools.wraps(function)
    def told(value, *arguments, **options):
        arguments, options = plain_data(arguments), plain_data(options)
        try:
            return function(_kubeconfig.checked(plain_data(value)), *arguments, **options)
        except KubeconfigError as error:
            raise AnsibleFilterError("This is no kubeconfig that %s can take: %s" % (function.__name__, error))
    return told


@tell
def kubeconfig_merge(value, other, current=True):
    """See module_utils/_kubernetes/kubeconfig.py merge()."""
    return _kubeconfig.merge(value, _kubeconfig.checked(other), current)


@tell
def kubeconfig_rename(value, contexts=None, clusters=None, users=None):
    """See module_utils/_kubernetes/kubeconfig.py rename()."""
    return _kubeconfig.rename(value, contexts, clusters, users)


@tell
def kubeconfig_subset(value, contexts):
    """See module_utils/_kubernetes/kubeconfig.py subset()."""
    return _kubeconfig.subset(value, contexts)


@tell
def kubeconfig_redact(value):
    """See module_utils/_kubernetes/kubeconfig.py redact()."""
    return _kubeconfig.redact(value)


class FilterModule:
    def filters(self):
        return {function: globals()[function] for function in (
            "kubeconfig_merge", "kubeconfig_rename", "kubeconfig_subset", "kubeconfig_redact")}
