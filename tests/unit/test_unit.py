# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of systemd as text: lines, words, variables and the flag of the data root."""
import pytest
from ansible_collections.fay.rancher.plugins.module_utils._engine.unit import (
    environment,
    environment_files,
    exec_start,
    exec_start_path,
    expand_word,
    list_values,
    logical_lines,
    parse_environment_file,
    quote_word,
    service_assignments,
    split_root_flag,
    split_words,
)
from hypothesis import given
from hypothesis import strategies as st

BACKSLASH = "\\"
UNIT_PATH = "/lib/systemd/system/docker.service"
DROP_IN_PATH = "/etc/systemd/system/docker.service.d/a.conf"
# The unit and the drop-in that kubespray writes: roles/container-engine/docker/templates, docker.service.j2 and docker-options.conf.j2.
KUBESPRAY = r"""# /etc/systemd/system/docker.service
[Unit]
Description=Docker Application Container Engine
[Service]
Type=notify
Environment=GOTRACEBACK=crash
ExecReload=/bin/kill -s HUP $MAINPID
ExecStart=/usr/bin/dockerd \
          $DOCKER_OPTS \
          $DOCKER_STORAGE_OPTIONS \
          $DOCKER_DNS_OPTIONS
TasksMax=infinity

# /etc/systemd/system/docker.service.d/docker-options.conf
[Service]
Environment="DOCKER_OPTS= --iptables=false \
--exec-opt native.cgroupdriver=systemd \
 \
 \
--data-root=/srv/engine \
--log-opt max-size=50m --log-opt max-file=5"
"""


def words(text, **options):
    return [word for unused, unused_end, word in split_words(text, **options)]


# ---- lines

@pytest.mark.parametrize("unit, command", [
    ("ExecStart=/d a \\\n# --data-root=/old \\\n b", "/d a   b"),
    ("ExecStart=/d a\\\n  ; --data-root=/old\n # x\nb", "/d a b"),
    ("ExecStart=/d a\\\n\nb", "/d a"),  # an empty line ends the command
    ("ExecStart=/d a \\\\\nb=c", "/d a \\\\"),  # an escaped backslash does not continue the line
    ("# ExecStart=/old \\\nExecStart=/d", "/d"),
    (";ExecStart=/old\nExecStart=/d\n#ExecStart=/old", "/d"),
    (" \tExecStart \t= /d a\t ", "/d a"),
    ("ExecStart=/old\nExecStart=\nExecStart=/d", "/d"),
    ("ExecStart=/old\nExecStart= ", None),
    ("ExecStart=/d\n[Install]\nExecStart=/old", "/d"),
    ("ExecStart=/d\n[X-Fay]\nExecStart=/old\n[Service]\nUser=root", "/d"),
    ("ExecStartPre=/old\nexecstart=/old\nExecStart=/d", "/d"),
    ("ExecStart=/d a\r\nUser=root\r\n", "/d a"),
    ("ExecStart=/d a\x0bb\u2028c", "/d a\x0bb\u2028c"),  # line ends of str.splitlines() but not of systemd
])
def test_the_command_is_read_as_systemd_reads_it(unit, command):
    assert exec_start("[Service]\n" + unit) == command


def test_a_byte_order_mark_before_the_first_section_is_ignored():
    assert exec_start("\ufeff[Service]\nExecStart=/d") == "/d"


def test_a_file_without_a_section_does_not_continue_the_section_of_the_file_before():
    text = "# %s\n[Service]\nExecStart=/d\\\n\n# %s\nExecStart=/old\n" % (UNIT_PATH, DROP_IN_PATH)
    assert (exec_start(text), exec_start_path(text)) == ("/d", UNIT_PATH)


def test_a_continued_line_ends_with_its_file():
    text = "# %s\n[Service]\nExecStart=/d \\\n# %s\n[Service]\nUser=x" % (UNIT_PATH, DROP_IN_PATH)
    assert list_values(text, "ExecStart") == [(UNIT_PATH, "/d")]
    assert list_values(text, "User") == [(DROP_IN_PATH, "x")]


def test_a_comment_with_another_path_is_not_the_beginning_of_a_file():
    assert exec_start("[Service]\n# /etc/docker/daemon.json\nExecStart=/d") == "/d"


def test_the_last_drop_in_determines_the_command_and_its_path():
    text = "[Service]\nExecStart=/a\n\n# /etc/systemd/system/docker.service.d/override.conf\n[Service]\nExecStart=\nExecStart=/b\n"
    assert (exec_start(text), exec_start_path(text)) == ("/b", "/etc/systemd/system/docker.service.d/override.conf")
    assert exec_start_path("[Service]\nUser=x") is None


# ---- words

