# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters kubeconfig_merge, kubeconfig_rename, kubeconfig_subset and kubeconfig_redact, documented in the .yml files of these names.

Kubeconfigs are data: `lookup('ansible.builtin.file', path) | from_yaml`.
"""
import functools

from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.kubeconfig import KubeconfigError
from ansible_collections.fay.rancher.plugins.plugin_utils._plain_data import plain_data


def as_filter(function):
    """A filter from a function over kubeconfigs: its input is validated, and a KubeconfigError becomes an AnsibleFilterError."""
    @functools.wraps(function)
    def filter_function(value, *arguments, **options):
        arguments, options = plain_data(arguments), plain_data(options)
        try:
            return function(_kubeconfig.validated(plain_data(value)), *arguments, **options)
        except KubeconfigError as error:
            raise AnsibleFilterError("%s requires a valid kubeconfig: %s" % (function.__name__, error))
    return filter_function


@as_filter
def kubeconfig_merge(value, other, current=True):
    """See merge() of module_utils/_kubernetes/kubeconfig.py."""
    return _kubeconfig.merge(value, _kubeconfig.validated(other), current)


@as_filter
def kubeconfig_rename(value, contexts=None, clusters=None, users=None):
    """See rename() of module_utils/_kubernetes/kubeconfig.py."""
    return _kubeconfig.rename(value, contexts, clusters, users)


@as_filter
def kubeconfig_subset(value, contexts):
    """See subset() of module_utils/_kubernetes/kubeconfig.py."""
    return _kubeconfig.subset(value, contexts)


@as_filter
def kubeconfig_redact(value):
    """See redact() of module_utils/_kubernetes/kubeconfig.py."""
    return _kubeconfig.redact(value)


class FilterModule:
    def filters(self):
        return {function.__name__: function for function in (kubeconfig_merge, kubeconfig_rename, kubeconfig_subset, kubeconfig_redact)}
