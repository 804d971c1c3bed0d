# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of kubectl that is installed, also for kinds of clusters that the lab does not have."""
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.filter.kubectl_version import kubectl_version

OUTPUT = '{"clientVersion": {"gitVersion": "v1.22.3"}}'


@pytest.mark.parametrize("requested, cluster, expected", [
    ("auto", "v1.21.5", "v1.21.5"),
    ("auto", "v1.27.3+rke2r1", "v1.27.3"),
    ("auto", "v1.27.3+k3s1", "v1.27.3"),
    ("auto", "v1.27.3-gke.100", "v1.27.3"),
    ("auto", "", ""),
    ("1.20.15", "v1.21.5", "v1.20.15"),
    ("v1.22.0-rc.1", "v1.21.5", "v1.22.0-rc.1"),
])
def test_version_follows_the_request_and_the_cluster(requested, cluster, expected):
    assert kubectl_version(requested, cluster) == expected


def test_newest_version_of_a_series_is_used():
    assert kubectl_version("1.20", "v1.21.5", newest="v1.20.15\n") == "v1.20.15"


def test_version_of_a_given_file_has_precedence():
    assert kubectl_version("auto", "v1.21.5", file="/k", file_output=OUTPUT) == "v1.22.3"


def test_version_of_a_file_that_was_not_run_is_unknown():
    assert kubectl_version("auto", "v1.21.5", file="/k", file_output="") == ""


@pytest.mark.parametrize("output", ["not JSON", "{}", "[]", '{"clientVersion": null}'])
def test_a_file_that_is_not_kubectl_is_rejected(output):
    with pytest.raises(AnsibleFilterError, match="Set kubectl_access_file to a kubectl program"):
        kubectl_version("auto", "v1.21.5", file="/k", file_output=output)
