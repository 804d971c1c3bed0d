# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter eviction_problems, documented in eviction_problems.yml."""
import re

from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.plugin_utils._plain_data import plain_data

# The kubelet's default thresholds for space: kubernetes @v1.21.5 pkg/kubelet/apis/config/v1beta1/defaults_linux.go.
DEFAULT_THRESHOLDS = "imagefs.available<15%,nodefs.available<10%"
# Suffixes of quantities: kubernetes apimachinery pkg/api/resource/suffix.go.
SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
THRESHOLD = re.compile(r"(?P<signal>[A-Za-z.]+)\s*<\s*(?P<number>[0-9.]+)(?P<suffix>%|[A-Za-z]*)$")
GIB = 2**30


def parse_thresholds(text):
    """[(signal, number, suffix)] of an `--eviction-hard`, such as ("imagefs.available", 15.0, "%"). Raises AnsibleFilterError."""
    # The kubelet skips empty items, rejects items of spaces, and trims the others: component-base
    # cli/flag/langle_separated_map_string_string.go.
    return [parse_threshold(item) for item in text.split(",") if item]


def parse_threshold(item):
    match = THRESHOLD.match(item.strip())
    try:
        suffix = match.group("suffix")
        if suffix != "%" and suffix not in SUFFIXES:
            raise ValueError
        return match.group("signal"), float(match.group("number")), suffix
    except (AttributeError, ValueError):
        raise AnsibleFilterError("eviction_problems: %r is not an eviction threshold; SIGNAL<QUANTITY or SIGNAL<PERCENT%% is required, "
                                 "such as imagefs.available<15%%. Correct rke_node_eviction_hard" % item)


def eviction_problems(filesystems, thresholds=""):
    """One sentence for each filesystem on which a kubelet would report disk pressure.

    filesystems: {"imagefs" or "nodefs": {"path": str, "size": bytes, "free": bytes, "reserve": bytes that are still to be written}}.
    thresholds: the kubelet's `--eviction-hard`, or empty for its default. Signals without a threshold never cause evictions.
    Raises AnsibleFilterError.
    """
    filesystems = plain_data(filesystems)
    problems = []
    for signal, number, suffix in parse_thresholds(thresholds or DEFAULT_THRESHOLDS):
        name, _dot, kind = signal.rpartition(".")
        if kind == "available" and name in filesystems:
            threshold = "%s<%g%s" % (signal, number, suffix)
            problems += problems_of(filesystems[name], threshold, number, suffix)
    return problems


def problems_of(filesystem, threshold, number, suffix):
    """[sentence] if the filesystem would have less free space than the threshold, else []."""
    size, free, reserve = (int(filesystem[name]) for name in ("size", "free", "reserve"))
    limit = size * number / 100 if suffix == "%" else number * SUFFIXES[suffix]
    if free - reserve >= limit:
        return []
    free_percent = 100 * free // size if size else 0
    return ["%s has %.1f of %.1f GiB free (%d %%); the kubelet evicts all pods at %s, and %.1f GiB are still to be written, so "
            "%.1f GiB are required" % (filesystem["path"], free / GIB, size / GIB, free_percent, threshold, reserve / GIB,
                                       (limit + reserve) / GIB)]


class FilterModule:
    def filters(self):
        return {"eviction_problems": eviction_problems}
