# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed packages and their holds, through the commands of the package manager. Private to the collection."""
import fnmatch
import glob
import re

from ansible_collections.fay.rancher.plugins.module_utils._engine.filesystem import read_text

DPKG_FORMAT = "${Package}\t${Version}\t${db:Status-Status}\t${db:Status-Want}\n"  # dpkg-query(1)
RPM_FORMAT = "%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n"
REPOSITORY_FILES = ("/etc/dnf/dnf.conf", "/etc/yum.conf", "/etc/yum.repos.d/*.repo")
EXCLUDE = re.compile(r"(?m)^exclude(?:pkgs)?\s*=(.*(?:\n[ \t]+\S.*)*)")  # dnf.conf(5): separated by spaces or commas, may be continued


def installed_packages(host, names):
    """(versions, held): {name: version} of those packages that are installed, and which names (list of str) are held.

    A version has the form of the package manager, such as 5:24.0.7-1~debian.12~bookworm or 3:24.0.7-1.el9. dpkg and rpm are both
    asked, since each can be installed as a tool on a system of the other. host: Host. names: list of str.
    """
    if not names:
        return {}, []
    versions, held = _parse_dpkg(host.run("dpkg-query", "--show", "--showformat", DPKG_FORMAT, *names)[1])
    code, out, unused = host.run("rpm", "--query", "--queryformat", RPM_FORMAT, *names)
    if code != 127:
        versions.update(line.split("\t") for line in out.splitlines() if line.count("\t") == 1)  # others: `package X is not installed`
        held += [name for name in names if is_excluded(name)]
    return versions, held


def _parse_dpkg(out):
    rows = [line.split("\t") for line in out.splitlines() if line.count("\t") == 3]
    versions = dict((name, version) for name, version, status, unused in rows if status == "installed")
    return versions, [name for name, unused, unused_status, wanted in rows if wanted == "hold"]


def is_excluded(name):
    """Whether `exclude` in the configuration of dnf or yum holds a package. Raises OSError."""
    texts = [read_text(path, errors="replace") for pattern in REPOSITORY_FILES for path in sorted(glob.glob(pattern))]
    patterns = [pattern for text in texts for value in EXCLUDE.findall(text) for pattern in re.split(r"[\s,]+", value.strip())]
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
