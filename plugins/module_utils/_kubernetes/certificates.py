# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads subject, issuer, dates and names of certificates with the standard library only. Private to the collection.

The format is Certificate of RFC 5280, section 4.1, in DER (ITU-T X.690). Signatures are verified by openssl (openssl.py).
"""
import binascii
import contextlib
import datetime
import ipaddress
import os
import re
import ssl
import tempfile

# X.520 attribute types that occur in the subjects of Kubernetes identities: RFC 4519.
ATTRIBUTES = {"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU"}
ALTERNATIVE_NAMES = "2.5.29.17"  # RFC 5280, 4.2.1.6
PEM_BLOCK = re.compile(r"-----BEGIN (?P<kind>[A-Z0-9 ]+)-----\s*(?P<body>.*?)\s*-----END (?P=kind)-----", re.S)
# Tags of DER: X.690 section 8, and the context-specific ones of RFC 5280.
TAG_UTC_TIME = 0x17
TAG_VERSION = 0xA0
TAG_EXTENSIONS = 0xA3
TAG_DNS_NAME = 0x82
TAG_IP_ADDRESS = 0x87


class CertificateError(Exception):
    """A certificate or a key is damaged. The message continues a sentence that names it."""


class DerElement:
    """The first DER element of some bytes.

    tag: int. content: bytes. rest: bytes, what follows the element. Raises CertificateError.
    """

    def __init__(self, data):
        try:
            self.tag, length, start = data[0], data[1], 2
            if length & 0x80:
                start = 2 + (length & 0x7F)
                length = int.from_bytes(data[2:start], "big")
        except IndexError:
            raise CertificateError("it ends too early")
        if len(data) < start + length:
            raise CertificateError("it ends too early")
        self.content, self.rest = data[start:start + length], data[start + length:]

    def children(self):
        """The list of DerElements in this one. Raises CertificateError."""
        elements, rest = [], self.content
        while rest:
            elements.append(DerElement(rest))
            rest = elements[-1].rest
        return elements


def decode_object_identifier(content):
    """An object identifier (bytes) in dotted form: X.690, 8.19. Raises CertificateError."""
    numbers, number = [], 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    if not numbers:
        raise CertificateError("an object identifier is empty")
    first = min(numbers[0] // 40, 2)
    return ".".join(str(part) for part in [first, numbers[0] - 40 * first] + numbers[1:])


def decode_name(element):
    """[(attribute, value)] of a subject or an issuer, in their order. Raises CertificateError."""
    name = []
    for group in element.children():
        for pair in group.children():
            kind, value = pair.children()[:2]
            dotted = decode_object_identifier(kind.content)
            name.append((ATTRIBUTES.get(dotted, dotted), value.content.decode("utf-8", "replace")))
    return name


def decode_time(element):
    """An aware datetime from a UTCTime or a GeneralizedTime: RFC 5280, 4.1.2.5. Raises CertificateError."""
    text = element.content.decode("ascii", "replace")
    if element.tag == TAG_UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    try:
        return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        raise CertificateError("%r is not a valid date in a certificate" % text)


def decode_alternative_names(extensions):
    """The DNS names and IP addresses (str) of a certificate's extensions (DerElement). Raises CertificateError."""
    names = []
    for extension in extensions.children()[0].children():
        parts = extension.children()
        if decode_object_identifier(parts[0].content) == ALTERNATIVE_NAMES:
            names += [decode_general_name(name) for name in DerElement(parts[-1].content).children()]
    return [name for name in names if name is not None]


def decode_general_name(element):
    """A DNS name or an IP address (str); None for other kinds of names. Raises CertificateError."""
    if element.tag == TAG_DNS_NAME:
        return element.content.decode("ascii", "replace")
    if element.tag != TAG_IP_ADDRESS:
        return None
    try:
        return str(ipaddress.ip_address(element.content))
    except ValueError:
        raise CertificateError("an IP address among its names has %d bytes" % len(element.content))


