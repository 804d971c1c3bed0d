# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    """Attributes of modules that only read or wait."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in check mode and predict the change without making it.
    support: full
    details: This module does not change anything.
  diff_mode:
    description: Returns the differences between the state before and after in diff mode.
    support: N/A
    details: This module does not change anything.
  idempotent:
    description: A second run with the same arguments reports no change, unless something else changed the state in between.
    support: full
    details: This module never reports a change.
  platform:
    description: Operating systems of the host that runs the module.
    support: full
    platforms: posix
"""
