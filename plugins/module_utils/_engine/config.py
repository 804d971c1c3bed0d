# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's configuration as text: daemon.json. Private to the collection.

Nothing here reads a file. The other files of _engine import DataRootError and DEFAULT_ROOT from here.
"""
import json
import math
import re

DEFAULT_ROOT = "/var/lib/docker"  # dockerd --data-root, docs.docker.com/reference/cli/dockerd
BYTE_ORDER_MARK = "\ufeff"
MAX_DEPTH = 50  # of the values in daemon.json; those of valid options are nested less than ten deep


class DataRootError(Exception):
    """A message for the user: what was found, what is required, and what to do."""


def parse_daemon_json(text):
    """daemon.json as a dict; an empty file and `null` are an empty dict. Raises DataRootError if Docker would reject the text.

    The text is read as dockerd reads it (Go's encoding/json; moby v28.5.2 daemon/config/config.go, getConflictFreeConfiguration()):
    a byte order mark is ignored, NaN and infinite numbers are rejected, half a surrogate pair becomes U+FFFD, and of options that
    occur twice maps are merged, while the last value counts for others.
    """
    text = text[1:] if text.startswith(BYTE_ORDER_MARK) else text
    if not text.strip():
        return {}
    pairs = []  # of the object that ends last, which is the whole

    def remember_pairs(items):
        pairs[:] = items
        return dict(items)
    try:
        options = json.loads(text, parse_float=_finite_number, parse_constant=_finite_number, object_pairs_hook=remember_pairs)
        if not isinstance(options, (dict, type(None))):
            raise DataRootError("/etc/docker/daemon.json contains a JSON %s; a JSON object is required. Correct the file" % (
                type(options).__name__))
        options = _merge_duplicates(pairs)
        _check_depth(options, MAX_DEPTH)
    except RecursionError:
        raise _not_json("its values are nested too deeply")
    except ValueError as error:
        raise _not_json(error)
    return _replace_surrogates(options)


def _not_json(reason):
    return DataRootError("/etc/docker/daemon.json is not valid JSON (%s). Docker would not start with it. Correct the file" % reason)


def _finite_number(text):
    number = float(text)
    if math.isnan(number) or math.isinf(number):
        raise ValueError("%s is not a number of JSON" % text)
    return number


def _check_depth(value, depth):
    """Raise RecursionError for values that are nested deeper than `depth`."""
    if depth < 0:
        raise RecursionError()
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_depth(item, depth - 1)


def _merge_duplicates(pairs):
    """A dict of [(name, value)] whose names can occur several times."""
    merged = {}
    for name, value in pairs:
        previous = merged.get(name)
        if isinstance(previous, dict) and isinstance(value, dict):
            previous.update(value)
        elif value is not None or isinstance(previous, (dict, list, type(None))):  # null does not change a string or a number
            merged[name] = value
    return merged


def _replace_surrogates(options):
    text = json.dumps(options, ensure_ascii=False)
    return json.loads(re.sub("[\ud800-\udfff]", "\ufffd", text)) if re.search("[\ud800-\udfff]", text) else options


def render_daemon_json(options):
    """The text of daemon.json for a dict of options."""
    return json.dumps(options, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
