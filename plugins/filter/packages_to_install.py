# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter packages_to_install; documented in packages_to_install.yml."""
import re

from ansible_collections.fay.rancher.plugins.plugin_utils._plain_data import plain_data


def has_version(installed, wanted):
    """Whether an installed version, such as 5:20.10.24~3-0~debian, is the wanted one: a version, a series such as 20.10, or empty for any.

    A series ends before a dot, as in the patterns that the role passes to the package managers.
    """
    upstream = re.sub(r"^[0-9]+:", "", installed)
    is_series = re.match(r"[0-9]+\.[0-9]+$", wanted)
    return upstream.startswith(wanted + "." if is_series else wanted)


def packages_to_install(installed, wanted):
    """Names (sorted list of str) of the packages that are missing or have another version.

    installed: {name: version, with its epoch}. wanted: {name: version, series or empty}.
    """
    installed, wanted = plain_data(installed), plain_data(wanted)
    return sorted(name for name, version in wanted.items() if name not in installed or not has_version(installed[name], version))


class FilterModule:
    def filters(self):
        return {"packages_to_install": packages_to_install}
