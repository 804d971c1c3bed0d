# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key `root` of containerd's config.toml as text. Private to the collection.

Sources: toml.io/en/v1.0.0 and v1.1.0 (syntax), containerd v1.4 to v2.0 services/server/config/config.go (`root` is a key of the top
level), go-toml v1.9.5 marshal.go and v2.2.3 unmarshaler.go (the case of a key does not matter). Nothing here reads a file.
"""
import json
import re

from ansible_collections.fay.rancher.plugins.module_utils._engine.config import BYTE_ORDER_MARK

TOKEN = re.compile(r'''(?sx)
    (?P<string>\"\"\"(?:\\.|[^\\"]|"{1,2}(?!"))*"{3,5} | \'\'\'(?:[^']|'{1,2}(?!'))*'{3,5}
        | (?!"{3}) "(?:\\.|[^"\\\n])*" | (?!'{3}) '[^'\n]*')
    | (?P<open>"|') | (?P<line>\n) | (?P<ignored>\#[^\n]*|[ \t\r]+) | (?P<bare>[A-Za-z0-9_-]+) | (?P<other>.)''')
ESCAPE = re.compile(r'''(?sx)\\(?: ([btnfre"\\]) | u([0-9A-Fa-f]{4}) | U([0-9A-Fa-f]{8}) | x([0-9A-Fa-f]{2}) | [ \t\r]*\n\s* )''')
ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}


def find_root(text):
    """(begin, end, value) of the value of the key `root` of the top level in a config.toml; None if it is not set to a string."""
    matches = []
    for tokens in _top_level_statements(text):
        is_assignment = len(tokens) == 3 and tokens[1].group() == "=" and tokens[2].lastgroup == "string"
        if is_assignment and _key(tokens[0]).lower() == "root":
            matches.append((_key(tokens[0]) != "root", tokens[2].start(), tokens[2].end(), _string_value(tokens[2].group())))
    return min(matches)[1:] if matches else None


def set_root(text, root):
    """A config.toml whose key `root` of the top level has the value `root`. Everything else is left unchanged.

    A missing key becomes the first line. A new file has version 2: containerd accepts it from 1.3 (docs/ops.md) to 2.3
    (cmd/containerd/server/config/config.go, LoadConfigWithPlugins()).
    """
    quoted = json.dumps(root, ensure_ascii=False).replace("\x7f", "\\u007f")
    match = find_root(text)
    if match is None:
        mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
        return "%s%sroot = %s\n%s" % (mark, "" if text.strip() else "version = 2\n", quoted, text[len(mark):])
    begin, end, unused = match  # pylint: disable=unpacking-non-sequence
    if text[begin] == "'" and not re.search("['\0-\x1f\x7f]", root):
        quoted = "'%s'" % root
    return text[:begin] + quoted + text[end:]


def _top_level_statements(text):
    """[[token of TOKEN]] of the statements before the first table. A statement extends over lines inside of brackets and strings."""
    statements, depth = [[]], 0
    for token in TOKEN.finditer(text, 1 if text.startswith(BYTE_ORDER_MARK) else 0):
        if token.lastgroup == "ignored":
            continue
        if token.lastgroup == "line":
            if depth <= 0:
                statements.append([])
                depth = 0
            continue
        if token.lastgroup == "open" or (token.group() == "[" and not statements[-1]):
            break  # a string without an end, or the first table
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token.group(), 0)
        statements[-1].append(token)
    return statements


def _key(token):
    """The text of a key that is bare or in quotes."""
    return _string_value(token.group()) if token.lastgroup == "string" else token.group()


def _string_value(literal):
    """The value of a string of TOML. literal: str, with its quotes."""
    quote = literal[:3] if literal[:3] in ('"""', "'''") and len(literal) >= 6 else literal[0]
    value = literal[len(quote):-len(quote)]
    if len(quote) == 3:  # a line end after the quotes is not part of the value
        value = re.sub(r"\A\r?\n", "", value)
    return ESCAPE.sub(_unescape, value) if quote[0] == '"' else value


def _unescape(match):
    simple, short, long, byte = match.groups()
    if simple:
        return ESCAPED[simple]
    if not (short or long or byte):  # a backslash at the end of a line removes the white space that follows
        return ""
    code = int(short or long or byte, 16)
    return chr(code) if code < 0xD800 or 0xDFFF < code < 0x110000 else match.group()
