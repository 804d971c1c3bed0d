# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions and scripts of the role docker_ce for the data root."""
import os
import re
import subprocess

import jinja2
import pytest
import yaml
from conftest import ROOT


@pytest.mark.parametrize("is_link", [True, False])
def test_purged_data_is_removed_also_if_the_data_root_is_a_link(tmp_path, is_link):
    data, root = tmp_path / "disk" / "docker", tmp_path / "root"
    (data / "image").mkdir(parents=True)
    if is_link:
        root.symlink_to(data)
    with open(os.path.join(ROOT, "roles", "docker_ce", "templates", "remove_data.sh.j2")) as source:
        script = re.sub("{{.*?}}", str(root if is_link else data), source.read())
    subprocess.run(["sh", "-c", script], check=True)
    assert not data.exists()


def test_a_purge_removes_only_what_containerd_has_created_from_its_root(tmp_path):
    store = tmp_path / "srv"
    for name in ("io.containerd.content.v1.content", "tmpmounts", "precious"):
        (store / name / "directory").mkdir(parents=True)
    with open(os.path.join(ROOT, "roles", "docker_ce", "templates", "remove_data.sh.j2")) as source:
        script = re.sub("{{[^}]*?roots.*?}}", "", source.read())
    subprocess.run(["sh", "-c", re.sub("{{.*?}}", str(store), script)], check=True)
    assert os.listdir(str(store)) == ["precious"]


def test_a_configuration_that_cannot_be_read_prevents_a_removal_only_if_data_is_removed_too():
    with open(os.path.join(ROOT, "roles", "docker_ce", "tasks", "absent.yml")) as source:
        task = yaml.safe_load(source)[0]
    environment = jinja2.Environment()
    applies, holds = [environment.compile_expression(text) for text in (task["when"], task["ansible.builtin.assert"]["that"])]
    assert [applies(__docker_ce={"purge_data": purge}) for purge in (True, False)] == [True, False]
    assert [holds(__docker_ce_root={"problem": problem}) for problem in ("", "a sentence")] == [True, False]


@pytest.mark.parametrize("options, exec_start, command, is_checked", [
    ({}, "", "/usr/bin/dockerd", True), ({"storage-driver": "overlay2"}, "", "", True), ({"storage-driver": "vfs"}, "", "", False),
    ({}, "/usr/bin/dockerd --storage-driver=vfs", "/usr/bin/dockerd", False), ({}, "", "/usr/bin/dockerd --storage-driver vfs", False),
    ({}, "", "/usr/bin/dockerd -s vfs", False), ({}, "/usr/bin/dockerd -s=vfs", "", False), ({}, "", "/usr/bin/dockerd --dns-s x", True)])
def test_the_data_root_of_a_fresh_host_is_checked_for_overlay2_only(options, exec_start, command, is_checked):
    with open(os.path.join(ROOT, "roles", "docker_ce", "tasks", "check.yml")) as source:
        tasks = {task["name"]: task for task in yaml.safe_load(source)}
    task = tasks["Fail if Docker cannot use the data root of a fresh host"]
    names = {"__docker_ce_options": options, "__docker_ce": {"exec_start": exec_start},
             "__docker_ce_root": {"command": command, "path_problem": "a sentence"}}
    environment = jinja2.Environment()
    environment.tests["search"] = lambda text, pattern: bool(re.search(pattern, text))  # that of Ansible
    expressions = [environment.compile_expression(text) for text in task["when"] + [task["ansible.builtin.assert"]["that"]]]
    assert [expression(**names) for expression in expressions[:-1]].count(False) == (0 if is_checked else 1)
    assert not expressions[-1](**names)
