# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module docker_data_root returns. Private to the collection."""
import os

from ansible_collections.fay.rancher.plugins.module_utils._engine.data_root import Move
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import format_gib, has_data, read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.plan import find_data_root, new_root_problem
from ansible_collections.fay.rancher.plugins.module_utils._files import free_bytes

MOVED_KEYS = ("from", "to", "method", "size", "entries", "free", "containers")
UNLIMITED_SECONDS = 10 ** 9


def run(host, parameters, check_mode):
    """Run the module with its parameters (dict) and return its result (dict). Raises DataRootError, OSError."""
    target = parameters["path"]
    is_report_only = target is None
    move = Move(host, "" if is_report_only else target.rstrip("/") or "/", parameters["keep_old"], parameters["config_backup"])
    if parameters["_forget"]:
        return _forget(move, parameters["_forget"], check_mode)
    if is_report_only:
        return _result(move, find_data_root(host))
    if check_mode:
        return _preview(move)
    return _advance(move, parameters["_slice"] or UNLIMITED_SECONDS)


def _forget(move, paths, check_mode):
    """The result of a run that removes `paths` (list of str), which the role has emptied, from the record of old roots."""
    recorded = [path for path in paths if path in move.old_roots.recorded()]
    if not check_mode:
        with move.state.run_lock():
            for path in recorded:
                move.old_roots.discard(path)
    return _result(move, find_data_root(move.host), changed=bool(recorded))


def _preview(move):
    """The result of a run in check mode."""
    location = find_data_root(move.host)
    plan = move.state.load_journal() or move.plan(location)
    removable = move.old_roots.removable()
    moved = dict((name, plan[name]) for name in MOVED_KEYS) if plan else {}
    return _result(move, location, changed=bool(plan or removable), moved=moved, removed_roots=removable,
                   lines=describe_plan(plan, location.detected_from) if plan else [])


def _advance(move, seconds):
    removable = move.old_roots.removable()
    progress = move.advance(seconds)
    if not progress.done:
        return dict(changed=True, done=False, lines=progress.lines)
    moved = dict(progress.result or {})
    old_root = moved.pop("old_root", None) or ""
    removed = [path for path in removable if path not in move.old_roots.removable()]
    return _result(move, find_data_root(move.host), changed=bool(moved or removed), moved=moved, removed_roots=removed,
                   old_root=old_root, lines=progress.lines)


def _result(move, location, **changes):
    """The result of a run that is done. changes: values that differ from those of a run without changes."""
    result = dict(changed=False, done=True, lines=[], moved={}, old_root="", removed_roots=[])
    result.update(
        root=location.root, detected_from=location.detected_from, has_data=has_data(location.root), options=location.options,
        running=bool(location.info), version=location.info.get("ServerVersion", ""), command=location.command,
        path_problem=new_root_problem(move.target) if move.target.startswith("/") and not has_data(location.root) else "",
        daemon_json=read_text(move.host.daemon_json), free=free_bytes(move.target or location.root),
        old_roots=[path for path in move.old_roots.recorded() if os.path.isdir(path)])
    result.update(changes)
    return result


def describe_plan(plan, detected_from):
    """Lines (list of str) for check mode. plan: dict, a journal. detected_from: str, how the current root is known."""
    containers = plan["containers"]
    if plan["method"] == "none":
        return ["The data root remains %s; its flag in docker.service would be replaced by daemon.json" % plan["to"],
                "Running containers that would restart: %d" % containers]
    lines = ["%s would be moved from %s (detected from: %s) to %s by %s; %s are free there" % (
        format_gib(plan["size"]), plan["from"], detected_from, plan["to"], plan["method"], format_gib(plan["free"])),
        "Running containers that would stop during the move: %d" % containers]
    if plan["swarm"]:
        lines.append("This swarm node would be unavailable during the move, and its services would run on other nodes. Drain it first")
    return lines
