# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the standard library cannot do: verifying and creating signatures with the program openssl. Private to the collection."""
import binascii
import os
import subprocess
import tempfile

from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import certificates as _certificates
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import pki as _pki
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.pki import PkiError

CLIENT_EXTENSIONS = "keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=clientAuth\n"
SERIAL_BYTES = 16  # a random serial number instead of the file with the CA's last one, which other programs maintain


def is_signed_by(certificate, authority):
    """Whether a CA signed a certificate, both PEM texts: bool, or None if openssl cannot be started."""
    with _certificates.as_files(authority, certificate) as paths:
        try:
            return subprocess.call(["openssl", "verify", "-partial_chain", "-CAfile"] + paths, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
        except OSError:
            return None


def is_signed_by_any(certificate, authorities):
    """As is_signed_by(), for a list of CAs (PEM texts)."""
    for authority in authorities:
        answer = is_signed_by(certificate, authority)
        if answer is not False:
            return answer
    return False


def create_client_certificate(layout, subject, days):
    """(certificate, key), PEM texts, signed with the CA's key on a control plane node. No file of the CA is changed.

    layout: a Layout. subject: str as openssl expects it, `/O=viewers/CN=alice`. days: int, lifetime. Raises PkiError.
    """
    if not _pki.exists(layout.signer_key):
        raise PkiError("%s does not exist: only control plane nodes have the CA's key. Use identity mint on one of them"
                       % layout.signer_key)
    with tempfile.TemporaryDirectory() as folder:
        key, request, extensions = (os.path.join(folder, name) for name in ("key", "request", "extensions"))
        with open(extensions, "w") as target:
            target.write(CLIENT_EXTENSIONS)
        run_openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", subject)
        serial = "0x" + binascii.hexlify(os.urandom(SERIAL_BYTES)).decode()
        certificate = run_openssl("x509", "-req", "-in", request, "-CA", layout.signer, "-CAkey", layout.signer_key, "-days", str(days),
                                  "-sha256", "-extfile", extensions, "-set_serial", serial)
        return certificate, _pki.read_pem(key)


def run_openssl(*arguments):
    """The standard output (str) of openssl. Raises PkiError."""
    try:
        process = subprocess.Popen(("openssl",) + arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise PkiError("openssl is required to create a certificate but cannot be started (%s). Install it" % error.strerror)
    output, errors = process.communicate()
    if process.returncode:
        raise PkiError("`openssl %s` failed: %s" % (arguments[0], " ".join(errors.decode("utf-8", "replace").split())))
    return output.decode("ascii", "replace")
