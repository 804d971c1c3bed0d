# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of the project's language: phrases, places in files, and what is not prose."""
import pytest
from programs import load_program

prose = load_program("tests/prose")


@pytest.mark.parametrize("text", [
    "Have the packages", "You need to have the data moved first.", "Make it so", "The text is no DNS label.",
    "The root cannot be: see below.", "The file tells more.", "It says why.", "The server knows the node.",
    "It takes a list.", "The old root stays.", "It looks at the host.", "The flag gives way to it.",
    "The move goes on.", "It stands in daemon.json.", "An error that stands still.", "and the way back failed",
    "held against\nthe recordings", "running in this moment", "such as it is", "as mighty as root", "without a word",
    "The notes' choice", "the machine you sit at", "it asks nobody", "a look-alike of EL 9", "restart for ever",
    "belongs into a vault", "must be a table of texts", "One; two; three."])
def test_a_phrase_is_reported(text):
    assert len(prose.problems("a.md", text)) == 1


@pytest.mark.parametrize("text", [
    "You have Docker running.", "Have you configured it?", "There is no server.", "It is no longer used.", "The file cannot be changed.",
    "Use a stand-in.", "Forever.", "One; two. Three; four.", "These are release notes."])
def test_plain_text_is_accepted(text):
    assert not prose.problems("a.md", text)


def test_file_and_line_are_reported():
    assert prose.problems("docs/a.md", "# Title\n\nGood text. It\nlooks\nat it.\n")[0].startswith("docs/a.md:4: 'looks at'")


@pytest.mark.parametrize("text", [
    "Run `mighty`.", "```\nmighty\n```\n", "    mighty command\n", "[a](mighty.md)",
    "<!-- variables: generated -->\n| it tells |\n<!-- end of variables -->"])
def test_code_links_and_generated_tables_are_not_prose(text):
    assert not prose.problems("a.md", text)


@pytest.mark.parametrize("text", [
    "- good\n    mighty\n", "- good\n  1. good\n     mighty\n", "1. good\n\n    mighty\n", "- good\n\n    - mighty\n", "good\n    mighty\n",
    "- good\n\ngood\n\nmighty\n", "1. good\n\ngood\n    mighty\n", "    code\n\nmighty\n"])
def test_indented_lines_of_list_items_and_paragraphs_are_prose(text):
    assert len(prose.problems("a.md", text)) == 1


@pytest.mark.parametrize("text", [
    "good\n\n    mighty\n", "good\n\n    code\n\n    mighty\n", "good\n\n    code\n    mighty\n", "- good\n\n      mighty\n",
    "- good\n\ngood\n\n    mighty\n", "    - mighty\n"])
def test_indented_code_is_not_prose(text):
    assert not prose.problems("a.md", text)


def test_semicolons_of_different_table_cells_and_list_items_do_not_add_up():
    assert not prose.problems("a.md", "| a; b | c; d |\n| e; f | |\n\n- a; b\n- c; d\n")


def test_names_descriptions_messages_and_comments_of_yaml_are_read():
    text = "# it tells\n- name: Have it\n  x:\n    description: [It says so]\n    fail_msg: >-\n      Good\n      mighty\n    cmd: stays\n"
    assert [line.split(":")[1] for line in prose.problems("a.yml", text)] == ["1", "2", "4", "7"]


def test_notes_and_details_of_yaml_documentation_are_read():
    text = "notes:\n  - It tells.\n  - good\nattributes:\n  a:\n    details: mighty\n    support: it tells\n"
    assert [line.split(":")[1] for line in prose.problems("a.yml", text)] == ["2", "6"]


def test_strings_and_comments_of_python_are_read_and_names_are_not():
    text = 'takes = "good"\nx = "it\\\n looks at"\n# mighty\ny = """first\nit tells\n"""\n'
    assert [line.split(":")[1] for line in prose.problems("a.py", text)] == ["3", "4", "6"]


def test_comments_of_shell_are_read_and_commands_are_not():
    assert [line.split(":")[1] for line in prose.problems("a", "#!/bin/bash\nmighty\n# mighty\ntrue  # it tells\n")] == ["3", "4"]


@pytest.mark.parametrize("text", [
    "found = 1\n", "a, seen = b\n", "self.told = 1\n", "def written():\n    pass\n", "def a(there):\n    pass\n", "class ours:\n    pass\n",
    "a = [b for one in b]\n", "with a as what:\n    pass\n", "async def told():\n    pass\n", "import a as there\n",
    "from a import b as found\n", "try:\n    pass\nexcept A as what:\n    pass\n"])
def test_a_vague_name_is_reported(text):
    assert len(prose.problems("a.py", text)) == 1


@pytest.mark.parametrize("text", ["datetime.now()\n", "print(a.found)\n", "a = {'found': 1}\n", "found_hosts = 1\n",
                                  "from found import seen\n"])
def test_uses_keys_and_longer_names_are_accepted(text):
    assert prose.problems("a.py", text) == []


@pytest.mark.parametrize("path, text, kind", [
    ("a.md", "", "markdown"), ("a.rst", "", "markdown"), ("a.yaml", "", "yaml"), ("a.py", "", "python"), ("a.sh", "", "shell"),
    ("a", "#!/usr/bin/env python3\n", "python"), ("a", "#!/bin/sh\n", "shell"), ("a.json", "{}", None), ("a", "text", None)])
def test_the_kind_of_a_file_depends_on_its_ending_or_interpreter(path, text, kind):
    assert prose.kind_of(path, text) == kind


def test_all_files_of_the_repository_are_checked():
    files = prose.checked_files()
    assert {"README.md", "galaxy.yml", "tests/timed", "tests/lanes", "plugins/modules/kubeconfig.py"} <= set(files)
    prose.main([])
