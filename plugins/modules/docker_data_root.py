#!/usr/bin/python
# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

DOCUMENTATION = r"""
module: docker_data_root
short_description: Moves the data root of a Docker engine, all or nothing
version_added: 0.1.0
description:
  - Finds where the engine's data is (the running engine, C(daemon.json), the flags C(--data-root), C(--graph) and C(-g)
    of its unit, else C(/var/lib/docker)) and moves it to O(path) as a transaction.
  - What cannot be is refused before anything stops. Then the engine is stopped, the data is copied beside the new place
    (or renamed, on one filesystem), compared, put in its place, the configuration is switched, the engine started, and
    its images, containers, volumes and networks are held against what it had.
  - Any failure brings the engine back on its old data root with its old configuration. After a kill or a power cut the
    next run goes on, or begins the last pass anew; a copy that was begun is gone on with.
  - A flag in the unit gives way to C(daemon.json) by a drop-in, since the engine refuses a root in both.
author: fay.rancher authors (@fay-rancher)
options:
  path:
    description:
      - The data root, absolute. Nothing may be there but an unfinished copy of this module.
    type: str
    required: true
  keep_old:
    description:
      - Whether the old root is kept under a dated name (C(/var/lib/docker.old-2026-11-24)) after a copy. When V(false),
        it is removed after the new one was verified, and so are those that earlier moves kept.
      - An old root that is a mount point keeps its name.
    type: bool
    default: true
  slice:
    description:
      - After how many seconds to come back and report. Set by the action plugin only.
    type: int
attributes:
  check_mode:
    description: Tells what would be moved and what would stop, and refuses what cannot be.
    support: full
  diff_mode:
    description: Returns what is moved instead.
    support: none
requirements:
  - root on the host (C(become)), in check mode too
  - rsync on the host, where data has to be copied
  - systemd
notes:
  - The engine and its containers are stopped while the data is copied, those of C(live-restore) too.
  - In a swarm the node is away for that time, and its services are moved by their managers. Drain it first.
  - A containerd whose own root (C(/etc/containerd/config.toml)) lies in the data moves along.
"""

EXAMPLES = r"""
- name: Keep the engine's data under /appdata
  fay.rancher.docker_data_root:
    path: /appdata/lib/docker
"""

RETURN = r"""
moved:
  description: What was moved, or would be in check mode. Empty where nothing had to be.
  returned: success
  type: dict
  sample:
    from: /var/lib/docker
    to: /appdata/lib/docker
    method: copy
    size: 5368709120
    entries: 81234
    free: 107374182400
    containers: 12
old:
  description: Where the old root is kept now. Empty where there is none.
  returned: success
  type: str
  sample: /var/lib/docker.old-2026-11-24
superseded:
  description: Old roots that were removed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: []
root:
  description: Where the engine's data is, or would be made.
  returned: success
  type: str
  sample: /var/lib/docker
has_data:
  description: Whether an engine's data is there.
  returned: success
  type: bool
  sample: true
free:
  description: Bytes that are free for O(path).
  returned: success
  type: int
  sample: 107374182400
running:
  description: Whether the engine answers.
  returned: success
  type: bool
  sample: true
version:
  description: The running engine's version. Empty where none answers.
  returned: success
  type: str
  sample: 20.10.24
command:
  description: The command that starts the engine, without a flag for its data root. Empty where there is no unit.
  returned: success
  type: str
  sample: /usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock
by:
  description: How RV(root) is known. C(engine), C(daemon.json), C(unit), or C(default) where nothing names it.
  returned: success
  type: str
  sample: engine
options:
  description: The engine's configuration, C(daemon.json).
  returned: success
  type: dict
  sample: {"log-driver": "json-file"}
daemon_json:
  description: The same as text. Empty where the file is not there.
  returned: success
  type: str
  sample: '{"log-driver": "json-file"}'
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fay.rancher.plugins.module_utils._engine.data_root import (
    DataRootError,
    Host,
    Move,
    find,
    gib,
    has_data,
)
from ansible_collections.fay.rancher.plugins.module_utils._files import free_bytes, require_root

REPORTED = ("from", "to", "method", "size", "entries", "free", "containers")


def describe(plan, by):
    """What check mode says, one line each. by: how the old root is known."""
    if plan["method"] == "none":
        return ["The data root stays %s; its flag in docker.service gives way to daemon.json" % plan["to"],
                "%d running containers would be stopped and started" % plan["containers"]]
    lines = ["%s would move from %s (known by: %s) to %s by a %s; %s are free there" % (
        gib(plan["size"]), plan["from"], by, plan["to"], plan["method"], gib(plan["free"])),
        "%d running containers would stop meanwhile" % plan["containers"]]
    if plan["swarm"]:
        lines.append("This node of a swarm would be away meanwhile, and its services move: drain it first")
    return lines


def seen(host, found):
    """What is returned of the host: found is what find() says of it."""
    info = found["info"] or {}
    return dict(root=found["root"], by=found["by"], has_data=has_data(found["root"]), options=found["options"],
                running=bool(info), version=info.get("ServerVersion", ""), command=found["start"],
                daemon_json=host.read(host.daemon_json))


def main():
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="str", required=True),
            keep_old=dict(type="bool", default=True),
            slice=dict(type="int"),
        ),
        supports_check_mode=True,
    )
    try:
        require_root("Docker's data root and the state of an earlier move cannot be read")
    except PermissionError as error:
        module.fail_json(msg=str(error))
    host = Host()
    move = Move(host, module.params["path"].rstrip("/") or "/", module.params["keep_old"])
    try:
        if module.check_mode:
            found = find(host)
            plan = move.load() or move.plan(found)
            moved = dict((name, plan[name]) for name in REPORTED) if plan else {}
            removed = move.removable()
            module.exit_json(changed=bool(plan or removed), moved=moved, superseded=removed, old="",
                             free=free_bytes(move.target), lines=describe(plan, found["by"]) if plan else [], done=True,
                             **seen(host, found))
        removed = move.removable()
        done, result, lines = move.advance(module.params["slice"] or 10 ** 9)
        if not done:
            module.exit_json(changed=True, done=False, lines=lines)
        old = (result or {}).pop("old", None) or ""
        gone = [path for path in removed if path not in move.removable()]
        module.exit_json(changed=bool(result or gone), moved=result or {}, superseded=gone, old=old,
                         free=free_bytes(move.target), lines=lines, done=True, **seen(host, find(host)))
    except DataRootError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="The data root was not looked at or moved: %s" % error)


if __name__ == "__main__":
    main()
