# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of systemd as text: assignments, words, variables and environment files. Private to the collection.

Sources: systemd.syntax(7), systemd.unit(5), systemd.service(5) and systemd.exec(5) of systemd 252, and where these are not exact
its code: src/shared/conf-parser.c (lines), src/basic/extract-word.c (words), src/basic/env-file.c (environment files) and
src/basic/env-util.c (replace_env_argv()). Nothing here reads a file.

Two older rules are not followed. Before systemd 240 a comment line inside a continued line was part of the value (issue 10598,
pull request 10651); dockerd does not start with such a unit. Before 254 a comment line in an environment file continued on the
next line if it ended in a backslash (issue 27975).
"""
import re

WHITESPACE = " \t\n\r"  # src/basic/string-util.h; Python's own white space has more characters
LINE_END = re.compile("\r\n|[\n\r\0]")
# `systemctl cat` writes the path of each file above its text.
FILE_HEADER = re.compile(r"# (/\S.*(?:/docker\.service|\.d/[^/]+\.conf))\Z")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Quotes can begin anywhere in a word, and a backslash escapes in both kinds of quotes.
WORD = re.compile(r"""(?s)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\\.|[^'"\\ \t\n\r])+""")
WORD_PART = re.compile(r"""(?s)'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|((?:\\.|[^'"\\])+)""")
ESCAPE = re.compile(r"""(?s)\\(?:([abfnrtvs\\"'])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))""")
ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}
BYTE_SURROGATE = 0xDC00  # Python's error handler `surrogateescape` writes a byte that is not UTF-8 as this plus the byte
# The same in the value of a variable, where quotes can be unbalanced and a backslash keeps the next character.
VARIABLE_WORD = re.compile(
    r"""(?s)(?:'(?:[^'\\]|\\.)*(?:'|\\?\Z)|"(?:[^"\\]|\\.)*(?:"|\\?\Z)|\\.|\\\Z|[^'"\\ \t\n\r])+""")
VARIABLE_PART = re.compile(r"""(?s)'((?:[^'\\]|\\.)*)(?:'|\\?\Z)|"((?:[^"\\]|\\.)*)(?:"|\\?\Z)|((?:\\.|[^'"\\])+)|\\\Z""")
# Specifiers that have one value for docker.service of the system's manager: systemd.unit(5). Others are left as they are.
SPECIFIERS = {"%": "%", "n": "docker.service", "N": "docker", "p": "docker", "i": "", "I": "", "t": "/run", "S": "/var/lib",
              "C": "/var/cache", "L": "/var/log", "E": "/etc", "T": "/tmp", "V": "/var/tmp", "h": "/root", "u": "root", "U": "0",
              "g": "root", "G": "0"}
# An assignment of an environment file (name, quoted parts and white space, unquoted rest), or a comment.
ENVIRONMENT_ENTRY = re.compile(
    r"""(?s)[ \t\n\r]*(?:[#;][^\n\r]*|([^=\n\r]*)(?:=((?:"(?:[^"\\]|\\.)*(?:"|\\?\Z)|'[^']*(?:'|\Z)|[ \t])*)"""
    r"""((?:\\.|[^\\\n\r])*)\\?)?)""")
QUOTED_PART = re.compile(r"""(?s)"((?:[^"\\]|\\.)*)(?:"|\\?\Z)|'([^']*)(?:'|\Z)""")
# Options of dockerd that set the data root. -D is a flag without a value, which can be combined with -g.
ROOT_FLAG = re.compile(r"(?s)(?:--(?:data-root|graph)(?:=(?P<long>.*))?|-D*g(?P<short>.*))\Z")
COMMAND_PREFIX = re.compile(r"[-@:+!|]*")  # systemd.service(5), "Special executable prefixes"
PLAIN_WORD = re.compile(r"[A-Za-z0-9_@%$+=:,./-]+\Z")


# ---- lines

def logical_lines(text):
    """[(path of the file or None, line)] of the output of `systemctl cat`, continued lines joined, without comment lines.

    A comment line inside a continued line is left out, whether it ends in a backslash or not. An empty line ends it.
    """
    lines, path, continued = [], None, ""
    for line in LINE_END.split(text):
        header = FILE_HEADER.match(line)
        if header:  # a continued line ends with its file
            lines.append((path, continued))
            path, continued = header.group(1), ""
        if line.lstrip(WHITESPACE)[:1] in ("#", ";"):
            continue
        line = continued + line
        if (len(line) - len(line.rstrip("\\"))) % 2:
            continued = line[:-1] + " "
        else:
            lines.append((path, line))
            continued = ""
    lines.append((path, continued))
    return [(path, line.lstrip("\ufeff").strip(WHITESPACE)) for path, line in lines]


