"""The check of the project's language: phrases, places in files, and what is not prose."""
import glob
import os

import pytest
from conftest import ROOT
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


def test_semicolons_of_different_table_cells_and_list_items_do_not_add_up():
    assert not prose.problems("a.md", "| a; b | c; d |\n| e; f | |\n\n- a; b\n- c; d\n")


def test_names_descriptions_messages_and_comments_of_yaml_are_read():
    text = "# it tells\n- name: Have it\n  x:\n    description: [It says so]\n    fail_msg: >-\n      Good\n      mighty\n    cmd: stays\n"
    assert [line.split(":")[1] for line in prose.problems("a.yml", text)] == ["1", "2", "4", "7"]


def test_strings_and_comments_of_python_are_read_and_names_are_not():
    text = 'takes = "good"\nx = "it\\\n looks at"\n# mighty\ny = """first\nit tells\n"""\n'
    assert [line.split(":")[1] for line in prose.problems("a.py", text)] == ["3", "4", "6"]


def test_each_clean_file_exists_and_is_clean():
    for path in prose.CLEAN:
        assert glob.glob(os.path.join(ROOT, path)), path
    prose.main([])
