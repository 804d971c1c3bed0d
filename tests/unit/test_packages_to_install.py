# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages of Docker have to be installed."""
import pytest
from ansible_collections.fay.rancher.plugins.filter.packages_to_install import has_version, packages_to_install


@pytest.mark.parametrize("installed, wanted, expected", [
    ("5:20.10.24~3-0~debian-bookworm", "20.10", True), ("3:20.10.24-3.el9", "20.10", True),
    ("5:20.10.24~3-0~debian-bookworm", "20.10.24", True),
    ("5:20.10.24~3-0~debian-bookworm", "20.10.2", True),  # as the pattern 20.10.2* does
    ("5:20.10.24~3-0~debian-bookworm", "20.10.9", False), ("5:20.1.5-1", "20.10", False), ("5:20.100.5-1", "20.10", False),
    ("5:26.1.5-1~debian.bookworm", "20.10", False), ("1.7.24-1", "1.7", True), ("1.7.24-1", "", True), ("1.7.24-1", "7.24", False),
    ("5:26.1.5-1", "5:26.1.5", False),
])
def test_versions_and_series(installed, wanted, expected):
    assert has_version(installed, wanted) is expected


def test_missing_packages_and_packages_of_another_version_are_returned():
    installed = {"docker-ce": "5:26.1.5-1", "containerd.io": "1.7.24-1", "unrelated": "1"}
    wanted = {"docker-ce": "20.10", "containerd.io": "", "docker-ce-cli": "", "docker-buildx-plugin": ""}
    assert packages_to_install(installed, wanted) == ["docker-buildx-plugin", "docker-ce", "docker-ce-cli"]
    assert packages_to_install(installed, {"docker-ce": "26.1", "containerd.io": "1.7.24"}) == []
