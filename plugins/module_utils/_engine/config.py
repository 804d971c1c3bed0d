# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's configuration as text: the unit, its environment files and daemon.json. Private to the collection.

Nothing here reads a file. The other files of _engine import DataRootError and DEFAULT_ROOT from here.
"""
import json
import re
import shlex

DEFAULT_ROOT = "/var/lib/docker"  # dockerd --data-root, docs.docker.com/reference/cli/dockerd
# The flags --data-root, --graph and -g of dockerd with their value, which can be in quotes.
ROOT_FLAG = re.compile(r"""\s+(?:(?:--data-root|--graph|-g)(?:=|\s+)|-g(?=/))("[^"]*"|'[^']*'|\S+)""")


class DataRootError(Exception):
    """A message for the user: what was found, what is required, and what to do."""


def split_root_flag(command):
    """Separate the flag of the data root from an ExecStart command.

    command: str. Returns (the command without the flag, the data root or None). dockerd uses the last of several flags.
    """
    roots = ROOT_FLAG.findall(command)
    return ROOT_FLAG.sub("", command), (roots[-1].strip("'\"") if roots else None)


def exec_start(unit):
    """The effective ExecStart command in the output of `systemctl cat` (str), on one line; None if it has none.

    An empty `ExecStart=` discards the earlier ones: systemd.service(5).
    """
    command = None
    for line in re.sub(r"\s*\\\n\s*", " ", unit).splitlines():
        match = re.match(r"\s*ExecStart\s*=\s*(.*?)\s*$", line)
        if match:
            command = match.group(1) or None
    return command


def environment_files(unit):
    """Paths (list of str) of the EnvironmentFile= lines in the output of `systemctl cat`."""
    return [path.lstrip("-") for path in re.findall(r"^\s*EnvironmentFile\s*=\s*(\S+)", unit, re.M)]


def expand_root_variables(command, variables):
    """Replace $NAME and ${NAME} in a command by their values, but only those that contain a flag of the data root.

    variables: {name: value}. Returns str.
    """
    for name, value in variables.items():
        if ROOT_FLAG.search(" " + value):
            command = re.sub(r"\$\{%s\}|\$%s\b" % (name, name), lambda match, value=value: value, command)
    return command


def parse_environment(text):
    """{name: value} of the text of an EnvironmentFile: systemd.exec(5)."""
    variables = {}
    for line in text.splitlines():
        match = re.match(r"\s*([A-Za-z_]\w*)=(.*?)\s*$", line)
        if not match:
            continue
        name, value = match.groups()
        try:
            variables[name] = " ".join(shlex.split(value))
        except ValueError:  # unbalanced quotes
            variables[name] = value
    return variables


def parse_daemon_json(text):
    """daemon.json as a dict; an empty file is an empty dict. Raises DataRootError if the text is not a JSON object."""
    if not text.strip():
        return {}
    try:
        options = json.loads(text)
    except ValueError as error:
        raise DataRootError("/etc/docker/daemon.json is not valid JSON (%s). Docker would not start with it. Correct the file" % error)
    if not isinstance(options, dict):
        raise DataRootError("/etc/docker/daemon.json contains a JSON %s; a JSON object is required. Correct the file" % (
            type(options).__name__))
    return options


def render_daemon_json(options):
    """The text of daemon.json for a dict of options."""
    return json.dumps(options, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
