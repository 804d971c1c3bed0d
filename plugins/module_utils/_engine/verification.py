# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that Docker has the same objects on its new data root as before. Private to the collection."""
import time

from ansible_collections.fay.rancher.plugins.module_utils._engine.config import DataRootError

RESTART_SECONDS = 120  # for containers with a restart policy: Docker waits up to a minute between its attempts


def verify_objects(host, root, before, clock):
    """Check that Docker is on `root` with the objects of `before`, and wait until the containers run again.

    root: str; None if the data root was not moved. before: dict, see Host.list_objects(). clock: function that returns seconds.
    Raises DataRootError, for containers after RESTART_SECONDS.
    """
    if root and not host.is_on(root):
        raise DataRootError("after its start, Docker does not have its data root at %s: %s" % (
            root, host.docker_info().get("DockerRootDir", "Docker does not answer")))
    deadline = clock() + RESTART_SECONDS
    while True:
        objects = host.list_objects()
        check_objects(before, objects)
        stopped = stopped_containers(before, objects)
        if not stopped:
            return
        if clock() > deadline:
            raise DataRootError("these containers are not running again on the new data root: %s" % ", ".join(stopped[:5]))
        time.sleep(host.poll_seconds)


def check_objects(before, after):
    """Raise DataRootError if objects of `before` are missing in `after`."""
    for kind in ("images", "volumes", "networks", "containers"):
        missing = sorted(set(before[kind]) - set(after[kind]))
        if missing:
            raise DataRootError("these %s are missing on the new data root: %s" % (kind, ", ".join(missing[:5])))


def stopped_containers(before, after):
    """["ID (state)"] of containers that ran before, have a restart policy and do not run now."""
    states = {identifier: after["containers"][identifier][0] for identifier in before["containers"]}
    return sorted("%s (%s)" % (identifier[:12], states[identifier]) for identifier, (state, policy) in before["containers"].items()
                  if state == "running" and policy in ("always", "unless-stopped") and states[identifier] != "running")
