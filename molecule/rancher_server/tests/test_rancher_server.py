# SPDX-License-Identifier: GPL-3.0-or-later
"""The server that the role rancher_server runs, and input that the role rejects."""
import json

from lab import PASSWORD, PREFIX, assert_rejected, lab_host, wait_for

PLAYBOOK = "molecule/rancher_server/converge.yml"
URL = "https://%s.60:8443" % PREFIX


def call_api(path, token=None, body=None):
    """Call the API from the server's host and return the JSON (dict)."""
    line = "curl --silent --insecure %s%s" % (URL, path)
    if token:
        line += " -H 'Authorization: Bearer %s'" % token
    if body:
        line += " -H 'Content-Type: application/json' -d '%s'" % json.dumps(body)
    return json.loads(lab_host("rancher1").check_output(line))


def log_in():
    return call_api("/v3-public/localProviders/local?action=login",
                    body={"username": "admin", "password": PASSWORD})["token"]


def state():
    return json.loads(lab_host("rancher1").file("/var/lib/rancher/state.json").content_string)


def test_container_runs_the_requested_version_with_its_state_on_the_host():
    shown = json.loads(lab_host("rancher1").check_output("docker inspect rancher"))[0]
    assert shown["Config"]["Image"] == "rancher/rancher:v2.6.2"
    assert shown["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert shown["HostConfig"]["Binds"] == ["/var/lib/rancher:/var/lib/rancher:rw"]
    assert shown["State"]["Running"]  # side_effect.yml has killed it


def test_password_and_url_of_the_server_are_set():
    token = log_in()
    assert call_api("/v3/settings/server-url", token)["value"] == URL
    assert call_api("/v3/settings/first-login", token)["value"] == "false"


def test_declared_clusters_exist_with_their_network():
    clusters = {item["name"]: item for item in call_api("/v3/clusters", log_in())["data"]}
    assert {"fay", "other"} <= set(clusters)
    rke = clusters["fay"]["rancherKubernetesEngineConfig"]
    assert rke["kubernetesVersion"] == "v1.21.5-rancher1-1"
    assert rke["network"]["plugin"] == "flannel"
    assert rke["network"]["options"]["flannel_backend_type"] == "host-gw"


def test_logins_leave_no_token():
    descriptions = [token["description"] for token in state()["tokens"].values()]  # those of this file's logins are empty
    assert not [text for text in descriptions if text.startswith("fay.rancher")]


def test_wrong_password_is_rejected():
    run = assert_rejected("rejects both the requested and the bootstrap password of user admin", playbook=PLAYBOOK,
                          variables={"rancher_admin_password": "Wrong-Password-1"})
    assert "Wrong-Password-1" not in run.output


def test_wrong_checksum_of_the_ca_is_rejected():
    assert_rejected("but ca_checksum is 0000", playbook=PLAYBOOK, variables={"rancher_ca_checksum": "0" * 64})


def test_version_that_the_server_does_not_offer_is_rejected():
    assert_rejected("does not offer Kubernetes v1.99.0", playbook=PLAYBOOK, variables={
        "rancher_server_clusters": [{"name": "new", "kubernetes_version": "v1.99.0"}]})


def test_url_without_https_is_rejected():
    assert_rejected("http://", playbook=PLAYBOOK, variables={"rancher_server_url": "http://%s.60" % PREFIX})


def test_too_little_space_is_rejected():
    assert_rejected("100000 GiB are required for the state of the Rancher server", playbook=PLAYBOOK,
                    variables={"rancher_server_min_free_gib": "100000"})


def test_port_in_use_is_rejected():
    host = lab_host("rancher1")
    host.check_output("systemd-run --unit=squatter python3 -m http.server 9443")
    try:
        wait_for(host, 9443)
        assert_rejected("These ports are in use: 9443 by python3", playbook=PLAYBOOK,
                        variables={"rancher_server_https_port": 9443})
    finally:
        host.check_output("systemctl stop squatter")
