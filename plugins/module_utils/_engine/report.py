# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module docker_data_root returns. Private to the collection."""
import os

from ansible_collections.fay.rancher.plugins.module_utils._engine.data_root import Move
from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import format_gib, has_data, read_text
from ansible_collections.fay.rancher.plugins.module_utils._engine.image_store import find_image_store
from ansible_collections.fay.rancher.plugins.module_utils._engine.journal import DATA, STORE, convert_earlier
from ansible_collections.fay.rancher.plugins.module_utils._engine.plan import find_data_root, new_root_problem
from ansible_collections.fay.rancher.plugins.module_utils._files import free_bytes

UNLIMITED_SECONDS = 10 ** 9


def run(host, parameters, check_mode):
    """Run the module with its parameters (dict) and return its result (dict). Raises DataRootError, OSError."""
    target = parameters["path"]
    is_report_only = target is None
    move = Move(host, "" if is_report_only else target.rstrip("/") or "/", parameters["keep_old"], parameters["config_backup"],
                containerd_root=(parameters["containerd_root"] or "").rstrip("/"), is_containerd_shared=parameters["containerd_shared"])
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
    journal = move.state.load_journal()
    if journal:
        convert_earlier(move.host, journal)
    plan = journal or move.plan(location)
    removable = move.old_roots.removable()
    parts = dict((part["name"], part) for part in plan["parts"]) if plan else {}
    return _result(move, location, changed=bool(plan or removable), moved=_describe_part(parts.get(DATA), plan),
                   moved_containerd=_describe_part(parts.get(STORE), plan), removed_roots=removable,
                   lines=describe_plan(plan, location.detected_from) if plan else [])


def _describe_part(part, plan=None):
    """The return value for a part of a journal (dict or None). plan: the journal, in check mode."""
    if not part:
        return {}
    names = ("from", "to", "method", "size", "entries") + (("free",) if plan else ())
    result = dict((name, part[name]) for name in names)
    return dict(result, containers=plan["containers"]) if plan else result


def _advance(move, seconds):
    removable = move.old_roots.removable()
    progress = move.advance(seconds)
    if not progress.done:
        return dict(changed=True, done=False, lines=progress.lines)
    result = progress.result or {}
    removed = [path for path in removable if path not in move.old_roots.removable()]
    return _result(move, find_data_root(move.host), changed=bool(result or removed), moved=_describe_part(result.get(DATA)),
                   moved_containerd=_describe_part(result.get(STORE)), removed_roots=removed,
                   old_root=result.get("old_root") or "", lines=progress.lines)


def _result(move, location, **changes):
    """The result of a run that is done. changes: values that differ from those of a run without changes."""
    store = find_image_store(move.host, location)
    result = dict(changed=False, done=True, lines=[], moved={}, moved_containerd={}, old_root="", removed_roots=[],
                  image_store=store.kind, containerd_root=store.root)
    result.update(
        root=location.root, detected_from=location.detected_from, has_data=has_data(location.root), options=location.options,
        running=bool(location.info), version=location.info.get("ServerVersion", ""), command=location.command,
        path_problem=new_root_problem(move.target) if move.target.startswith("/") and not has_data(location.root) else "",
        daemon_json=read_text(move.host.daemon_json), free=free_bytes(move.target or location.root),
        old_roots=[path for path in move.old_roots.recorded() if os.path.isdir(path)])
    result.update(changes)
    return result


def describe_plan(plan, detected_from):
    """Lines (list of str) for check mode. plan: dict, a journal. detected_from: str, how the current data root is known."""
    moved = [part for part in plan["parts"] if part["method"] != "none"]
    if not moved:
        return ["The data root remains %s; its flag in docker.service would be replaced by daemon.json" % plan["parts"][0]["to"],
                "Running containers that would restart: %d" % plan["containers"]]
    sources = {DATA: "detected from: %s" % detected_from, STORE: "the image store of containerd"}
    lines = ["%s would be moved from %s (%s) to %s by %s; %s are free there" % (
        format_gib(part["size"]), part["from"], sources[part["name"]], part["to"], part["method"], format_gib(part["free"]))
        for part in moved]
    lines.append("Running containers that would stop during the move: %d" % plan["containers"])
    if plan["swarm"]:
        lines.append("This swarm node would be unavailable during the move, and its services would run on other nodes. Drain it first")
    return lines
