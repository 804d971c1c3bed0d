# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison of values with the schemas that Rancher publishes. Private to the collection; may change without notice."""
import re

from ansible_collections.fay.rancher.plugins.module_utils._rancher.transport import RancherError

COLLECTION_TYPE = re.compile(r"^(?P<container>array|map)\[(?P<element>.*)\]$")
SIMPLE_TYPES = ("int", "boolean", "string", "date", "password")


def check_fields(value, schema, fetch_schema, path):
    """Raise RancherError if a field of `value` (dict) is not in the schema or has another type.

    The server drops such a field, or replaces its value, without an error (recorded on 2.6.2).
    schema: the JSON of /v3/schemas/TYPE. fetch_schema: callable of a type's name, returns its schema or None.
    path: str, the name of the value in messages.
    """
    fields = schema["resourceFields"]
    for name, item in value.items():
        if name not in fields:
            raise RancherError("%s has no field %s. Its fields are: %s" % (path, name, ", ".join(sorted(fields))))
        check_type(item, fields[name]["type"], fetch_schema, path + "." + name)


def check_type(item, type_name, fetch_schema, path):
    """Raise RancherError if `item` is not of that type of Rancher's schemas, such as `int` or `map[string]`."""
    if item is None:
        return
    match = COLLECTION_TYPE.match(type_name)
    if match:
        for key, element in elements(item, match.group("container"), path):
            check_type(element, match.group("element"), fetch_schema, "%s[%s]" % (path, key))
    elif type_name in SIMPLE_TYPES:
        if not is_of_type(item, type_name):
            raise RancherError("%s is %r; the type %s is required" % (path, item, type_name))
    else:
        check_object(item, type_name, fetch_schema, path)


def elements(item, container, path):
    """(index or key, element) of a list or a map. Raises RancherError if `item` is not a `container`."""
    if container == "array" and isinstance(item, list):
        return list(enumerate(item))
    if container == "map" and isinstance(item, dict):
        return list(item.items())
    raise RancherError("%s is %r; a %s is required" % (path, item, "list" if container == "array" else "map"))


def is_of_type(item, type_name):
    """Whether a value is of one of SIMPLE_TYPES."""
    if type_name == "int":
        return isinstance(item, int) and not isinstance(item, bool)
    if type_name == "boolean":
        return isinstance(item, bool)
    return isinstance(item, str)


def check_object(item, type_name, fetch_schema, path):
    schema = fetch_schema(type_name)
    if not schema:
        return
    if not isinstance(item, dict):
        raise RancherError("%s is %r; a map is required (%s)" % (path, item, type_name))
    check_fields(item, schema, fetch_schema, path)
