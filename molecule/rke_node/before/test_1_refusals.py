"""What is refused on fresh hosts, before anything is changed."""
import pytest
from lab import PREFIX, on, refused, wait_for


def inventory(tmp_path, text):
    path = tmp_path / "more.yml"
    path.write_text(text)
    return [str(path)]


@pytest.fixture(autouse=True)
def nothing_is_there_afterwards():
    yield
    for name in ("rancher1", "bg1", "bg4"):
        assert not on(name).file("/etc/docker").exists
        assert not on(name).exists("dockerd")


def test_no_password():
    refused("There is no rancher_admin_password. Create it, encrypted, with",
            variables={"rancher_admin_password": ""})


def test_a_host_with_no_role(tmp_path):
    refused("in the group of a cluster but have no role in it: bg9.",
            inventories=inventory(tmp_path, "fay: {hosts: {bg9: }}"))


def test_two_hosts_of_one_name(tmp_path):
    refused("bg1 is bg1 at %s.71, bg4 is bg1 at %s.72" % (PREFIX, PREFIX),
            inventories=inventory(tmp_path, "all: {hosts: {bg4: {rke_node_name: bg1}}}"))


def test_no_etcd_node(tmp_path):
    refused("The cluster fay would have no node with the role etcd.",
            inventories=inventory(tmp_path, "all: {hosts: {bg1: {rke_node_roles: [controlplane]}}}"))


def test_an_occupied_port():
    on("bg1").check_output("systemd-run --unit=squatter python3 -m http.server 6443")
    wait_for(on("bg1"), 6443)
    try:
        refused("On bg1 these ports are in use: {'6443': 'python3'}")
    finally:
        on("bg1").check_output("systemctl stop squatter")


@pytest.mark.parametrize("variable, message", [
    ("rke_node_min_free_gib", "a node needs 100000 for its images"),
    ("rancher_server_min_free_gib", "the server needs 100000"),
    ("docker_ce_min_free_gib", "GiB free, it needs 100000"),
])
def test_too_little_space(variable, message):
    # a text, as -e NAME=VALUE gives it
    refused(message, variables={variable: "100000"})


def test_an_unreachable_server():
    refused("Rancher does not answer at https://%s.250" % PREFIX, playbook="molecule/rke_node/join.yml",
            variables={"rancher_url": "https://%s.250" % PREFIX})
