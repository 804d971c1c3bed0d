# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of the limits on length: what is measured, exceptions, and license lines."""
import pytest
from programs import load_program

limits = load_program("tests/limits")
spdx_problems = limits.spdx_problems


@pytest.fixture(autouse=True)
def without_license_lines(monkeypatch):
    """The tests of other limits use texts without a license line."""
    monkeypatch.setattr(limits, "spdx_problems", lambda text: [])


def names(path, text):
    return [problem.name for problem in limits.problems_of(path, text)]


def python_block(header, lines):
    """Python text of a class or function with so many lines."""
    return header + "\n" + "    a = 1\n" * (lines - 1)


@pytest.mark.parametrize("path, line", [("a.py", "a = 1\n"), ("a.yml", "# a\n"), ("a.md", "a\n"), ("a.sh", "a\n"), ("a.j2", "a\n")])
def test_a_file_over_400_lines_is_reported(path, line):
    assert names(path, line * 400) == []
    assert names(path, line * 401) == ["file"]


def test_a_class_over_200_lines_is_reported():
    assert names("a.py", python_block("class A:", 200)) == []
    assert names("a.py", python_block("class A:", 201)) == ["A"]


def test_a_function_over_40_lines_is_reported_with_its_class_and_line():
    method = "    def b(self):\n" + "        a = 1\n" * 39
    assert names("a.py", "class A:\n" + method) == []
    text = "class A:\n    c = 1\n" + method + "        a = 1\n"
    assert limits.report({"a.py": text}, {}) == ["a.py:3: A.b has 41 lines, at most 40 are allowed"]


def test_a_function_inside_a_statement_is_measured():
    assert names("a.py", "if True:\n    def b():\n" + "        a = 1\n" * 40) == ["b"]


def test_a_program_without_an_ending_is_measured_as_python():
    assert names("tests/a", "#!/usr/bin/env python3\n" + python_block("def a():", 41)) == ["a"]
    assert names("tests/a", "#!/usr/bin/env bash\n") == []


def test_a_module_over_60_lines_after_its_documentation_is_reported():
    documentation = 'DOCUMENTATION = r"""\n' + "a\n" * 90 + '"""\nRETURN = r"""\na\n"""\n'
    assert names("plugins/modules/a.py", documentation + "b = 1\n" * 60) == []
    assert names("plugins/modules/a.py", documentation + "b = 1\n" * 61) == ["module"]
    assert names("plugins/module_utils/a.py", documentation + "b = 1\n" * 61) == []


def test_a_module_without_return_values_is_reported():
    assert names("plugins/modules/a.py", "b = 1\n") == ["module"]


@pytest.mark.parametrize("text", [
    "a: '{{ %s }}'\n" % ("b" * 195),
    "a: >-\n  {{ b\n  + c\n  + d }}\n",
    "- when: >-\n    b and\n    c and\n    d\n",
    "- assert:\n    that:\n      - c\n      - %s\n" % ("b" * 201),
    "a: |\n  {% if b %}\n  c\n  {% endif %}\n",
    "a: |\n  {%- if b -%}\n\n  c {{ d }}\n  {%- endif -%}\n",
    "a: >-\n  {{ {'b': {'c': 1}}\n  | combine(d)\n  | combine(e) }}\n",
    "a: >-\n  {{ '}}' ~ b\n  ~ c\n  ~ d }}\n",
    "a: \"{{ \\\"}}\\\" ~ %s }}\"\n" % ("b" * 195)])
def test_a_long_expression_is_reported(text):
    assert names("roles/a/tasks/main.yml", text) == ["expressions"]
    assert names("molecule/a/converge.yml", text) == []


@pytest.mark.parametrize("text", [
    "a: '{{ %s }}'\n" % ("b" * 194),
    "a: >-\n  {{ b\n  + c }}\n  text\n  {{ d }}\n",
    "- when:\n    - b\n    - c\n    - d\n",
    "a: |\n  {{ b }}\n  {{ c }}\n  {{ d }}\n",
    "a: |\n  {# b\n  c\n  d #}\n",
    "a: |\n  {% raw %}\n  {{ b\n  }}\n  {% endraw %}\n",
    "a: |\n  many\n  lines\n  of\n  text\n"])
def test_expressions_of_two_lines_and_200_characters_are_accepted(text):
    assert names("roles/a/tasks/main.yml", text) == []


def test_the_line_of_an_expression_is_reported():
    text = "a: 1\nb: |\n  text\n  {{ c\n  + d\n  + e }}\n"
    assert [problem.line for problem in limits.problems_of("roles/a/vars/main.yml", text)] == [4]


@pytest.mark.parametrize("task", [
    "- ansible.builtin.shell: |\n", "- ansible.builtin.shell:\n    cmd: |\n",
    "- ansible.builtin.command:\n    argv:\n      - bash\n      - -c\n      - |\n"])
def test_inline_shell_over_five_lines_is_reported(task):
    assert names("playbooks/a.yml", task + "          true\n" * 5) == []
    assert names("playbooks/a.yml", task + "          true\n" * 6) == ["shell"]


def test_an_exception_is_accepted_and_reported_when_it_is_not_needed():
    long, short = python_block("def a():", 41), python_block("def a():", 40)
    exceptions = {("a.py", "a"): "reason"}
    assert limits.report({"a.py": long}, exceptions) == []
    assert limits.report({"a.py": short}, exceptions) == ["tests/limits: the exception ('a.py', 'a') is not needed"]
    assert len(limits.report({"b.py": long, "a.py": long}, exceptions)) == 1


def test_each_exception_has_a_reason():
    assert all(reason.strip() for reason in limits.EXCEPTIONS.values())


@pytest.mark.parametrize("path, text", [("a.py", '"""A."""\n'), ("a.sh", "true\n"), ("a", "#!/bin/bash\ntrue\n"),
                                        ("a", "#!/usr/bin/env python3\n")])
def test_a_missing_license_line_is_reported_and_inserted(monkeypatch, path, text):
    monkeypatch.setattr(limits, "spdx_problems", spdx_problems)
    assert names(path, text) == ["license"]
    assert names(path, limits.with_spdx(text)) == []


def test_files_that_are_empty_or_not_code_need_no_license_line(monkeypatch):
    monkeypatch.setattr(limits, "spdx_problems", spdx_problems)
    assert names("a.py", "") == names("a.md", "# A\n") == names("a.yml", "a: 1\n") == []


def test_the_license_line_is_inserted_below_the_interpreter_and_the_copyright():
    license_line = "# SPDX-License-Identifier: GPL-3.0-or-later\n"
    header = "#!/usr/bin/python\n# Copyright: (c) 2026, A\n# GNU General Public License v3.0+ (see LICENSE)\n"
    assert limits.with_spdx(header + '"""A."""\n') == header + license_line + '"""A."""\n'
    assert limits.with_spdx("#!/bin/bash\n# Does a.\n") == "#!/bin/bash\n" + license_line + "# Does a.\n"


def test_all_files_of_the_repository_are_within_the_limits(monkeypatch):
    monkeypatch.setattr(limits, "spdx_problems", spdx_problems)
    limits.main([])
