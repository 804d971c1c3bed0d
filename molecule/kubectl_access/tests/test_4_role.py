# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the role kubectl_access, and its removal. Last, since the last test removes kubectl."""
import json
import re

import pytest
import yaml
from kubeconfigs import PLAYBOOK, ROLE
from lab import PREFIX, assert_rejected, lab_host, run_playbook, wait_for


def test_control_plane_is_used_if_the_node_itself_does_not_answer():
    def server():
        run = run_playbook(ROLE, variables={"kubectl_access_path": "/root/.kube/server"},
                           arguments=["--limit=bg4", "--tags=kubectl_access_kubeconfig"])
        assert run.code == 0, run.output
        return yaml.safe_load(lab_host("bg4").check_output("cat /root/.kube/server"))["clusters"][0]["cluster"]["server"]

    lab_host("bg4").check_output("docker stop nginx-proxy")
    try:
        assert server() == "https://%s.82:6443" % PREFIX
    finally:
        lab_host("bg4").check_output("docker start nginx-proxy")
        wait_for(lab_host("bg4"), 6443)
    assert server() == "https://127.0.0.1:6443"


def install_kubectl(check=False, **variables):
    """Run the role on bg4 with another path for kubectl, and return the Run."""
    return run_playbook(ROLE, arguments=["--limit=bg4"] + ["--check"] * check,
                        variables=dict({"kubectl_access_dest": "/root/kubectl"}, **variables))


@pytest.fixture
def other_path():
    yield lab_host("bg4")
    lab_host("bg4").check_output("rm -rf /root/kubectl /var/lib/rancher/rke2")


def test_newest_kubectl_of_a_series_is_installed(other_path):
    assert install_kubectl(kubectl_access_version="1.20").code == 0
    assert "v1.20.2" in other_path.check_output("/root/kubectl version --client --short")


def test_kubectl_is_copied_from_the_control_machine(other_path, tmp_path):
    def write(version):
        (tmp_path / "kubectl").write_text("#!/bin/sh\necho '%s'\n" % json.dumps({"clientVersion": {"gitVersion": version}}))
        return {"kubectl_access_file": str(tmp_path / "kubectl")}
    assert install_kubectl(check=True, **write("v1.21.14")).code == 0
    assert not other_path.file("/root/kubectl").exists
    assert install_kubectl(**write("v1.21.14")).code == 0
    assert "v1.21.14" in other_path.check_output("/root/kubectl")
    assert install_kubectl(**write("v1.21.14")).changed == 0
    run = install_kubectl(**write("v1.30.1"))
    message = "kubectl v1.30.1 differs by more than one minor version from the cluster's v1.20.2. Choose another kubectl_access_file"
    assert run.code != 0 and message in run.text


def test_kubectl_of_rke2_is_linked(other_path):
    other_path.check_output("mkdir -p /var/lib/rancher/rke2/bin && cd /var/lib/rancher/rke2/bin && cp /usr/local/bin/kubectl . "
                            "&& echo >>kubectl")
    assert install_kubectl().code == 0
    assert other_path.file("/root/kubectl").linked_to == "/var/lib/rancher/rke2/bin/kubectl"
    assert install_kubectl().changed == 0


def test_kubectl_with_another_checksum_is_rejected(other_path):
    site = lab_host("bg1")
    site.check_output("mkdir -p /srv/release/v1.20.2/bin/linux/amd64 && cd /srv/release/v1.20.2/bin/linux/amd64 && echo damaged >kubectl "
                      "&& sha256sum </usr/local/bin/kubectl | cut -d' ' -f1 >kubectl.sha256")
    site.check_output("systemd-run --unit=release python3 -m http.server 8099 --directory /srv")
    try:
        wait_for(site, 8099)
        run = install_kubectl(kubectl_access_release_url="http://%s.81:8099" % PREFIX)
        assert run.code != 0 and re.search(r"The checksum for \S+ did not match", run.text), run.output
        assert not other_path.file("/root/kubectl").exists
    finally:
        site.check_output("systemctl stop release; rm -rf /srv/release")


def test_identity_that_the_node_lacks_is_rejected():
    assert_rejected("has no certificate kube-apiserver with a key", playbook=ROLE, variables={"kubectl_access_identity": "kube-apiserver"},
                    arguments=["--limit=bg4"])


def test_directory_at_the_path_of_kubectl_is_rejected():
    lab_host("bg4").check_output("mkdir -p /usr/local/lib/kubectl/kubectl")
    assert_rejected("/usr/local/lib/kubectl is a directory; it must be a file or not exist", playbook=ROLE, arguments=["--limit=bg4"],
                    variables={"kubectl_access_dest": "/usr/local/lib/kubectl"})


def test_kubectl_that_does_not_match_the_cluster_is_rejected():
    assert_rejected("kubectl v1.15.3 differs by more than one minor version from the cluster's v1.20.2", playbook=ROLE,
                    arguments=["--limit=bg4"], variables={"kubectl_access_version": "1.15.3"})


@pytest.mark.parametrize("tag", ["kubectl_access_preflight", "kubectl_access_kubeconfig", "kubectl_access_kubectl"])
def test_each_tag_alone_changes_nothing_in_a_second_run(tag):
    run = run_playbook(ROLE, arguments=["--limit=bg2", "--tags=" + tag])
    assert run.code == 0 and run.changed == 0, run.output
    assert ("Write kubeconfigs with the requested permissions" in run.output) == (tag != "kubectl_access_preflight")
    assert ("Install kubectl" in run.output) == (tag == "kubectl_access_kubectl")


def test_user_other_than_root_is_rejected():
    assert_rejected("The tasks run as nobody on bg2; root is required", playbook=ROLE, arguments=["--limit=bg2"],
                    variables={"ansible_become": True, "ansible_become_user": "nobody"})


def test_removal_keeps_other_entries_of_the_kubeconfig():
    run = run_playbook(PLAYBOOK, arguments=["--limit=bg2"], variables={"kubectl_access_state": "absent"})
    assert run.code == 0, run.output
    host = lab_host("bg2")
    assert not host.file("/usr/local/bin/kubectl").exists and not host.file("/etc/profile.d/kubectl.sh").exists
    shown = yaml.safe_load(host.check_output("cat /root/.kube/config"))
    assert [item["name"] for item in shown["clusters"] + shown["users"] + shown["contexts"]] == ["home", "me", "home"]
