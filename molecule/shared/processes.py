# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of this machine, from /proc (proc(5))."""
import os


def descendants(pid):
    """The ids (list of int) of all descendants of process `pid`."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry) as source:
                    parents[int(entry)] = int(source.read().rsplit(")", 1)[1].split()[1])
            except OSError:  # the process has ended
                continue
    below, level = [], [pid]
    while level:
        level = [child for child, parent in parents.items() if parent in level]
        below += level
    return below
