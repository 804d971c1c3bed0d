"""The filters over kubeconfigs, and a file of many clusters."""
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.filter.kubeconfig import FilterModule
from ansible_collections.fay.rancher.plugins.module_utils import _kubeconfig

FILTERS = FilterModule().filters()


def cluster(name):
    names = dict.fromkeys(("cluster", "user", "context"), name)
    return _kubeconfig.build(names, {"server": "https://" + name}, {"token": "secret-" + name})


def fifty():
    value = _kubeconfig.empty()
    for number in range(50):
        value = FILTERS["kubeconfig_merge"](value, cluster("c%02d" % number))
    return value


def test_a_file_of_fifty_clusters():
    value = fifty()
    assert [len(value[plural]) for plural in ("clusters", "contexts", "users")] == [50, 50, 50]
    assert value["current-context"] == "c49"
    assert FILTERS["kubeconfig_merge"](value, cluster("c07"), current=False) == value
    part = FILTERS["kubeconfig_subset"](value, ["c07", "c31"])
    assert [item["name"] for item in part["users"]] == ["c07", "c31"]
    renamed = FILTERS["kubeconfig_rename"](part, contexts={"c07": "home"})
    assert renamed["current-context"] == "home" and part["current-context"] == "c07"
    assert "secret" not in str(FILTERS["kubeconfig_redact"](value))


@pytest.mark.parametrize("value", ["text", [], {"kind": "Pod"}, {"users": 5}])
def test_what_is_no_kubeconfig_is_told(value):
    with pytest.raises(AnsibleFilterError, match="This is no kubeconfig that kubeconfig_redact can take: it"):
        FILTERS["kubeconfig_redact"](value)
    with pytest.raises(AnsibleFilterError, match="it has no context nowhere"):
        FILTERS["kubeconfig_subset"](cluster("a"), ["nowhere"])
