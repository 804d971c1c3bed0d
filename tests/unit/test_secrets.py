# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that contain passwords, tokens or keys do not show them in tracebacks and messages."""
import glob
import importlib
import os

import pytest
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import (
    access,
    identity,
    kubeconfig_file,
    kubeconfig_run,
    pki,
    rancher_access,
)
from ansible_collections.fay.rancher.plugins.module_utils._rancher import transport
from conftest import ROOT

SECRET = "token-xxxxx:SECRET"
# The fields of each type that contain secrets.
SECRET_FIELDS = {
    access.Identity: {"certificate", "key", "token"},
    identity.MintRequest: {"current_user"},
    kubeconfig_file.Entry: {"kubeconfig"},
    kubeconfig_file.FileChange: {"text", "before", "after"},
    kubeconfig_run.RancherRequest: {"connection"},
    kubeconfig_run.Request: {"content"},
    rancher_access.TokenRequest: {"current"},
    transport.Request: {"body", "token"},
}
SECRET_NAMES = set().union(*SECRET_FIELDS.values()) | {"password"}
WITHOUT_SECRETS = {pki.Layout}  # contains paths only


def named_tuples():
    """All named tuples of module_utils."""
    folder = os.path.join(ROOT, "plugins", "module_utils")
    for path in glob.glob(os.path.join(folder, "**", "*.py"), recursive=True):
        name = os.path.relpath(path, folder)[:-len(".py")].replace(os.sep, ".")
        module = importlib.import_module("ansible_collections.fay.rancher.plugins.module_utils." + name)
        yield from (value for value in vars(module).values() if hasattr(value, "_fields"))


@pytest.mark.parametrize("kind", SECRET_FIELDS, ids=lambda kind: kind.__module__.split(".")[-1] + "." + kind.__name__)
def test_a_value_shows_no_secret(kind):
    value = kind(**{name: {"x": SECRET} if name in SECRET_FIELDS[kind] else "public" for name in kind._fields})
    assert "SECRET" not in repr(value) and "SECRET" not in "%s %r" % (value, [value]) and "public" in repr(value)


def test_an_access_shows_no_secret_of_its_identity():
    value = access.VerifiedAccess(access.Access(access.Identity("admin", key=SECRET), access.Server("https://x"), None, "reason"), {})
    assert "SECRET" not in repr(value) and "admin" in repr(value) and "https://x" in repr(value)


def test_all_types_with_secrets_are_tested():
    kinds = set(named_tuples())
    assert set(SECRET_FIELDS) < kinds
    assert {kind for kind in kinds if set(kind._fields) & SECRET_NAMES} - WITHOUT_SECRETS == set(SECRET_FIELDS)
