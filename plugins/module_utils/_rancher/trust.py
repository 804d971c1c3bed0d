# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the certificate of a Rancher server is verified. Private to the collection; may change without notice."""
import contextlib
import hashlib
import os
import tempfile
from urllib.parse import urlsplit

from ansible_collections.fay.rancher.plugins.module_utils._files import status
from ansible_collections.fay.rancher.plugins.module_utils._rancher.transport import RancherError


def check_url(url, option="url"):
    """Raise RancherError unless `url`, the value of `option`, is https://HOST[:PORT].

    Rancher itself accepts any text as server-url, and its agents then fail one by one (recorded on 2.6.2).
    """
    parts = urlsplit(url or "")
    try:
        is_valid = parts.scheme == "https" and parts.hostname and (parts.port or 443) and not parts.query
    except ValueError:
        is_valid = False
    if not is_valid or parts.path.strip("/") or parts.username or " " in url:
        raise RancherError("%s is %r; https://HOST or https://HOST:PORT is required. Correct %s" % (option, url, option))


def checksum(pem):
    """The SHA-256 (hex) of a CA's PEM text as `--ca-checksum` expects it: with exactly one newline at its end.

    Source: rancher/rancher @v2.6.2 pkg/systemtemplate/import.go.
    """
    return hashlib.sha256((pem.strip() + "\n").encode()).hexdigest()


class Trust:
    """The CA by which a server is verified.

    verify: bool. ca_cert: str, a PEM text or a path on this host. ca_checksum: str, hex, see checksum(). ca_from_loopback: bool, trust
    the CA that this host serves on 127.0.0.1, since the server runs on this host. Raises RancherError.
    Attribute ca_file: path of a PEM file, or None for the host's CAs.
    """

    def __init__(self, verify=True, ca_cert=None, ca_checksum=None, ca_from_loopback=False):
        self.verify, self.ca_checksum, self.ca_from_loopback = verify, ca_checksum, ca_from_loopback
        self.ca_file = self._temporary_file = None
        if ca_cert and "-----BEGIN" in ca_cert:
            self._write(ca_cert)
        elif ca_cert:
            self.ca_file = readable_ca_file(ca_cert)

    @property
    def needs_ca_of_server(self):
        """Whether the CA has yet to be fetched from the server."""
        return bool(self.verify and not self.ca_file and (self.ca_checksum or self.ca_from_loopback))

    def ca_source(self, url):
        """The URL from which the CA of the server at `url` is fetched."""
        if self.ca_from_loopback and not self.ca_checksum:
            return "https://127.0.0.1:%d" % (urlsplit(url).port or 443)
        return url

    def accept(self, pem, url):
        """Verify the server at `url` by this CA from now on. Raises RancherError if ca_checksum is that of another CA."""
        actual = checksum(pem)
        if self.ca_checksum and actual != self.ca_checksum.lower():
            raise RancherError(
                "The CA of %s has the checksum %s, but ca_checksum is %s. Either this is another server or its CA was renewed. Compare "
                "the CA on the server's host, then correct ca_checksum" % (url, actual, self.ca_checksum))
        self._write(pem)

    def close(self):
        """Delete the temporary file."""
        if self._temporary_file:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary_file)
            self.ca_file = self._temporary_file = None

    def _write(self, pem):
        handle, self._temporary_file = tempfile.mkstemp(suffix=".pem")
        with os.fdopen(handle, "w") as target:
            target.write(pem.strip() + "\n")
        self.ca_file = self._temporary_file


def readable_ca_file(path):
    """The path, if a file exists there. Raises RancherError."""
    try:
        file_status = status(path)
    except OSError as error:
        raise RancherError("ca_cert is %s, which cannot be read: %s. Choose a file that the user of the task can read"
                           % (path, error.strerror))
    if not file_status:
        raise RancherError("ca_cert is %s, which does not exist on this host. Copy the CA there, or set ca_cert to its PEM text" % path)
    return path
