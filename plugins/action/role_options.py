# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts the options of the role that runs this task; documented in the module of the same name."""
import os

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.fay.rancher.plugins.plugin_utils._role_options import convert_options


class ActionModule(ActionBase):
    """Runs on the control machine only. Returns each option under its name without the role's prefix, and `problems`."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _VALID_ARGS = frozenset(["entry_point"])

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        role = task_vars.get("role_path")
        if role is None:
            raise AnsibleActionFail("role_options works only in a task of a role. Move the task into a role")
        with open(os.path.join(role, "meta", "argument_specs.yml"), encoding="utf-8") as source:
            entry_points = yaml.safe_load(source)["argument_specs"]
        spec = entry_points[self._task.args.get("entry_point", "main")]["options"]
        values = self._templar.template({name: task_vars[name] for name in spec if name in task_vars})
        options, problems = convert_options(spec, values, os.path.basename(role) + "_")
        return dict(result, changed=False, problems=problems, **options)
