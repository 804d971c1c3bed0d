# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter host_problems; documented in host_problems.yml."""
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.plugin_utils._plain_data import plain_data

GIB = 2**30
UNKNOWN_PROGRAM = "?"  # what host_info returns if it cannot name the program


def space_problems(free, requirements):
    """Sentences (list of str) for directories with too little space. free: {path: bytes}; requirements: `space` of host_problems."""
    return ["%s has %.1f GiB free; %d GiB are required for %s. %s" % (
            item["path"], free[item["path"]] / GIB, int(item["gib"]), item["purpose"], item["remedy"])
            for item in requirements if free[item["path"]] < int(item["gib"]) * GIB]


def port_problems(occupied, requirement):
    """Sentences (list of str, at most one) for ports in use. occupied: {port: program}; requirement: `ports` of host_problems."""
    ports = sorted((int(port), program) for port, program in occupied.items() if program not in requirement.get("ignored_programs", []))
    if not ports:
        return []
    listed = ", ".join("%d by %s" % (port, "an unknown program" if program == UNKNOWN_PROGRAM else program) for port, program in ports)
    return ["These ports are in use: %s. They must be free for %s. %s" % (listed, requirement["purpose"], requirement["remedy"])]


def directory_problems(existing, requirements):
    """Sentences (list of str) for directories in the place of a file. existing: paths; requirements: `files` of host_problems."""
    return ["%s is a directory; it must be a file or not exist. %s" % (item["path"], item["remedy"])
            for item in requirements if item["path"] + "/." in existing]


def host_problems(facts, space=(), ports=None, files=()):
    """One sentence (list of str) for each requirement that a host does not meet.

    facts: result of the module host_info, of which the keys `free`, `occupied` and `existing` are read if they are needed.
    space: [{"path": str, "gib": number, "purpose": str, "remedy": str}]. ports: {"purpose": str, "remedy": str, "ignored_programs": [str]}.
    files: [{"path": str, "remedy": str}]; host_info must have been called with PATH/. in `paths`, which exists only in a directory.
    Raises AnsibleFilterError.
    """
    facts, space, ports, files = plain_data(facts), plain_data(space), plain_data(ports), plain_data(files)
    try:
        problems = space_problems(facts.get("free", {}), space)
        if ports:
            problems += port_problems(facts.get("occupied", {}), ports)
        return problems + directory_problems(facts.get("existing", []), files)
    except KeyError as error:
        raise AnsibleFilterError("host_problems: the key %s is missing in the requirements or in the result of host_info. Compare them "
                                 "with the documentation of the filter" % error)


class FilterModule:
    def filters(self):
        return {"host_problems": host_problems}
