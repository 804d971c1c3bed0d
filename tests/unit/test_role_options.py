# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of roles from `-e NAME=VALUE` and inventories are converted once, and no part of a role reads them unconverted."""
import glob
import json
import os

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.fay.rancher.plugins.action import role_options
from ansible_collections.fay.rancher.plugins.plugin_utils._role_options import convert_options
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, nodes

ROLES = ["docker_ce", "rancher_server", "rke_node", "kubectl_access"]
# Keywords of tasks that hold expressions without braces.
CONDITIONS = {"when", "that", "until", "changed_when", "failed_when"}
SAMPLES = {"str": "a text", "path": "/a/path", "bool": True, "int": 7, "dict": {"key": "value"}}


def spec_of(role):
    """The options of all entry points of a role."""
    with open(os.path.join(ROOT, "roles", role, "meta", "argument_specs.yml")) as source:
        entry_points = yaml.safe_load(source)["argument_specs"].values()
    return {name: option for entry_point in entry_points for name, option in entry_point["options"].items()}


def all_options():
    return [(role, name, option) for role in ROLES for name, option in spec_of(role).items()]


def sample(option):
    """A value of the option's type."""
    if option["type"] == "list":
        element = dict(option, type=option["elements"])
        return [sample(element), sample(element)]
    if option["type"] == "dict" and option.get("options"):
        return {name: sample(suboption) for name, suboption in option["options"].items()}
    return SAMPLES[option["type"]]


def as_extra_variable(value, option):
    """The string that `-e NAME=VALUE` makes of a value."""
    if option["type"] == "list" and option["elements"] == "str":
        return ", ".join(value)
    return json.dumps(value) if option["type"] in ("list", "dict") else str(value)


@pytest.mark.parametrize("role, name, option", all_options(), ids=lambda item: item if isinstance(item, str) else "")
def test_every_option_is_converted_from_a_string(role, name, option):
    value = sample(option)
    options, problems = convert_options({name: option}, {name: as_extra_variable(value, option)}, role + "_")
    assert problems == []
    assert options == {name[len(role) + 1:]: value}


@pytest.mark.parametrize("values", [{}, {"r_cluster": None}, {"r_cluster": ""}])
def test_a_required_option_without_a_value_is_a_problem(values):
    message = "r_cluster is empty; a value is required. Set it, or the variable that is its default"
    assert convert_options({"r_cluster": {"type": "str", "required": True}}, values, "r_") == ({"cluster": None}, [message])


@pytest.mark.parametrize("text", ["no", "false", "False", "0", "off"])
def test_a_string_is_converted_to_false(text):
    assert convert_options({"r_hold": {"type": "bool"}}, {"r_hold": text}, "r_") == ({"hold": False}, [])


@pytest.mark.parametrize("text, items", [
    ("localhost,127.0.0.1", ["localhost", "127.0.0.1"]), ("", []), ("ops", ["ops"]), ('["a", "b"]', ["a", "b"]), ("[a, b]", ["a", "b"]),
    ("[::1]:80,b", ["[::1]:80", "b"])])
def test_a_string_is_converted_to_a_list(text, items):
    assert convert_options({"r_x": {"type": "list", "elements": "str"}}, {"r_x": text}, "r_") == ({"x": items}, [])


@pytest.mark.parametrize("value, option, message", [
    (20.1, {"type": "str"}, "r_x is the number 20.1; a string is required. Put it in quotes"),
    (True, {"type": "str"}, "r_x is a boolean (true); a string is required"),
    ({"a": 1}, {"type": "str"}, "r_x is a map; a string is required"),
    ("maybe", {"type": "bool"}, "r_x is 'maybe'; true or false is required"),
    ("5 GiB", {"type": "int"}, "r_x is '5 GiB'; a whole number is required"),
    (float("inf"), {"type": "int"}, "a whole number is required"),
    ({"a": 1}, {"type": "list", "elements": "str"}, "r_x is a map; a list is required"),
    ("a: [", {"type": "dict"}, "r_x is not a map"),
    ([{"size": "x"}], {"type": "list", "elements": "dict", "options": {"size": {"type": "int"}}}, "r_x[0].size is 'x'; a whole number"),
])
def test_a_value_of_the_wrong_type_is_reported_with_its_name(value, option, message):
    options, problems = convert_options({"r_x": option}, {"r_x": value}, "r_")
    assert options == {"x": None} and len(problems) == 1 and message in problems[0]


def test_a_task_outside_a_role_is_rejected(monkeypatch):
    monkeypatch.setattr(role_options.ActionBase, "run", lambda self, tmp, task_vars: {})
    action = role_options.ActionModule.__new__(role_options.ActionModule)
    with pytest.raises(AnsibleActionFail, match="works only in a task of a role"):
        action.run(task_vars={"inventory_hostname": "bg1"})


def test_an_option_without_a_value_is_none():
    assert convert_options({"r_x": {"type": "str"}}, {}, "r_") == ({"x": None}, [])


values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=5)


@given(values)
def test_any_value_is_converted_or_reported(value):
    for _role, name, option in all_options():
        convert_options({name: option}, {name: value}, "")


def templates_of(node, key=""):
    """(text, whether it is an expression without braces) of all strings in a YAML tree."""
    if isinstance(node, dict):
        for name, below in node.items():
            yield from templates_of(below, name)
    elif isinstance(node, list):
        for below in node:
            yield from templates_of(below, key)
    elif isinstance(node, str):
        yield node, key in CONDITIONS


def variables_of(path):
    """Names of the variables that the templates of a file read."""
    with open(path) as source:
        text = source.read()
    templates = templates_of(yaml.safe_load(text)) if path.endswith(".yml") else [(text, False)]
    names = set()
    for template, is_bare in templates:
        parsed = Environment().parse("{{ %s }}" % template if is_bare else template)
        names |= {node.name for node in parsed.find_all(nodes.Name)}
    return names


@pytest.mark.parametrize("role", ROLES)
def test_roles_read_converted_options_only(role):
    files = [path for part in ("tasks/*.yml", "vars/*.yml", "templates/*.j2")
             for path in glob.glob(os.path.join(ROOT, "roles", role, part))]
    read = {path: variables_of(path) for path in files}
    assert any("__" + role in names for names in read.values())
    assert {os.path.basename(path): names & set(spec_of(role)) for path, names in read.items() if names & set(spec_of(role))} == {}
