# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter kubectl_version; documented in kubectl_version.yml."""
import json
import re

from ansible.errors import AnsibleFilterError


def version_of_output(output):
    """The version in the output of `kubectl version --client -o json`, such as "v1.21.5". Raises AnsibleFilterError."""
    try:
        return json.loads(output)["clientVersion"]["gitVersion"]
    except (KeyError, TypeError, ValueError):
        raise AnsibleFilterError("kubectl_version: the output of kubectl_access_file has no clientVersion.gitVersion; the output of "
                                 "`kubectl version --client -o json` is required. Set kubectl_access_file to a kubectl program")


def kubectl_version(requested, cluster="", newest="", file="", file_output=""):
    """The version of kubectl to install, such as "v1.21.5"; "" if it is not known yet.

    requested: str, a version, a series or "auto". cluster: str, the version of the API server. newest: str, the newest version of the
    series. file: str, the path of a program that is installed instead of a download. file_output: str, its output of
    `version --client -o json`, "" if it was not run.
    """
    if file:
        return str(version_of_output(file_output)) if file_output else ""
    if requested == "auto":
        # Distributions append a suffix: v1.27.3+rke2r1, v1.27.3-gke.100.
        release = re.match(r"v[0-9.]+", cluster)
        return release.group() if release else ""
    return newest.strip() or "v" + re.sub("^v", "", requested)


class FilterModule:
    def filters(self):
        return {"kubectl_version": kubectl_version}