def service_assignments(text):
    """[(path of the file or None, name, value)] of the sections [Service] in the output of `systemctl cat`, in their order."""
    assignments, section, current = [], None, None
    for path, line in logical_lines(text):
        if path != current:  # a file begins outside of a section
            section, current = None, path
        if line.startswith("["):
            section = line
        elif "=" in line and section == "[Service]":
            name, unused, value = line.partition("=")
            assignments.append((path, name.rstrip(WHITESPACE), value.lstrip(WHITESPACE)))
    return assignments


def list_values(text, name):
    """[(path of the file or None, value)] of a setting that forms a list: an empty assignment discards the earlier ones."""
    entries = []
    for path, key, value in service_assignments(text):
        if key == name:
            entries = entries + [(path, value)] if value else []
    return entries


def exec_start(text):
    """The effective ExecStart command in the output of `systemctl cat` (str), on one line; None if it has none."""
    commands = list_values(text, "ExecStart")
    return commands[-1][1] if commands else None


def exec_start_path(text):
    """Path of the file that contains the effective ExecStart command; None if it is not known."""
    commands = list_values(text, "ExecStart")
    return commands[-1][0] if commands else None


# ---- words

def split_words(text, is_strict=False):
    """[(begin, end, word)] of a value: words without quotes and escapes, and where they are in the text.

    is_strict: bool, whether an unknown escape sequence is an error; otherwise it is kept. Raises ValueError, whose argument is
    the words before the error, also for unbalanced quotes.
    """
    words, place = [], _skip_whitespace(text, 0)
    while place < len(text):
        match = WORD.match(text, place)
        if not match or text[match.end():match.end() + 1].strip(WHITESPACE):
            raise ValueError(words)
        parts = [_unescape("".join(groups), is_strict) for groups in WORD_PART.findall(match.group())]
        if None in parts:
            raise ValueError(words)
        word = "".join(parts).encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
        words.append((place, match.end(), word))
        place = _skip_whitespace(text, match.end())
    return words


def _skip_whitespace(text, place):
    while text[place:place + 1] and text[place] in WHITESPACE:
        place += 1
    return place


def _unescape(text, is_strict):
    """The text with its escape sequences replaced; None if one is unknown and that is an error."""
    unknown = []

    def replace(match):
        character = _escaped_character(*match.groups())
        if character is None:
            unknown.append(match.group())
            return match.group()
        return character
    replaced = ESCAPE.sub(replace, text)
    return None if unknown and is_strict else replaced


def _escaped_character(simple, hexadecimal, octal, short, long, unused):
    """The character of an escape sequence; None if it is unknown or would be a null character or not valid Unicode."""
    if simple:
        return ESCAPED.get(simple, simple)
    if hexadecimal or octal:
        code = int(hexadecimal, 16) if hexadecimal else int(octal, 8)
        return chr(code if code < 128 else BYTE_SURROGATE + code) if 0 < code < 256 else None
    code = int(short or long or "0", 16)
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else None


def quote_word(word):
    """The text of a word in a command of a unit, for which systemd reads this word again."""
    word = word.replace("%", "%%").replace("$", "$$")
    if PLAIN_WORD.match(word):
        return word
    for character, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\0", "")):
        word = word.replace(character, escape)
    return '"%s"' % word


def expand_specifiers(word):
    """A word with the specifiers of systemd.unit(5) replaced, as far as they are known here."""
    return re.sub("(?s)%(.)", lambda match: SPECIFIERS.get(match.group(1), match.group()), word)


def expand_word(word, variables):
    """The words (list of str) that a word of a command becomes. variables: {name: value}.

    $NAME as a whole word becomes the words of its value, without any if it is not set. ${NAME} becomes its value as it is, also
    within a word. $$ is a dollar sign.
    """
    if word.startswith("$") and word[1:2] not in ("{", "$"):
        value = variables.get(word[1:], "")
        return ["".join(_keep_escaped("".join(groups)) for groups in VARIABLE_PART.findall(match.group()))
                for match in VARIABLE_WORD.finditer(value)]
    return [re.sub(r"\$\$|\$\{([^}]*)\}", lambda match: "$" if match.group() == "$$" else variables.get(match.group(1), ""), word)]


def _keep_escaped(text):
    return re.sub(r"(?s)\\(.)", r"\1", text)


# ---- variables

def environment_files(text):
    """Paths (list of str) of the effective EnvironmentFile= lines in the output of `systemctl cat`. They can be patterns (glob(7))."""
    paths = [value[1:] if value.startswith("-") else value for unused, value in list_values(text, "EnvironmentFile")]
    return [expand_specifiers(path) for path in paths if path.startswith("/")]


