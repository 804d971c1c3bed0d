# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversion of a role's options to the types that its argument_specs declare. Private to the collection.

Ansible checks that the string of `-e NAME=false` can be a boolean, but does not convert it. So each role converts its options once, in
its preflight, and then reads only the converted options.
"""
from collections.abc import Mapping

import yaml
from ansible.module_utils.parsing.convert_bool import boolean


class OptionError(Exception):
    """A message for the user: the option, its value, what is required, and what to do."""


def convert_options(spec, values, prefix):
    """The options of a role in their declared types.

    spec: {name: option}, as in argument_specs. values: {name: value}, with all templates resolved. prefix: str, of all names, such
    as `docker_ce_`.
    Returns ({name without prefix: value}, [problem]): an option that is not set or has a problem is None. An empty value of a required
    option is a problem.
    """
    options, problems = {}, []
    for name, option in spec.items():
        try:
            if option.get("required") and values.get(name) in (None, ""):
                raise OptionError("%s is empty; a value is required. Set it, or the variable that is its default" % name)
            options[name[len(prefix):]] = convert(values.get(name), option, name)
        except OptionError as error:
            options[name[len(prefix):]] = None
            problems.append(str(error))
    return options, problems


def convert(value, option, name):
    """A value in the type of `option` (a dict of argument_specs). name: str, for messages. Raises OptionError."""
    if value is None:
        return None
    return CONVERTERS[option.get("type", "str")](value, option, name)


def _as_text(value, option, name):
    if isinstance(value, float):
        raise OptionError("%s is the number %s; a string is required. Put it in quotes, since YAML shortens a number such as 20.10 "
                          "to 20.1. In a template with jinja2_native, append `| string`" % (name, value))
    if isinstance(value, (bool, list, tuple, Mapping)):
        raise OptionError("%s is a %s; a string is required. Put it in quotes" % (name, _kind(value)))
    return str(value)  # an integer, or a string of the vault


def _as_bool(value, option, name):
    try:
        return boolean(value)
    except TypeError:
        raise OptionError("%s is %r; true or false is required" % (name, value))


def _as_int(value, option, name):
    try:
        if isinstance(value, bool) or int(value) != float(value):
            raise ValueError
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise OptionError("%s is %r; a whole number is required" % (name, value))


def _as_list(value, option, name):
    if isinstance(value, Mapping):
        raise OptionError("%s is a map; a list is required" % name)
    if not isinstance(value, (list, tuple)):
        value = _split(str(value))
    element = dict(option, type=option.get("elements", "raw"))
    return [convert(item, element, "%s[%d]" % (name, number)) for number, item in enumerate(value)]


def _split(text):
    """The items of a list in JSON, in YAML's form `[a, b]`, or separated by commas."""
    if text.startswith("["):
        try:
            items = yaml.safe_load(text)
        except yaml.YAMLError:
            items = None
        if isinstance(items, list):
            return items
    return [item.strip() for item in text.split(",") if item.strip()]


def _as_map(value, option, name):
    if isinstance(value, str):
        try:
            value = yaml.safe_load(value)
        except yaml.YAMLError:
            value = None
    if not isinstance(value, Mapping):
        raise OptionError("%s is not a map; a map is required. With -e NAME=VALUE, write it as JSON" % name)
    known = option.get("options") or {}
    return {str(key): convert(item, known.get(key, {"type": "raw"}), "%s.%s" % (name, key)) for key, item in value.items()}


def _as_given(value, option, name):
    """The value without the wrappers that Ansible puts around lists and maps."""
    if isinstance(value, Mapping):
        return {key: _as_given(item, option, name) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_given(item, option, name) for item in value]
    return value


def _kind(value):
    if isinstance(value, bool):
        return "boolean (%s)" % str(value).lower()
    return "map" if isinstance(value, Mapping) else "list"


CONVERTERS = {"str": _as_text, "path": _as_text, "bool": _as_bool, "int": _as_int, "list": _as_list, "dict": _as_map, "raw": _as_given}
