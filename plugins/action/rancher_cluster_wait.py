# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the module of the same name in slices, and shows between them what the server says."""
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

SLICE_SECONDS = 15


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        shown, seen = None, None
        while True:
            arguments = dict(self._task.args, seen=seen, slice=SLICE_SECONDS)
            result = self._execute_module(
                module_name="fay.rancher.rancher_cluster_wait", module_args=arguments, task_vars=task_vars)
            for line in result.pop("lines", []):
                if line != shown:
                    Display().display("  " + line)
                    shown = line
            seen = result.pop("seen", None)
            if result.get("failed") or result.get("skipped") or result.pop("done", True):
                return result