def pem_blocks(text):
    """[(kind, DER bytes)] of the PEM blocks in a text (str). Raises CertificateError."""
    blocks = []
    for match in PEM_BLOCK.finditer(text):
        try:
            blocks.append((match.group("kind"), binascii.a2b_base64(re.sub(r"\s", "", match.group("body")).encode())))
        except (binascii.Error, ValueError):
            raise CertificateError("its base64 is damaged")
    return blocks


def decode(text):
    """The first certificate of a PEM text: {subject, issuer, not_before, not_after, names}.

    subject, issuer: [(attribute, value)]. Dates: aware datetimes. names: list of DNS names and IP addresses. Raises CertificateError.
    """
    der = next((body for kind, body in pem_blocks(text) if kind == "CERTIFICATE"), None)
    if der is None:
        raise CertificateError("it contains no PEM certificate")
    try:
        fields = DerElement(der).children()[0].children()
        if fields[0].tag == TAG_VERSION:  # absent in version 1
            fields = fields[1:]
        issuer, validity, subject = fields[2:5]
        begin, end = validity.children()[:2]
        extensions = [field for field in fields[5:] if field.tag == TAG_EXTENSIONS]
        return {"subject": decode_name(subject), "issuer": decode_name(issuer),
                "not_before": decode_time(begin), "not_after": decode_time(end),
                "names": decode_alternative_names(extensions[0]) if extensions else []}
    except (IndexError, ValueError) as error:
        raise CertificateError("it is not an X.509 certificate: %s" % error)


def format_name(name):
    """A subject or issuer as RKE's sources and openssl write it: `O=system:nodes,CN=system:node`."""
    return ",".join("%s=%s" % pair for pair in name)


def format_date(date):
    """A datetime as YYYY-MM-DD."""
    return date.strftime("%Y-%m-%d")


def common_name(name):
    """The CN of a subject; empty if it has none. Kubernetes uses it as the name of the user."""
    return next((value for attribute, value in name if attribute == "CN"), "")


def organizations(name):
    """The O values of a subject. Kubernetes uses them as the groups of the user."""
    return [value for attribute, value in name if attribute == "O"]


def days_until(end, start=None):
    """Whole days until an aware datetime; negative if it has passed. start: aware datetime; default: the current time."""
    return (end - (start or datetime.datetime.now(datetime.timezone.utc))).days


def covers_host(certificate, host):
    """Whether a decoded serving certificate is valid for a DNS name or an IP address: RFC 6125, with one leading `*.`."""
    try:
        return str(ipaddress.ip_address(host)) in certificate["names"]
    except ValueError:
        pass
    host = host.lower()
    wildcard = "*." + host.split(".", 1)[-1]
    return any(name.lower() in (host, wildcard) for name in certificate["names"])


@contextlib.contextmanager
def as_files(*texts):
    """Paths of temporary files with these texts, since ssl and openssl read only files. No other user can read the files."""
    with tempfile.TemporaryDirectory() as folder:  # mode 0700
        paths = [os.path.join(folder, str(number)) for number in range(len(texts))]
        for path, text in zip(paths, texts):
            with open(path, "w") as target:
                target.write(text)
        yield paths


def key_matches(certificate, key):
    """Whether a key belongs to a certificate, both PEM texts. Raises CertificateError if one of them cannot be read."""
    with as_files(certificate, key) as paths:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(*paths, password=reject_password)
            return True
        except ssl.SSLError as error:
            if "MISMATCH" in str(error).upper():
                return False
            raise CertificateError("certificate or key cannot be read: %s" % (error.reason or "not a PEM text"))
        except ValueError:
            raise CertificateError("the key is protected by a password")


def reject_password():
    """Called by ssl for a key with a password. Without this function, ssl would ask for the password on the terminal."""
    raise ValueError("keys with a password are not supported")
