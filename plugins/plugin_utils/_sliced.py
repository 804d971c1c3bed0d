# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action plugins whose module works in slices of time, and which show in between how far it is."""
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display


class SlicedAction(ActionBase):
    """Executes `module` with its option `slice` again and again until it returns `done`.

    Each time `lines` (list of str) are shown, each once where it stays the same; `seen`, whatever it is, is given to the
    next slice. A change in any slice is one of the whole.
    """

    module = None  # full name of the module
    seconds = None  # length of a slice

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        extra, changed, shown = {}, False, None
        while True:
            result = self._execute_module(
                module_name=self.module, module_args=dict(self._task.args, slice=self.seconds, **extra), task_vars=task_vars)
            for line in result.pop("lines", []):
                if line != shown:
                    Display().display("  %s: %s" % (task_vars["inventory_hostname"], line))
                    shown = line
            if "seen" in result:
                extra = {"seen": result.pop("seen")}
            changed = changed or result.get("changed", False)
            if result.get("failed") or result.get("skipped") or result.pop("done", True):
                return dict(result, changed=changed)
