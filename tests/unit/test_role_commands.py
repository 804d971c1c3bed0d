# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell scripts in tasks of the roles: Ansible must not replace their variables with those of the task's environment."""
import os

import pytest
import yaml
from conftest import ROOT
from test_role_parts import run_plays


def tasks_below(node):
    """All maps of a task file that can be tasks, those in blocks included."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        yield from tasks_below(child)


def script_tasks():
    """{file name: task} of the tasks that pass a script to a shell in `argv`."""
    tasks = {}
    for folder, _, names in os.walk(os.path.join(ROOT, "roles")):
        for name in names if os.path.basename(folder) == "tasks" else []:
            with open(os.path.join(folder, name)) as source:
                tasks.update((name, task) for task in tasks_below(yaml.safe_load(source))
                             if "-c" in (task.get("ansible.builtin.command") or {}).get("argv", []))
    return tasks


def test_the_scripts_of_the_roles_are_collected():
    assert sorted(script_tasks()) == ["absent.yml", "apply_configuration.yml", "configure.yml", "files.yml", "restore.yml"]


@pytest.mark.parametrize("name, task", sorted(script_tasks().items()))
def test_ansible_does_not_expand_the_variables_of_a_script(name, task):
    assert task["ansible.builtin.command"].get("expand_argument_vars") is False


def test_a_purge_removes_only_the_data_root_even_if_the_environment_has_the_scripts_variable(tmp_path):
    for folder in ("precious", "data"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_text("content")
    os.symlink(os.path.join(ROOT, "roles", "docker_ce", "templates"), str(tmp_path / "templates"))
    variables = {"__docker_ce": {"data_root": str(tmp_path / "data"), "purge_data": True}, "__docker_ce_has_data": True,
                 "__docker_ce_root": {"old_roots": [], "containerd_root": ""}, "__docker_ce_owns_containerd": False}
    code, output = run_plays(tmp_path, [{"vars": variables, "environment": {"root": str(tmp_path / "precious")},
                                         "tasks": [script_tasks()["absent.yml"]]}])
    assert code == 0, output
    assert (tmp_path / "precious" / "file").exists()
    assert not (tmp_path / "data").exists()
