# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports between the subjects of plugins/module_utils go in one direction, see docs/architecture.md."""
import ast
import glob
import os

import pytest
from conftest import ROOT

UTILS = os.path.join(ROOT, "plugins", "module_utils")
# Subjects that each subject may import, besides itself. Files directly in module_utils may be imported by all and import only each other.
ALLOWED = {"_engine": set(), "_kubernetes": {"_rancher"}, "_network": set(), "_rancher": set()}


def imported_files(path, text):
    """Paths, relative to module_utils and without .py, that a file there imports; `path` has the same form."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            names |= {".".join(filter(None, [absolute(path, node), alias.name])) for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    prefix = "ansible_collections.fay.rancher.plugins.module_utils."
    return {name[len(prefix):].replace(".", "/") for name in names if name.startswith(prefix)}


def absolute(path, node):
    """The absolute name of the package or module of a `from … import`."""
    if not node.level:
        return node.module
    package = ["ansible_collections", "fay", "rancher", "plugins", "module_utils"] + path.split("/")
    return ".".join(package[:-node.level] + ([node.module] if node.module else []))


def import_graph():
    """{path: paths of the files that it imports}, without the names inside the files."""
    paths = [os.path.relpath(path, UTILS)[:-3] for path in glob.glob(os.path.join(UTILS, "**", "*.py"), recursive=True)]
    graph = {}
    for path in paths:
        with open(os.path.join(UTILS, path + ".py"), encoding="utf-8") as source:
            names = imported_files(path, source.read())
        graph[path] = {other for other in paths for name in names if name == other or name.startswith(other + "/")}
    return graph


GRAPH = import_graph()


def subject(path):
    """The subject of a file; the empty string for those directly in module_utils."""
    return os.path.dirname(path)


def files_in_import_cycles(graph):
    """The paths (sorted) that import themselves through others."""
    def reachable(path, visited):
        for other in graph[path] - visited:
            visited.add(other)
            reachable(other, visited)
        return visited

    return sorted(path for path in graph if path in reachable(path, set()))


@pytest.mark.parametrize("text, expected", [
    ("from .. import _files\n", "_files"), ("from .._files import a\n", "_files/a"), ("from .config import a\n", "_engine/config/a"),
    ("from ansible_collections.fay.rancher.plugins.module_utils._engine import host\n", "_engine/host"),
    ("from ansible.module_utils import urls\n", None), ("import os\n", None)])
def test_imports_are_recognized(text, expected):
    assert imported_files("_engine/plan", text) == ({expected} if expected else set())


def test_an_import_cycle_is_recognized():
    assert files_in_import_cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]


def test_no_file_imports_itself_through_others():
    assert any(GRAPH.values()) and files_in_import_cycles(GRAPH) == []


@pytest.mark.parametrize("path", sorted(GRAPH))
def test_subjects_import_in_one_direction(path):
    for other in GRAPH[path]:
        if subject(other):
            assert subject(other) == subject(path) or subject(other) in ALLOWED.get(subject(path), set()), other
