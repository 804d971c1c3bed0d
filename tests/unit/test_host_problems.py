# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements on space, ports and files of a host."""
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.filter.host_problems import host_problems

GIB = 2**30
SPACE = [{"path": "/data", "gib": 10, "purpose": "the images", "remedy": "Free some space"}]
PORTS = {"purpose": "the server", "remedy": "Stop the program", "ignored_programs": ["docker-proxy"]}
FILES = [{"path": "/usr/local/bin/kubectl", "remedy": "Remove it"}]


def test_a_host_that_meets_all_requirements_has_no_problems():
    facts = {"free": {"/data": 10 * GIB}, "occupied": {}, "existing": []}
    assert host_problems(facts, space=SPACE, ports=PORTS, files=FILES) == []


def test_too_little_space_is_reported_with_what_is_required():
    assert host_problems({"free": {"/data": 3 * GIB}}, space=SPACE) == [
        "/data has 3.0 GiB free; 10 GiB are required for the images. Free some space"]


def test_a_size_may_be_a_string_as_from_a_template_of_ansible_core_2_16():
    assert len(host_problems({"free": {"/data": 3 * GIB}}, space=[dict(SPACE[0], gib="10")])) == 1


def test_ports_in_use_are_reported_in_order_with_their_programs():
    facts = {"occupied": {"443": "nginx", "80": "?"}}
    assert host_problems(facts, ports=PORTS) == [
        "These ports are in use: 80 by an unknown program, 443 by nginx. They must be free for the server. Stop the program"]


@pytest.mark.parametrize("ports", [PORTS, None])
def test_ports_of_ignored_programs_and_unchecked_ports_are_not_reported(ports):
    assert host_problems({"occupied": {"443": "docker-proxy" if ports else "nginx"}}, ports=ports) == []


def test_a_directory_in_the_place_of_a_file_is_reported():
    assert host_problems({"existing": ["/usr/local/bin/kubectl/."]}, files=FILES) == [
        "/usr/local/bin/kubectl is a directory; it must be a file or not exist. Remove it"]
    assert host_problems({"existing": ["/usr/local/bin/kubectl"]}, files=FILES) == []


def test_all_problems_of_a_host_are_reported_at_once():
    facts = {"free": {"/data": 0}, "occupied": {"443": "nginx"}, "existing": ["/usr/local/bin/kubectl/."]}
    assert len(host_problems(facts, space=SPACE, ports=PORTS, files=FILES)) == 3


@pytest.mark.parametrize("facts, requirements, key", [
    ({"free": {"/data": 0}}, {"space": [{"path": "/data"}]}, "gib"),
    ({"free": {}}, {"space": SPACE}, "/data"),
    ({"occupied": {"80": "nginx"}}, {"ports": {"remedy": "Stop it"}}, "purpose"),
    ({"existing": ["/a/."]}, {"files": [{"path": "/a"}]}, "remedy"),
])
def test_a_missing_key_is_named(facts, requirements, key):
    with pytest.raises(AnsibleFilterError, match="host_problems: the key '%s' is missing in the requirements or in the result" % key):
        host_problems(facts, **requirements)
