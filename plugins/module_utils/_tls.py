# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies certificates as kubectl does, on every version of Python. Private to the collection.

Python 3.13 turns on VERIFY_X509_STRICT in ssl.create_default_context (docs.python.org/3/library/ssl.html). This flag rejects CAs and
certificates without key identifiers. Old Rancher and Kubernetes installations have such certificates, valid for ten years. Go, and so
kubectl, accepts them.
"""
import ssl
import time
from http.client import IncompleteRead

from ansible.module_utils import urls

READ_BYTES = 65536


def accept_missing_key_identifiers(context):
    """The same SSLContext with VERIFY_X509_STRICT turned off. Signatures, names and dates are verified as before."""
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def open_url(*arguments, **options):
    """Ansible's open_url without VERIFY_X509_STRICT. Same arguments, return value and errors.

    open_url has no option for it, so the function that makes its context is replaced during the call (ansible-core 2.16 to 2.21).
    """
    make_context = urls.make_context

    def make_accepting_context(*values, **names):
        return accept_missing_key_identifiers(make_context(*values, **names))

    urls.make_context = make_accepting_context
    try:
        return urls.open_url(*arguments, **options)
    finally:
        urls.make_context = make_context


def read_body(answer, seconds):
    """The bytes of an HTTP answer's body, read within `seconds` by the clock.

    A connection's timeout applies to each read, so a server that sends single bytes could block the caller forever.

    answer: http.client.HTTPResponse. Raises TimeoutError, and IncompleteRead if the connection ends too early.
    """
    end, parts = time.monotonic() + seconds, []
    while True:
        part = answer.read1(READ_BYTES)
        if not part:
            break
        parts.append(part)
        if time.monotonic() > end:
            raise TimeoutError("the answer was not complete within %.0f seconds" % seconds)
    if getattr(answer, "length", None):  # bytes of Content-Length that did not arrive
        raise IncompleteRead(b"".join(parts), answer.length)
    return b"".join(parts)
