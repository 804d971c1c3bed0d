# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents: links lead to files that users get, and variables, tags and make targets exist."""
import fnmatch
import glob
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT

DOCUMENTS = sorted(os.path.relpath(path, ROOT) for pattern in ("*.md", "docs/*.md", "roles/*/README.md", "tests/*/README.md")
                   for path in glob.glob(os.path.join(ROOT, pattern)))
ROLES = sorted(os.listdir(os.path.join(ROOT, "roles")))
PREFIXES = ("docker_ce_", "rancher_server_", "rke_node_", "kubectl_access_")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as source:
        return source.read()


def is_shipped(path):
    """Whether the tarball of the collection contains a path (build_ignore of galaxy.yml)."""
    ignored = yaml.safe_load(read("galaxy.yml"))["build_ignore"]
    return not any(fnmatch.fnmatch(path, pattern) or path.startswith(pattern + "/") for pattern in ignored)


def role_names(role):
    """Options and tags of a role."""
    entry_points = yaml.safe_load(read("roles/%s/meta/argument_specs.yml" % role))["argument_specs"].values()
    options = {name for entry_point in entry_points for name in entry_point["options"]}
    tasks = "".join(read(path) for path in glob.glob(os.path.join(ROOT, "roles", role, "tasks", "*.yml")))
    return options | set(re.findall(r"\b%s_\w+" % role, "".join(re.findall(r"tags: (.*)", tasks))))


NAMES = set().union(*map(role_names, ROLES)) | {name[:-3] for name in os.listdir(os.path.join(ROOT, "plugins", "modules"))}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_lead_to_files_that_the_reader_has(path):
    for target in re.findall(r"(?:\]\(|src=\"|srcset=\")([^)#\s\"]+)", read(path)):
        if "://" not in target:
            linked = os.path.normpath(os.path.join(os.path.dirname(path), target))
            assert os.path.exists(os.path.join(ROOT, linked)), target
            assert not is_shipped(path) or is_shipped(linked), "%s is not in the tarball" % target


def anchors(text):
    """The anchors that GitHub gives the headings: lower case, spaces as hyphens, no punctuation."""
    headings = re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?ms)^```.*?^```$", "", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_to_headings_lead_to_existing_headings(path):
    for target, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", read(path)):
        linked = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
        assert anchor in anchors(read(linked)), anchor


@pytest.mark.parametrize("path", DOCUMENTS)
def test_variables_and_tags_of_roles_exist(path):
    names = {name for name in re.findall(r"\b[a-z]+_[a-z_]+[a-z]\b", read(path)) if name.startswith(PREFIXES)}
    assert not names - NAMES


@pytest.mark.parametrize("path", DOCUMENTS)
def test_targets_of_make_exist(path):
    targets = set(re.findall(r"^([a-z0-9-]+):", read("Makefile"), re.M))
    assert set(re.findall(r"(?m)(?:^ {4}|`)make ([a-z][a-z0-9-]*)", read(path))) <= targets


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_each_plugin_and_role_is_named(name):
    plugins = [os.path.basename(path).rsplit(".", 1)[0] for pattern in ("modules/[a-z]*.py", "filter/[a-z]*.yml")
               for path in glob.glob(os.path.join(ROOT, "plugins", pattern))]
    assert not [plugin for plugin in plugins + ROLES if "`%s`" % plugin not in read(name) and "[`%s`]" % plugin not in read(name)
                and "`fay.rancher.%s`" % plugin not in read(name)]


def test_execution_environments_get_the_packages_of_a_file_in_the_tarball():
    path = yaml.safe_load(read("meta/execution-environment.yml"))["dependencies"]["python"]
    assert is_shipped(path) and read(path).split() == ["PyYAML"]


@pytest.mark.parametrize("text", [None, "# A role", "<!-- end of variables -->"])
def test_a_role_without_a_table_of_variables_is_reported(tmp_path, text):
    shutil.copytree(os.path.join(ROOT, "roles", "rke_node"), str(tmp_path / "roles" / "rke_node"))
    (tmp_path / "tests").mkdir()
    shutil.copy(os.path.join(ROOT, "tests", "variables"), str(tmp_path / "tests"))
    command = [sys.executable, str(tmp_path / "tests" / "variables"), "--check"]
    assert subprocess.run(command).returncode == 0
    readme = tmp_path / "roles" / "rke_node" / "README.md"
    readme.unlink()
    if text is not None:
        readme.write_text(text)
    run = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 1 and run.stderr.startswith("roles/rke_node/README.md: a README with the lines")


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.endswith(".zh-CN.md")])
def test_both_languages_name_the_same_commands_and_variables(path):
    def facts(name):
        return set(re.findall(r"`([^`\n]+)`", re.sub(r"(?s)```.*?```", "", read(name))))

    assert facts(path) ^ facts(path.replace(".zh-CN", "")) == set()


def test_variables_of_playbooks_can_be_set_in_an_inventory():
    """A play's `vars` have precedence over an inventory, so they contain internal variables only."""
    for name in os.listdir(os.path.join(ROOT, "playbooks")):
        for play in yaml.safe_load(read("playbooks/" + name)):
            assert [variable for variable in play.get("vars", {}) if not variable.startswith("__")] == [], name


def test_the_configuration_of_the_checkout_leaves_host_keys_checked():
    assert "host_key_checking" not in read("ansible.cfg")
