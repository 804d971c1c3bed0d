# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RKE1 clusters in the stand-in: which fields are rejected or sent, and changes by somebody else."""
import pytest
from ansible_collections.fay.rancher.plugins.module_utils._rancher import rke1_cluster
from ansible_collections.fay.rancher.plugins.module_utils._rancher.schema import check_fields, is_of_type
from ansible_collections.fay.rancher.plugins.module_utils._rancher.transport import RancherError
from rancher_clients import FaultyOpener, client_of

FAY = {"name": "fay", "kubernetes_version": "v1.21.5-rancher1-1", "docker_root_dir": "/appdata/lib/docker",
       "network": {"plugin": "flannel", "backend": "vxlan"}}


def fields_of(**changes):
    return rke1_cluster.desired_fields(dict(FAY, **changes))


@pytest.mark.parametrize("changes, message", [
    ({"kubernetes_version": "v1.99.0-rancher1-1"},
     "does not offer Kubernetes v1.99.0-rancher1-1. Set kubernetes_version to one of: .*v1.21.5"),
    ({"kubernetes_version": "v1.21.x"}, "does not offer Kubernetes v1.21.x"),
    ({"name": "FAY"}, "'FAY' is not a valid DNS label"),
    ({"name": "fay_1"}, "'fay_1' is not a valid DNS label"),
    ({"name": ""}, "'' is not a valid DNS label"),
    ({"network": {"plugin": "flannel", "mtu": 1400}}, "network.mtu is 1400, but Rancher cannot build .* Remove mtu"),
    ({"network": {"plugin": "calico", "backend": "vxlan"}}, "calico does not support the option backend; only canal or flannel does"),
    ({"rke_config": {"nosuchField": 1}}, "rke_config has no field nosuchField. Its fields are: .*upgradeStrategy"),
    ({"rke_config": {"ignoreDockerVersion": "maybe"}}, "ignoreDockerVersion is 'maybe'; the type boolean is required"),
    ({"rke_config": {"privateRegistries": {}}}, "privateRegistries is {}; a list is required"),
    ({"rke_config": {"addonJobTimeout": True}}, "addonJobTimeout is True; the type int is required"),
    ({"rke_config": {"kubernetesVersion": "x"}}, "Use the option kubernetes_version"),
])
def test_fields_that_the_server_would_ignore_are_rejected_before_they_are_sent(standin, changes, message):
    opener = FaultyOpener()
    with pytest.raises(RancherError, match=message), client_of(standin, opener) as client:
        rke1_cluster.check_support(client, fields_of(**changes))
    assert not [request for request in opener.requests if request.startswith(("POST /v3/clusters", "PUT"))]


@pytest.mark.parametrize("type_name, valid, invalid", [
    ("int", [0, 7], [True, "7", 1.5]), ("boolean", [True, False], [0, "true"]), ("string", ["", "a"], [1, ["a"]]),
    ("date", ["2026-11-26"], [2026]), ("password", ["secret"], [{}])])
def test_values_are_compared_with_the_simple_types_of_schemas(type_name, valid, invalid):
    assert [is_of_type(value, type_name) for value in valid + invalid] == [True] * len(valid) + [False] * len(invalid)


@pytest.mark.parametrize("value, message", [
    ({"services": {"kubelet": {"nosuchField": 1}}}, "rke_config.services.kubelet has no field nosuchField. Its fields are: extraArgs"),
    ({"services": {"kubelet": {"extraArgs": ["x"]}}}, "rke_config.services.kubelet.extraArgs is ['x']; a map is required"),
    ({"services": {"kubelet": {"extraArgs": {"max-pods": 200}}}}, "extraArgs[max-pods] is 200; the type string is required"),
    ({"services": "none"}, "rke_config.services is 'none'; a map is required (rkeConfigServices)"),
])
def test_nested_fields_are_compared_with_their_schemas(value, message):
    schemas = {"rkeConfigServices": {"kubelet": {"type": "kubeletService"}}, "kubeletService": {"extraArgs": {"type": "map[string]"}}}

    def fetch_schema(type_name):
        return {"resourceFields": schemas[type_name]}

    with pytest.raises(RancherError) as error:
        check_fields(value, {"resourceFields": {"services": {"type": "rkeConfigServices"}}}, fetch_schema, "rke_config")
    assert message in str(error.value)