@pytest.mark.parametrize("text, expected", [
    ("a  b\tc", ["a", "b", "c"]),
    ("'a b' \"c d\" e' 'f", ["a b", "c d", "e f"]),
    (r'"a\"b" \x41\102\u0043\U00000044 \s\t', ['a"b', "ABCD", " \t"]),
    (r"\xc3\xa9 é", ["é", "é"]),
    (r"\q \x00 \ud800 \777", [r"\q", r"\x00", r"\ud800", r"\777"]),
    ("'' a", ["", "a"]),
    ("a\xa0b", ["a\xa0b"]),  # white space of Python but not of systemd
    ("", []),
])
def test_words_are_split_and_unquoted_as_systemd_does_it(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize("text, before", [("a 'b", ["a"]), ('a b"', ["a"]), ("a \\", ["a"])])
def test_unbalanced_quotes_are_an_error_with_the_words_before_them(text, before):
    with pytest.raises(ValueError) as error:
        split_words(text)
    assert [word for unused, unused_end, word in error.value.args[0]] == before


@pytest.mark.parametrize("word, expected", [
    ("$A", ["x", "y z"]), ("${A}", ["x 'y z'"]), ("--a=${B}", ["--a=1"]), ("--a=$B", ["--a=$B"]), ("$$B", ["$B"]), ("$NO", []),
    ("${NO}", [""]), ("${B", ["${B"]), ("$B/x", []), ("a$$b", ["a$b"]),
])
def test_variables_are_split_only_as_a_whole_word_without_braces(word, expected):
    assert expand_word(word, {"A": "x 'y z'", "B": "1"}) == expected


def test_quotes_in_a_variable_can_be_unbalanced():
    assert expand_word("$A", {"A": "a 'b c"}) == ["a", "b c"]
    assert expand_word("$A", {"A": "a\\ b \\"}) == ["a b", ""]


@given(st.text(min_size=1))
def test_a_quoted_word_is_read_as_the_same_word(word):
    word = word.replace("\0", "")
    read = words(quote_word(word))
    assert read == [word.replace("%", "%%").replace("$", "$$")]


# ---- variables

@pytest.mark.parametrize("lines, expected", [
    ('Environment="A=b c" D=e \'F=g h\'', {"A": "b c", "D": "e", "F": "g h"}),
    ("Environment=A=1 A=2\nEnvironment=A=3", {"A": "3"}),
    ("Environment=A=1\nEnvironment=\nEnvironment=B=2", {"B": "2"}),
    (r'Environment="A=\"b\" \x41 \\ %% %n"', {"A": '"b" A \\ % docker.service'}),
    ("Environment=A=$B", {"A": "$B"}),  # not expanded here
    ("Environment=1A=x B-C=x noassignment D=y", {"D": "y"}),
    ("Environment=A=1 'B=2\nEnvironment=C=3", {"A": "1", "C": "3"}),  # the rest of the line is ignored
    (r"Environment=A=1 B=\q C=3", {"A": "1"}),
    ("Environment=A=1 B=2 C=3\nUnsetEnvironment=A B=2 C=4", {"C": "3"}),
    ("Environment=A=1\nUnsetEnvironment=A\nUnsetEnvironment=", {"A": "1"}),
    ("Environment=A=", {"A": ""}),
])
def test_the_environment_is_read_as_systemd_reads_it(lines, expected):
    assert environment("[Service]\n" + lines, []) == expected


def test_files_override_the_environment_and_both_can_be_unset():
    text = "[Service]\nEnvironmentFile=/a\nEnvironment=A=1 B=1\nUnsetEnvironment=C\n"
    assert environment(text, ["A=2\nC=2\n", "A=3"]) == {"A": "3", "B": "1"}


def test_environment_files_are_found():
    text = "[Service]\nEnvironmentFile=/no\nEnvironmentFile=\nEnvironmentFile=-/etc/a b\nEnvironmentFile=/etc/%p*\nEnvironmentFile=rel"
    assert environment_files(text) == ["/etc/a b", "/etc/docker*"]


@pytest.mark.parametrize("text, expected", [
    ("# A=1\n; A=2\n  A = b c \n", {"A": "b c"}),
    ("A='b\nc' \nD=\"e\\\nf\"", {"A": "b\nc", "D": "ef"}),
    ("A=b\\\nc\nD=1", {"A": "bc", "D": "1"}),
    (r'A="\"\$\x"', {"A": '"$\\x'}),
    (r"A=\"b\ " + "\n", {"A": '"b '}),
    ("A=b\"c\"'d'", {"A": "b\"c\"'d'"}),  # quotes inside of an unquoted value
    ("A='b' \"c\" d", {"A": "bcd"}),
    ("export A=1\nB", {}),
    ("A=1\nA=2", {"A": "2"}),
    ("A=\nB='open\nC=1", {"A": "", "B": "open\nC=1"}),
    ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
    ("# comment \\\nA=1", {"A": "1"}),
])
def test_environment_files_are_read_as_systemd_reads_them(text, expected):
    assert parse_environment_file(text) == expected


# ---- the data root

@pytest.mark.parametrize("command, root, rest", [
    ("/d --data-root= -D", "", "/d -D"),
    ("/d -g=/a", "/a", "/d"), ("/d -g/a", "/a", "/d"), ("/d -Dg /a x", "/a", "/d x"), ("/d -g", "", "/d"),
    ("/d --data-root=/a --graph /b", "/b", "/d"),
    ('/d "--data-root=/a b" \'-D\'', "/a b", "/d '-D'"),
    ("/d -- --data-root=/a", None, "/d -- --data-root=/a"),
    ("/d --data-root-x=/a --log-opt tag=--data-root=/a", None, "/d --data-root-x=/a --log-opt tag=--data-root=/a"),
    ("/d $OPTS ${B} -H fd://", "/a", r'/d --x "y z" "a\"$$1" ${B} -H fd://'),
    ("/d --data-root $ROOT $NO", "/r", "/d $NO"), ("/d --data-root=${ROOT} -D", "/r", "/d -D"),
    ("/d ${OPTS}", None, "/d ${OPTS}"),  # one word
    (":/d --data-root=$ROOT $OPTS", "$ROOT", ":/d $OPTS"),  # the colon turns variables off
    ("/d --data-root=/srv/%p%%1", "/srv/docker%1", "/d"),
    ("/d 'unbalanced --data-root=/a", None, "/d 'unbalanced --data-root=/a"),
    ("", None, ""),
])
def test_the_flag_of_the_data_root_is_separated(command, root, rest):
    variables = {"OPTS": "--x 'y z' --data-root=/a 'a\"$1'", "ROOT": "/r", "B": "-b"}
    assert split_root_flag(command, variables) == (rest, root)


def test_the_data_root_of_a_host_made_by_kubespray_is_found():
    command, root = split_root_flag(exec_start(KUBESPRAY), environment(KUBESPRAY, []))
    assert root == "/srv/engine"
    assert command == ("/usr/bin/dockerd --iptables=false --exec-opt native.cgroupdriver=systemd --log-opt max-size=50m "
                       "--log-opt max-file=5 $DOCKER_STORAGE_OPTIONS $DOCKER_DNS_OPTIONS")


# ---- any text

unit_lines = st.lists(st.sampled_from([
    "[Service]", "[Unit]", "ExecStart=/d $A \\", "ExecStart=", "ExecStart=/d -g '/a", "# x \\", ";", "", "  --graph=/b", "\\",
    "Environment=A=-g/c", "EnvironmentFile=-/x", "UnsetEnvironment=A", "# " + DROP_IN_PATH, "\ufeff[Service]"]) | st.text(max_size=9))


@given(unit_lines, st.text(), st.text(), st.text())
def test_any_unit_is_read_without_an_exception(lines, command, file_text, value):
    text = "\n".join(lines)
    variables = environment(text, [file_text])
    split_root_flag(exec_start(text) or "", variables)
    split_root_flag(command, dict(variables, A=value))
    environment_files(text)
    expand_word("$A", {"A": value})


@given(unit_lines)
def test_lines_lose_nothing_but_comments_and_white_space(lines):
    text = "\n".join(lines)
    kept = [line for line in text.replace("\r", "\n").replace("\0", "\n").split("\n") if line.lstrip(" \t")[:1] not in ("#", ";")]
    expected = "".join(kept).replace(BACKSLASH, "").replace("\ufeff", "")
    joined = "".join(line for unused, line in logical_lines(text)).replace(BACKSLASH, "").replace("\ufeff", "")
    assert [c for c in joined if c not in " \t"] == [c for c in expected if c not in " \t"]


@given(st.lists(st.sampled_from(["-D", "-H", "fd://", "--data-root=/a", "-g", "/b", "'c d'", "${X}", "$Y", "$Z"])))
def test_a_command_without_the_flag_is_the_same_command_otherwise(arguments):
    command = " ".join(["/d"] + arguments)
    variables = {"Y": "-g /y --y", "Z": "--z"}
    rest, root = split_root_flag(command, variables)
    assert split_root_flag(rest, variables) == (rest, None)
    if root is None:
        assert rest == command


def test_assignments_keep_their_order():
    text = "[Service]\nB=1\nA = 2=3\n[Unit]\nC=4\n[Service]\nB="
    assert service_assignments(text) == [(None, "B", "1"), (None, "A", "2=3"), (None, "B", "")]
