# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of the journal of a move. Private to the collection.

A journal is a dict with:

- parts: list of dict, the directories that are moved, see new_part()
- phase: str, see data_root.Move; undoing: bool, whether a rollback has begun
- running, objects: whether Docker ran before, and Host.list_objects() of that time
- daemon_json, drop_in, earlier_drop_in, containerd: str, the files of the configuration before the move
- services: list of str, the services that are stopped with Docker; containerd_running: bool, whether containerd ran before
- live_restore, swarm: bool; containers: int, of running containers
- copying: str, the part that is being copied; copied: list of str, the parts whose copy has ended since Docker was stopped
- passes, killed: int, number of passes of the copy, and of copies that were killed
"""
import os
import re

from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text

DATA = "data root"
STORE = "containerd's root"


def new_part(name, source, target, method, requested=None, size=0, entries=0, free=0):
    """A directory that is moved.

    name: DATA or STORE. source, target: absolute paths without links. requested: the path in the configuration, which can be a link to
    `target`. method: `copy`, `rename`, or `none` if only a flag is replaced. size: bytes. entries: number of files and directories.
    free: free bytes at the target.
    """
    return {"name": name, "from": source, "to": target, "requested": requested or target, "method": method, "size": size,
            "entries": entries, "free": free}


def find_part(journal, name):
    """The part (dict) of a journal with a name; None if it has none."""
    return next((part for part in journal["parts"] if part["name"] == name), None)


def describe_failure(journal):
    """What was not moved, as the beginning of a sentence, such as `The data root was not moved from /a to /b`."""
    names = " and ".join(part["name"] for part in journal["parts"])
    paths = " and ".join("from %s to %s" % (part["from"], part["to"]) for part in journal["parts"])
    return "The %s %s not moved %s" % (names, "was" if len(journal["parts"]) == 1 else "were", paths)


def describe_sources(journal):
    """The old paths of all parts as text."""
    return " and ".join(part["from"] for part in journal["parts"])


def convert_earlier(host, journal):
    """Convert the journal of an earlier version, which has no parts, in place."""
    if "parts" in journal:
        return
    requested = journal.pop("requested", None)
    journal["parts"] = [new_part(DATA, requested=requested, source=journal["from"], target=journal["to"],
                                 **{name: journal[name] for name in ("method", "size", "entries", "free")})]
    journal.update(copying=DATA, copied=[])
    if "earlier_drop_in" in journal:
        return
    if requested is None:  # that version wrote the earlier drop-in
        journal.update(drop_in="", earlier_drop_in=journal["drop_in"])
        # It moved the directory ROOT/UID.GID of userns-remap, and Docker would be empty at the new root.
        journal["is_wrong_directory"] = bool(re.match(r"\d+\.\d+$", os.path.basename(journal["from"])))
    else:
        journal["earlier_drop_in"] = read_text(host.earlier_drop_in)
