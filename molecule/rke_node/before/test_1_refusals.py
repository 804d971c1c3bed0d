"""What is refused on fresh hosts, before anything is changed."""
import pytest
from lab import PREFIX, on, play, refused, wait_for


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
    refused("in the group fay but have no role in the cluster: bg9.",
            inventories=inventory(tmp_path, "fay: {hosts: {bg9: }}"))


def test_two_hosts_of_one_name(tmp_path):
    refused("bg1 is bg1 at %s.71, bg4 is bg1 at %s.72" % (PREFIX, PREFIX),
            inventories=inventory(tmp_path, "all: {hosts: {bg4: {rke_node_name: bg1}}}"))


def test_no_etcd_node(tmp_path):
    refused("The cluster fay has no node with the role etcd.",
            inventories=inventory(tmp_path, "all: {hosts: {bg1: {rke_node_roles: [controlplane]}}}"))


def test_an_occupied_port():
    on("bg1").check_output("systemd-run --unit=squatter python3 -m http.server 6443")
    wait_for(on("bg1"), 6443)
    try:
        refused("bg1: These ports are in use: 6443 by python3")
    finally:
        on("bg1").check_output("systemctl stop squatter")


@pytest.mark.parametrize("variable, message", [
    ("rke_node_min_free_gib", "100000 GiB are required for the images of a node"),
    ("rancher_server_min_free_gib", "100000 GiB are required for the state of the Rancher server"),
    ("docker_ce_min_free_gib", "100000 GiB are required for a new data root of Docker"),
])
def test_too_little_space(variable, message):
    # a text, as -e NAME=VALUE gives it
    refused(message, variables={variable: "100000"})


@pytest.mark.parametrize("arguments", [[], ["--tags=rke_node_join"]], ids=["the whole role", "rke_node_join alone"])
def test_an_unreachable_server(arguments):
    refused("Rancher does not answer at https://%s.250" % PREFIX, playbook="molecule/rke_node/join.yml",
            variables={"rancher_url": "https://%s.250" % PREFIX}, arguments=arguments)


def test_the_preflight_alone_changes_nothing():
    run = play("molecule/rke_node/join.yml", variables={"rancher_url": "https://%s.250" % PREFIX}, arguments=["--tags=rke_node_preflight"])
    assert run.code == 0 and run.changed == 0, run.output


def test_a_disk_on_which_the_kubelet_would_evict_every_pod():
    refused("the kubelet evicts all pods at imagefs.available<99.9%", variables={
        "rke_node_eviction_hard": "imagefs.available<99.9%,nodefs.available<1Mi"})


def test_an_ordinary_user():
    refused("The tasks run as nobody on bg1; root is required", playbook="molecule/rke_node/join.yml", arguments=["--limit=bg1"],
            variables={"ansible_become": True, "ansible_become_user": "nobody"})


def test_a_node_name_that_kubernetes_does_not_take():
    refused("a name of lower-case letters, digits and hyphens (rke_node_name)", variables={"rke_node_name": "BG_1"})


def test_roles_in_a_string():
    refused("The cluster fay has no node with the role worker.",
            arguments=["--extra-vars=rke_node_roles=etcd,controlplane"])
