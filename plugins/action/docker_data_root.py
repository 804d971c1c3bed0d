# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the module of the same name in slices, and shows between them how far the copy is."""
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

SLICE_SECONDS = 10


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        changed = False
        while True:
            result = self._execute_module(
                module_name="fay.rancher.docker_data_root", module_args=dict(self._task.args, slice=SLICE_SECONDS),
                task_vars=task_vars)
            for line in result.pop("lines", []):
                Display().display("  %s: %s" % (task_vars["inventory_hostname"], line))
            changed = changed or result.get("changed", False)
            if result.get("failed") or result.get("skipped") or result.pop("done", True):
                return dict(result, changed=changed)
