# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugins that run a resumable module again until it is done."""
from ansible_collections.fay.rancher.plugins.plugin_utils import _sliced


class Task:
    args = {"path": "/appdata"}


class Action(_sliced.SlicedAction):
    """Returns `results` instead of running a module. `arguments` are the arguments of each run."""

    module, seconds = "fay.rancher.example", 10
    _supports_check_mode = True

    def __init__(self, results):
        self._task, self.results, self.arguments = Task(), list(results), []

    def _execute_module(self, module_name, module_args, task_vars):
        assert module_name == self.module
        self.arguments.append(module_args)
        return dict(self.results.pop(0))


def run_action(monkeypatch, *results):
    """(action, its result, the lines that it shows)."""
    shown = []
    monkeypatch.setattr(_sliced.ActionBase, "run", lambda self, tmp, task_vars: {})
    monkeypatch.setattr(_sliced, "Display", lambda: type("Display", (), {"display": staticmethod(shown.append)}))
    action = Action(results)
    return action, action.run(task_vars={"inventory_hostname": "bg1"}), shown


def test_the_module_runs_with_its_saved_state_until_it_is_done(monkeypatch):
    action, result, shown = run_action(
        monkeypatch, {"done": False, "changed": True, "lines": ["10 %"], "saved_state": {"started_at": 1}},
        {"done": False, "changed": False, "lines": ["10 %", "20 %"], "saved_state": {"started_at": 2}},
        {"done": True, "changed": False, "lines": [], "saved_state": {}, "root": "/appdata"})
    assert action.arguments == [{"path": "/appdata", "_slice": 10}] + [
        {"path": "/appdata", "_slice": 10, "_saved_state": {"started_at": number}} for number in (1, 2)]
    assert result == {"changed": True, "root": "/appdata"}
    assert shown == ["  bg1: 10 %", "  bg1: 20 %"]


def test_a_failure_ends_the_task(monkeypatch):
    unused, result, unused_lines = run_action(monkeypatch, {"failed": True, "msg": "no", "done": False})
    assert result["failed"] and result["msg"] == "no"
