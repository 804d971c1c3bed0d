# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain Python data from what a filter gets."""


def plain_data(value):
    """A copy of `value` made of dict, list and scalars. Every filter converts each dict or list that it gets.

    From ansible-core 2.19 a filter gets lazy containers (ansible/_internal/_templating/_lazy_containers.py). copy.deepcopy() of one also
    copies the templar with all plugin loaders, and ansible-core 2.21 warns about that. Reading each item resolves its templates.
    """
    if isinstance(value, dict):
        return {key: plain_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_data(item) for item in value]
    return value
