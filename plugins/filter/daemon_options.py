# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters daemon_options_problems and daemon_options_need_restart, documented in the .yml files of the same names."""
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.module_utils._engine.daemon_options import needs_restart, problems
from ansible_collections.fay.rancher.plugins.plugin_utils._plain_data import plain_data


def plain_options(options):
    """The options as plain Python data. Raises AnsibleFilterError if they are not a dict."""
    if not isinstance(options, dict):
        raise AnsibleFilterError("The options of daemon.json must be a dict, not %s" % type(options).__name__)
    return plain_data(options)


def daemon_options_problems(options, command="", version=""):
    """See module_utils/_engine/daemon_options.py problems()."""
    return problems(plain_options(options), command, str(version))


def daemon_options_need_restart(options, previous):
    """See module_utils/_engine/daemon_options.py needs_restart()."""
    return needs_restart(plain_options(options), plain_options(previous))


class FilterModule:
    def filters(self):
        return {"daemon_options_problems": daemon_options_problems,
                "daemon_options_need_restart": daemon_options_need_restart}
