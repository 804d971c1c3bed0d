# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugins that run a resumable module again every few seconds, to show its progress. Private to the collection."""
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display


class SlicedAction(ActionBase):
    """Runs a module with the option `_slice` until it returns `done`. A change in any run is a change of the task.

    After each run the returned `lines` (list of str) are shown; a line that is repeated is shown once. If the module returns
    `saved_state` (dict), the next run gets it as the option `_saved_state`.
    """

    module = None  # full name of the module
    seconds = None  # after how many seconds the module returns

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        state, changed, last_line = {}, False, None
        while True:
            arguments = dict(self._task.args, _slice=self.seconds, **state)
            result = self._execute_module(module_name=self.module, module_args=arguments, task_vars=task_vars)
            for line in result.pop("lines", []):
                if line != last_line:
                    Display().display("  %s: %s" % (task_vars["inventory_hostname"], line))
                    last_line = line
            if "saved_state" in result:
                state = {"_saved_state": result.pop("saved_state")}
            changed = changed or result.get("changed", False)
            if result.get("failed") or result.get("skipped") or result.pop("done", True):
                return dict(result, changed=changed)
