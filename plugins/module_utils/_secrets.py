# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that contain secrets and do not show them. Private to the collection; may change without notice."""


def repr_of(*names):
    """A `__repr__` that shows only these fields, so that no traceback and no message contains the others.

    Use it in a NamedTuple as `__repr__ = repr_of("name", …)`.
    """
    def __repr__(self):
        return "%s(%s, ...)" % (type(self).__name__, ", ".join("%s=%r" % (name, getattr(self, name)) for name in names))

    return __repr__
