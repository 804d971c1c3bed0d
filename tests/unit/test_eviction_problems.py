# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which filesystems have so little free space that a kubelet would evict pods."""
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.filter.eviction_problems import eviction_problems

GIB = 2 ** 30


def disk(size, free, reserve=0):
    return {"path": "/data", "size": size * GIB, "free": free * GIB, "reserve": reserve * GIB}


def test_a_disk_with_eleven_percent_free_is_reported():
    problems = eviction_problems({"imagefs": disk(252, 30, 10)})
    assert problems == ["/data has 30.0 of 252.0 GiB free (11 %); the kubelet evicts all pods at imagefs.available<15%, and 10.0 GiB are "
                        "still to be written, so 47.8 GiB are required"]


@pytest.mark.parametrize("filesystems, thresholds, count", [
    ({"imagefs": disk(100, 25, 10)}, "", 0),
    ({"imagefs": disk(100, 24, 10)}, "", 1),
    ({"nodefs": disk(100, 10)}, "", 0),
    ({"nodefs": disk(100, 9)}, "", 1),
    ({"imagefs": disk(100, 5), "nodefs": disk(100, 5)}, "", 2),
    ({"imagefs": disk(252, 13, 10), "nodefs": disk(252, 3)}, "imagefs.available<2Gi,nodefs.available<2Gi", 0),
    ({"imagefs": disk(252, 11, 10)}, "imagefs.available<2Gi", 1),
    ({"nodefs": disk(252, 1)}, "imagefs.available<2Gi", 0),  # a signal without a threshold never causes evictions
    ({"nodefs": disk(252, 1)}, "memory.available<100Mi,nodefs.inodesFree<5%", 0),
    ({"nodefs": disk(252, 1)}, "nodefs.available<2000000000", 1),
    ({"nodefs": disk(0, 0)}, "", 0),
    ({"nodefs": disk(252, 1)}, " nodefs.available < 2Gi ,,", 1),  # as the kubelet reads it
    ({"nodefs": disk(252, 1)}, ",", 0),  # the kubelet then has no threshold
])
def test_each_threshold_applies_to_its_filesystem(filesystems, thresholds, count):
    assert len(eviction_problems(filesystems, thresholds)) == count


@pytest.mark.parametrize("thresholds", [
    "nodefs.available", "nodefs.available<", "nodefs.available<5Xi", "nodefs.available<1.2.3Gi", "nodefs.available<5Gi, ", "x"])
def test_an_invalid_threshold_is_reported(thresholds):
    with pytest.raises(AnsibleFilterError, match="is not an eviction threshold"):
        eviction_problems({"nodefs": disk(100, 50)}, thresholds)