def parse_environment_file(text):
    """{name: value} of the text of an environment file."""
    variables = {}
    for match in ENVIRONMENT_ENTRY.finditer(text):
        name, quoted, plain = match.groups()
        if quoted is None or not NAME.match(name.rstrip(WHITESPACE)):
            continue
        characters = re.findall(r"(?s)\\.|[^\\]", plain)
        while characters and characters[-1] in WHITESPACE:
            characters.pop()
        # An escaped line end is removed. In double quotes a backslash escapes only what a shell would expand.
        value = "".join(part.lstrip("\\") or "\\" for part in characters if part not in ("\\\n", "\\\r"))
        variables[name.rstrip(WHITESPACE)] = "".join(
            re.sub(r'(?s)\\([\\"$`]|\n)', lambda match: match.group(1).strip("\n"), double) + single
            for double, single in QUOTED_PART.findall(quoted)) + value
    return variables


def environment(text, files):
    """{name: value} that systemd sets for a command of a unit.

    text: the output of `systemctl cat`. files: texts of its environment files in their order. A file overrides Environment=,
    whatever the order of the lines is, and UnsetEnvironment= overrides both.
    """
    variables = dict(assignment for assignment in _assignments(text, "Environment") if assignment[1] is not None)
    for file_text in files:
        variables.update(parse_environment_file(file_text))
    for name, value in _assignments(text, "UnsetEnvironment"):
        if value is None or variables.get(name) == value:
            variables.pop(name, None)
    return variables


def _assignments(text, setting):
    """[(name, value)] of the words of a setting. The value is None for a word without an equals sign."""
    assignments = []
    for unused, line in list_values(text, setting):
        try:
            words = split_words(line, is_strict=True)
        except ValueError as error:  # systemd ignores the rest of the line
            words = error.args[0]
        for unused_begin, unused_end, word in words:
            name, sign, value = expand_specifiers(word).partition("=")
            if NAME.match(name):
                assignments.append((name, value if sign else None))
    return assignments


# ---- the data root

def split_root_flag(command, variables=None):
    """Separate the flag of the data root from an ExecStart command.

    command: str. variables: {name: value}. Returns (the command without the flag, the data root or None). A variable that contains
    the flag is replaced by the rest of its words; everything else is left unchanged. dockerd uses the last of several flags.
    """
    try:
        raw_words = split_words(command)
    except ValueError:  # systemd rejects such a unit
        return command, None
    expanded = [_expand(word, position, raw_words, variables or {}) for position, (unused, unused_end, word) in enumerate(raw_words)]
    arguments = [(position, word) for position, words in enumerate(expanded) for word in words]
    flags, root = _find_root_flags([word for unused, word in arguments])
    parts = []
    for position, (begin, end, unused) in enumerate(raw_words):
        rest = [word for index, (place, word) in enumerate(arguments) if place == position and index not in flags]
        is_changed = len(rest) != len(expanded[position])
        parts += [quote_word(word) for word in rest] if is_changed else [command[begin:end]]
    return " ".join(parts), root


def _expand(word, position, raw_words, variables):
    prefix = COMMAND_PREFIX.match(raw_words[0][2]).group()
    word = expand_specifiers(word)
    return [word] if position == 0 or ":" in prefix else expand_word(word, variables)


def command_words(command, variables):
    """The words (list of str) with which systemd runs an ExecStart command (str); empty if it rejects it. variables: {name: value}."""
    try:
        raw_words = split_words(command)
    except ValueError:
        return []
    return [part for position, (unused, unused_end, word) in enumerate(raw_words)
            for part in _expand(word, position, raw_words, variables)]


def flag_value(words, *names):
    """Value (str) of the last of the flags `names` in the words of a command; empty without a value; None if no word is such a flag."""
    value = None
    for word, following in zip(words[1:], words[2:] + [""]):
        name, sign, text = word.partition("=")
        if name in names:
            value = text if sign else "" if following.startswith("-") else following
    return value


def _find_root_flags(arguments):
    """(indexes of the arguments that set the data root, its value or None)."""
    flags, root, index = set(), None, 1
    while index < len(arguments) and arguments[index] != "--":
        match = ROOT_FLAG.match(arguments[index])
        if match:
            flags.add(index)
            root = match.group("long") if match.group("short") is None else match.group("short") or None
            if root is None:  # the value is the next argument
                index += 1
                flags.add(index)
                root = arguments[index] if index < len(arguments) else ""
            elif match.group("short"):
                root = root[1:] if root.startswith("=") else root
        index += 1
    return flags, root
