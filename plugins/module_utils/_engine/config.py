# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's configuration as text: daemon.json. Private to the collection.

Nothing here reads a file. It is the lowest file of _engine: the others import DataRootError and DEFAULT_ROOT from here.
"""
import json

DEFAULT_ROOT = "/var/lib/docker"  # dockerd --data-root, docs.docker.com/reference/cli/dockerd


class DataRootError(Exception):
    """A message for the user: what the host has, what is required, what to do."""


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
