# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a certificate says: subject, issuer, dates, names. Read from its DER by the standard library alone.

The form is RFC 5280's (Certificate, section 4.1) in DER (ITU-T X.690). Signatures are left to openssl.
"""
import binascii
import contextlib
import datetime
import ipaddress
import os
import re
import ssl
import tempfile

# X.520 attribute types that stand in a Kubernetes identity: RFC 4519.
ATTRIBUTES = {"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU"}
ALTERNATIVE_NAMES = "2.5.29.17"  # RFC 5280, 4.2.1.6
BLOCK = re.compile(r"-----BEGIN (?P<kind>[A-Z0-9 ]+)-----\s*(?P<body>.*?)\s*-----END (?P=kind)-----", re.S)


class CertificateError(Exception):
    """Says what is wrong with a certificate or a key."""


class Value:
    """One element of DER: `tag` (int), `content` (bytes), `after` (bytes, what follows it)."""

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
        self.content, self.after = data[start:start + length], data[start + length:]

    def parts(self):
        """The elements in this one."""
        found, rest = [], self.content
        while rest:
            found.append(Value(rest))
            rest = found[-1].after
        return found


def identifier(content):
    """An object identifier in dots: X.690, 8.19."""
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


def name_of(value):
    """[(attribute, text)] of a subject or an issuer, in their order."""
    found = []
    for group in value.parts():
        for pair in group.parts():
            kind, text = pair.parts()[:2]
            dotted = identifier(kind.content)
            found.append((ATTRIBUTES.get(dotted, dotted), text.content.decode("utf-8", "replace")))
    return found


def time_of(value):
    """A UTCTime (tag 0x17) or GeneralizedTime (0x18) as an aware datetime."""
    text = value.content.decode("ascii", "replace")
    if value.tag == 0x17:
        text = ("19" if text[:2] >= "50" else "20") + text
    try:
        return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        raise CertificateError("%r is no date of a certificate" % text)


def alternative_names(extensions):
    """Texts: DNS names and IP addresses."""
    found = []
    for extension in extensions.parts()[0].parts():
        parts = extension.parts()
        if identifier(parts[0].content) != ALTERNATIVE_NAMES:
            continue
        for name in Value(parts[-1].content).parts():
            if name.tag == 0x82:
                found.append(name.content.decode("ascii", "replace"))
            elif name.tag == 0x87:
                try:
                    found.append(str(ipaddress.ip_address(name.content)))
                except ValueError:
                    raise CertificateError("an IP address among its names has %d bytes" % len(name.content))
    return found


def blocks(text):
    """[(kind, DER bytes)] of the PEM blocks in a text (str)."""
    found = []
    for match in BLOCK.finditer(text):
        try:
            found.append((match.group("kind"), binascii.a2b_base64(re.sub(r"\s", "", match.group("body")).encode())))
        except (binascii.Error, ValueError):
            raise CertificateError("its base64 is damaged")
    return found


def decode(text):
    """The first certificate of a PEM text: {subject, issuer, not_before, not_after, names}.

    subject and issuer: [(attribute, text)]; dates: aware datetimes; names: list of DNS names and addresses. Raises
    CertificateError.
    """
    der = next((body for kind, body in blocks(text) if kind == "CERTIFICATE"), None)
    if der is None:
        raise CertificateError("it holds no PEM certificate")
    try:
        fields = Value(der).parts()[0].parts()
        if fields[0].tag == 0xA0:  # the version, absent in version 1
            fields = fields[1:]
        issuer, validity, subject = fields[2:5]
        begin, end = validity.parts()[:2]
        extensions = [field for field in fields[5:] if field.tag == 0xA3]
        return {"subject": name_of(subject), "issuer": name_of(issuer), "not_before": time_of(begin), "not_after": time_of(end),
                "names": alternative_names(extensions[0]) if extensions else []}
    except (IndexError, ValueError) as error:
        raise CertificateError("it is no certificate of X.509: %s" % error)


def written(name):
    """A subject or issuer as RKE's sources and openssl write it: `O=system:nodes,CN=system:node`."""
    return ",".join("%s=%s" % pair for pair in name)


def common_name(name):
    return next((text for kind, text in name if kind == "CN"), "")


def organizations(name):
    return [text for kind, text in name if kind == "O"]


def days_until(end, now=None):
    """Whole days until a datetime with a time zone; negative when it is past."""
    return (end - (now or datetime.datetime.now(datetime.timezone.utc))).days


def covers(certificate, host):
    """Whether a serving certificate is for a host (a DNS name or an address): RFC 6125, one leading `*.` counts."""
    try:
        return str(ipaddress.ip_address(host)) in certificate["names"]
    except ValueError:
        pass
    host = host.lower()
    wild = "*." + host.split(".", 1)[-1]
    return any(name.lower() in (host, wild) for name in certificate["names"])


@contextlib.contextmanager
def as_files(*texts):
    """Paths of files that hold these texts, for ssl and openssl, which take files only. They are this user's alone, and go."""
    with tempfile.TemporaryDirectory() as folder:  # 0700
        paths = [os.path.join(folder, str(number)) for number in range(len(texts))]
        for path, text in zip(paths, texts):
            with open(path, "w") as target:
                target.write(text)
        yield paths


def key_matches(certificate, key):
    """Whether a key (PEM text) belongs to a certificate (PEM text); raises CertificateError for what is neither."""
    with as_files(certificate, key) as paths:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(*paths, password=refuse_password)
            return True
        except ssl.SSLError as error:
            if "MISMATCH" in str(error).upper():
                return False
            raise CertificateError("certificate or key cannot be read: %s" % (error.reason or "no PEM"))
        except ValueError:
            raise CertificateError("the key is protected by a password")


def refuse_password():
    raise ValueError("no password here")
