# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/matrix: skipped cores, failed cores, and the versions that the collection requires."""
import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

PYTHON = "%d.%d" % sys.version_info[:2]
RECAP = "rancher1                   : ok=5   changed=%d    unreachable=0    failed=0\n"


@pytest.fixture
def matrix(monkeypatch, tmp_path):
    loader = importlib.machinery.SourceFileLoader("matrix_command", os.path.join(ROOT, "tests", "matrix"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("matrix_command", loader))
    loader.exec_module(module)
    monkeypatch.setattr(module, "CACHE", str(tmp_path))
    return module


def run_main(matrix, monkeypatch, core, can_install=True):
    """The exit code of a run with only that core and without a lab. pip fails unless `can_install`."""
    original = subprocess.run

    def run(command, **options):
        if command[0].endswith("/lab"):
            return subprocess.CompletedProcess(command, 0)
        if "pip" in command[0] and not can_install:
            return subprocess.CompletedProcess(command, 1, stdout="ERROR: no network\n")
        return original(command, **options)
    monkeypatch.setattr(matrix.subprocess, "run", run)
    monkeypatch.setattr(matrix, "CORES", [core])
    monkeypatch.setattr(matrix, "check_requirements", lambda: None)
    monkeypatch.setattr(sys, "argv", ["matrix"])
    with pytest.raises(SystemExit) as end:
        matrix.main()
    return end.value.code


def test_core_without_a_python_is_skipped_with_the_reason(matrix, monkeypatch, capsys):
    assert not run_main(matrix, monkeypatch, matrix.Core("2.16.0", "3.4.0", "7.2.0", ["3.98", "3.99"]))
    output = capsys.readouterr().out
    assert "Skipped: ansible-core 2.16.0, community.docker 3.4.0: this machine has no Python 3.98 or 3.99\n" in output
    assert output.endswith("ansible-core 2.16.0 skipped; 1 of 1 skipped\n")


def test_core_whose_packages_cannot_be_installed_is_skipped_with_the_reason(matrix, monkeypatch, capsys):
    monkeypatch.setattr(matrix, "find_python", lambda version: "true")
    assert not run_main(matrix, monkeypatch, matrix.Core("2.16.0", "3.4.0", "7.2.0", [PYTHON]), can_install=False)
    output = capsys.readouterr().out
    assert "Skipped: ansible-core 2.16.0, community.docker 3.4.0: pip cannot install " in output
    assert "ansible-core==2.16.0: ERROR: no network\n" in output


@pytest.mark.parametrize("output, code", [("fine\n", 0), ("[DEPRECATION WARNING]: aliases\n", 1)])
def test_core_fails_on_a_deprecation_warning(matrix, monkeypatch, capsys, output, code):
    core = matrix.Core("2.21.5", "5.2.0", "14.0.0", [PYTHON])
    monkeypatch.setattr(core, "prepare", lambda: None)
    monkeypatch.setattr(core, "run", lambda command, **variables: (0, output))
    monkeypatch.setattr(matrix, "converge", lambda core, quick: (True, ""))
    assert run_main(matrix, monkeypatch, core) == code
    assert ("This output contains a deprecation warning" in capsys.readouterr().out) == bool(code)


@pytest.mark.parametrize("runs, passed", [
    ([(0, 9), (0, 0), (0, 0)], True),
    ([(2, 9)], False),
    ([(0, 9), (0, 1)], False),  # the second run changes something
    ([(0, 9), (2, 0)], False),  # the second run fails
    ([(0, 9), (0, 0), (0, 1)], False),  # the run with jinja2_native changes something
])
def test_core_fails_if_a_later_run_changes_something(matrix, monkeypatch, runs, passed):
    core = matrix.Core("2.16.0", "3.4.0", "7.2.0", [PYTHON])
    monkeypatch.setattr(matrix, "CORES", [core])
    remaining = list(runs)
    environments = []

    def run_roles(core, **environment):
        environments.append(environment)
        code, changed = remaining.pop(0)
        return code, RECAP % changed
    monkeypatch.setattr(matrix, "run_roles", run_roles)
    assert matrix.converge(core, True)[0] is passed
    assert remaining == [] and environments == [{}, {}, {"ANSIBLE_JINJA2_NATIVE": "true"}][:len(runs)]


def test_required_versions_are_those_tested(matrix, monkeypatch):
    matrix.check_requirements()
    monkeypatch.setattr(matrix.CORES[0], "community_docker", "3.5.0")
    with pytest.raises(SystemExit, match=r"galaxy.yml: community.docker is >=3.4.0, but tests/matrix tests 3.5.0"):
        matrix.check_requirements()


def test_quick_form_runs_the_unit_tests_that_depend_on_ansible_core(matrix):
    folder = os.path.join(ROOT, "tests", "unit")
    depends = re.compile(r"plugins\.(?:action|filter|plugin_utils)|plugins import (?:action|filter)|\"ansible-playbook\"\)|run_plays")
    texts = {}
    for name in os.listdir(folder):
        if name.startswith("test_") and name != "test_matrix.py":
            with open(os.path.join(folder, name)) as source:
                texts[name[len("test_"):-len(".py")]] = source.read()
    assert {name for name, text in texts.items() if depends.search(text)} <= set(matrix.UNIT_QUICK) <= set(texts)
