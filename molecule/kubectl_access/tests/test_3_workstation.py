# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook kubeconfig, which adds clusters to the kubeconfig on the control machine."""
import glob
import json
import os
import re
import tempfile

import pytest
import yaml
from lab import PREFIX, lab_host, run_playbook


@pytest.fixture
def host_without_yaml():
    """bg2 without PyYAML, like a host on which no role has run."""
    place = lab_host("bg2").check_output("python3 -c 'import yaml; print(yaml.__path__[0])'")
    lab_host("bg2").check_output("mv %s %s.away", place, place)
    yield lab_host("bg2")
    lab_host("bg2").check_output("mv %s.away %s", place, place)


def test_cluster_is_added_on_the_control_machine_while_rancher_is_down(tmp_path, host_without_yaml):
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\nkind: Config\nclusters: [{name: home, cluster: {server: 'https://192.0.2.1'}}]\n")
    lab_host("rancher1").check_output("docker stop rancher")
    local_files = set(glob.glob(os.path.join(tempfile.gettempdir(), "ansible.*")))
    remote_files = host_without_yaml.check_output("ls /tmp /root")
    try:
        options = {"variables": {"kubectl_access_workstation_path": str(path)},
                   "arguments": ["--diff", "-vvv", "--become", "--become-method=su"]}
        before = path.read_text()
        checked = run_playbook("playbooks/kubeconfig.yml", variables=options["variables"], arguments=options["arguments"] + ["--check"])
        assert checked.code == 0 and checked.changed == 1 and path.read_text() == before, checked.output
        run = run_playbook("playbooks/kubeconfig.yml", **options)
        assert run.code == 0 and run.changed == 1, run.output
        assert "may get nodes, get pods, get pods/log, get secrets, get configmaps" in run.text
        assert re.search(r"bg\d \S+ /etc/kubernetes/ssl/\S+ \d+ days left, until 20\S+\", \"\d\d more expire later", run.text), run.output
        config = yaml.safe_load(path.read_text())
        assert [item["name"] for item in config["clusters"]] == ["fay", "home"] and config["current-context"] == "fay"
        opener = host_without_yaml.check_output("base64 -w0 /etc/kubernetes/ssl/kube-node-key.pem")
        for secret in (config["users"][0]["user"]["client-key-data"][:60], opener[-60:], "PRIVATE KEY"):
            assert secret not in run.output
        assert run_playbook("playbooks/kubeconfig.yml", **options).changed == 0
        assert set(glob.glob(os.path.join(tempfile.gettempdir(), "ansible.*"))) == local_files
        assert host_without_yaml.check_output("ls /tmp /root") == remote_files
    finally:
        lab_host("rancher1").check_output("docker start rancher")


def test_several_clusters_are_added_although_a_control_plane_is_down(tmp_path):
    """The lab has one cluster, which gets two more names here, one of them with a control plane that is down."""
    address = PREFIX + ".82"
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"children": {
        "controlplane": {"hosts": {
            "gone": {"ansible_host": PREFIX + ".99", "rancher_cluster": "one"},
            "bg2x": {"ansible_host": address, "rancher_cluster": "one"},
            address: {"rancher_cluster": "two"}}}}}}))

    def run(path):
        result = run_playbook("playbooks/kubeconfig.yml", variables={"kubectl_access_workstation_path": str(tmp_path / path)},
                              inventories=[str(tmp_path / "hosts.yml")])
        assert result.code == 4 and result.recap["gone"]["unreachable"] == 1, result.output
        assert sum(counts["failed"] + counts["unreachable"] for counts in result.recap.values()) == 1, result.output

    run("all")
    run("of-{{ rancher_cluster }}")
    names = ["fay", "one", "two"]
    together = yaml.safe_load((tmp_path / "all").read_text())
    assert [item["name"] for item in together["contexts"]] == names
    assert {item["cluster"]["server"] for item in together["clusters"]} == {"https://%s:6443" % address}
    for name in names:
        assert [item["name"] for item in yaml.safe_load((tmp_path / ("of-" + name)).read_text())["contexts"]] == [name]


def test_cluster_of_k3s_is_added_on_the_control_machine(tmp_path):
    """The files of K3s, with the administrator of this cluster, on a host without RKE. K3s itself does not run."""
    admin = yaml.safe_load(lab_host("bg2").check_output("cat /root/.kube/admin"))
    authority = lab_host("bg2").check_output("base64 -w0 /etc/kubernetes/ssl/kube-ca.pem")
    user, host, tls = admin["users"][0]["user"], lab_host("rancher1"), "/var/lib/rancher/k3s/server/tls/"
    host.check_output("mkdir -p " + tls)
    for name, text in (("server-ca.crt", authority), ("client-ca.crt", authority), ("client-admin.crt", user["client-certificate-data"]),
                       ("client-admin.key", user["client-key-data"])):
        host.check_output("echo %s | base64 -d >%s", text, tls + name)
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"children": {
        "controlplane": {"hosts": {"edge1": {"ansible_host": PREFIX + ".80", "rancher_cluster": "edge"}}}}}}))
    options = {"inventories": [str(tmp_path / "hosts.yml")], "arguments": ["--limit=edge1"], "variables": {
        "kubectl_access_workstation_path": str(tmp_path / "config"), "kubectl_access_workstation_servers": ["https://%s.82:6443" % PREFIX]}}
    try:
        run = run_playbook("playbooks/kubeconfig.yml", **options)
        assert run.code == 0 and "get pods/log" in run.text and tls + "client-admin.crt" in run.text, run.output
        assert yaml.safe_load((tmp_path / "config").read_text())["current-context"] == "edge"
        assert run_playbook("playbooks/kubeconfig.yml", **options).changed == 0
    finally:
        host.check_output("rm -rf /var/lib/rancher/k3s")