def test_a_server_without_rke1_is_rejected():
    with pytest.raises(RancherError, match="Rancher v2.12.0 does not support RKE1 clusters. Rancher 2.11 or earlier"):
        rke1_cluster.check_server_version("v2.12.0")
    rke1_cluster.check_server_version("v2.11.9")
    rke1_cluster.check_server_version("dev")


def test_only_the_difference_is_sent(standin):
    with client_of(standin) as client:
        current = rke1_cluster.create(client, fields_of(name="kept"))
        assert rke1_cluster.difference(current, fields_of(name="kept")) == {}
        client.request("PUT", "/v3/clusters/" + current["id"], {"name": "kept", "labels": {"team": "ops"}})
        fields = fields_of(name="kept", description="changed here")
        assert rke1_cluster.difference(current, fields) == {"description": "changed here", "name": "kept"}
        cluster = rke1_cluster.update(client, current, fields)
        assert cluster["labels"]["team"] == "ops" and cluster["description"] == "changed here"


def test_a_change_of_the_rke_config_contains_the_rest_of_it():
    current = {"name": "fay", "rancherKubernetesEngineConfig": {"kubernetesVersion": "v1", "services": {"etcd": {"snapshot": True}}}}
    fields = {"name": "fay", "rancherKubernetesEngineConfig": {"services": {"kubelet": {"extraArgs": {"max-pods": "200"}}}}}
    assert rke1_cluster.difference(current, fields)["rancherKubernetesEngineConfig"] == {
        "kubernetesVersion": "v1", "services": {"etcd": {"snapshot": True}, "kubelet": {"extraArgs": {"max-pods": "200"}}}}


def test_empty_values_that_the_server_adds_are_not_changes_by_others():
    added = {"description": "", "enableNetworkPolicy": False}
    assert rke1_cluster.changed_by_others({}, added, list(added)) == []
    assert rke1_cluster.changed_by_others({}, {"description": "theirs"}, ["description"]) == ["description"]


def test_a_concurrent_change_is_reported_and_kept(standin):
    with client_of(standin) as client:
        current = rke1_cluster.create(client, fields_of(name="contested"))
        client.request("PUT", "/v3/clusters/" + current["id"], {"name": "contested", "description": "theirs"})
        with pytest.raises(RancherError, match="Somebody else is changing the cluster contested: description changed during this run"):
            rke1_cluster.update(client, current, fields_of(name="contested", description="mine"))
        assert client.cluster("contested")["description"] == "theirs"


def test_a_change_that_the_server_does_not_keep_is_reported():
    class Client:
        def request(self, method, path, body=None):
            return {"id": "c-1", "name": "fay", "description": "old"}

    with pytest.raises(RancherError, match="The cluster fay still has other values of description"):
        rke1_cluster.update(Client(), {"id": "c-1", "name": "fay", "description": "old"}, {"name": "fay", "description": "new"})


def test_apply_creates_once_and_changes_nothing_in_check_mode(standin):
    fields = fields_of(name="applied")
    with client_of(standin) as client:
        assert rke1_cluster.apply_fields(client, fields, check_mode=True) == ({}, dict.fromkeys(fields), fields)
        assert client.cluster("applied") is None
        cluster, _before, after = rke1_cluster.apply_fields(client, fields, check_mode=False)
        assert cluster["id"] and after == fields
        assert rke1_cluster.apply_fields(client, fields, check_mode=False)[1:] == ({}, {})
