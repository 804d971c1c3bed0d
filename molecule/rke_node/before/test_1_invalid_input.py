# SPDX-License-Identifier: GPL-3.0-or-later
"""Invalid input on fresh hosts is rejected before anything is changed."""
import pytest
from lab import PREFIX, assert_rejected, lab_host, run_playbook, wait_for


def inventory(tmp_path, text):
    path = tmp_path / "more.yml"
    path.write_text(text)
    return [str(path)]


@pytest.fixture(autouse=True)
def check_that_nothing_was_installed():
    yield
    for name in ("rancher1", "bg1", "bg4"):
        assert not lab_host(name).file("/etc/docker").exists
        assert not lab_host(name).exists("dockerd")


def test_missing_password_is_rejected():
    assert_rejected("There is no rancher_admin_password. Create it, encrypted, with",
                    variables={"rancher_admin_password": ""})


def test_host_without_a_role_is_rejected(tmp_path):
    assert_rejected("These hosts are in the group of a cluster but have no role in it: bg9.",
                    inventories=inventory(tmp_path, "fay: {hosts: {bg9: }}"))


def test_hosts_with_the_same_node_name_are_rejected(tmp_path):
    assert_rejected("bg1 is bg1 at %s.71, bg4 is bg1 at %s.72" % (PREFIX, PREFIX),
                    inventories=inventory(tmp_path, "all: {hosts: {bg4: {rke_node_name: bg1}}}"))


def test_cluster_without_etcd_is_rejected(tmp_path):
    assert_rejected("The cluster fay has no node with the role etcd.",
                    inventories=inventory(tmp_path, "all: {hosts: {bg1: {rke_node_roles: [controlplane]}}}"))


def test_port_in_use_is_rejected():
    lab_host("bg1").check_output("systemd-run --unit=squatter python3 -m http.server 6443")
    wait_for(lab_host("bg1"), 6443)
    try:
        assert_rejected("bg1: These ports are in use: 6443 by python3")
    finally:
        lab_host("bg1").check_output("systemctl stop squatter")


@pytest.mark.parametrize("variable, message", [
    ("rke_node_min_free_gib", "100000 GiB are required for the images of a node"),
    ("rancher_server_min_free_gib", "100000 GiB are required for the state of the Rancher server"),
    ("docker_ce_min_free_gib", "100000 GiB are required for a new data root of Docker"),
])
def test_too_little_space_is_rejected(variable, message):
    # A string, as -e NAME=VALUE makes one.
    assert_rejected(message, variables={variable: "100000"})


@pytest.mark.parametrize("arguments", [[], ["--tags=rke_node_join"]], ids=["the whole role", "rke_node_join alone"])
def test_unreachable_server_is_rejected(arguments):
    assert_rejected("Rancher does not answer at https://%s.250" % PREFIX, playbook="molecule/rke_node/join.yml",
                    variables={"rancher_url": "https://%s.250" % PREFIX}, arguments=arguments)


def test_preflight_alone_changes_nothing():
    run = run_playbook("molecule/rke_node/join.yml", variables={"rancher_url": "https://%s.250" % PREFIX},
                       arguments=["--tags=rke_node_preflight"])
    assert run.code == 0 and run.changed == 0, run.output


def test_disk_on_which_the_kubelet_evicts_all_pods_is_rejected():
    assert_rejected("the kubelet evicts all pods at imagefs.available<99.9%", variables={
        "rke_node_eviction_hard": "imagefs.available<99.9%,nodefs.available<1Mi"})


def test_user_other_than_root_is_rejected():
    assert_rejected("The tasks run as nobody on bg1; root is required", playbook="molecule/rke_node/join.yml", arguments=["--limit=bg1"],
                    variables={"ansible_become": True, "ansible_become_user": "nobody"})


def test_invalid_node_name_is_rejected():
    assert_rejected("a name of lower-case letters, digits, hyphens and dots (rke_node_name)", variables={"rke_node_name": "BG_1"})


def test_roles_can_be_given_as_a_string():
    assert_rejected("The cluster fay has no node with the role worker.",
                    arguments=["--extra-vars=rke_node_roles=etcd,controlplane"])
