# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates are decoded as openssl decodes them, and no damaged input ends in a traceback."""
import datetime
import ssl
import subprocess

import pki
import pytest
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import certificates as _certificates
from ansible_collections.fay.rancher.plugins.module_utils._kubernetes.certificates import CertificateError, DerElement
from hypothesis import given
from hypothesis import strategies as st


def test_certificate_is_decoded_as_by_openssl(rke1_certificates):
    certificate = _certificates.decode(pki.text(rke1_certificates, "kube-apiserver.pem"))
    command = ["openssl", "x509", "-in", rke1_certificates + "/kube-apiserver.pem", "-noout", "-enddate", "-dateopt", "iso_8601"]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()
    assert certificate["not_after"].strftime("notAfter=%Y-%m-%d %H:%M:%SZ") == output.strip()
    assert certificate["names"] == ["127.0.0.1", "kubernetes"]
    assert _certificates.format_name(certificate["issuer"]) == "CN=kube-ca"


@pytest.mark.parametrize("host, is_covered", [
    ("127.0.0.1", True), ("KUBERNETES", True), ("127.0.0.2", False), ("x.kubernetes", False)])
def test_certificate_covers_its_names_only(rke1_certificates, host, is_covered):
    certificate = _certificates.decode(pki.text(rke1_certificates, "kube-apiserver.pem"))
    assert _certificates.covers_host(certificate, host) is is_covered


@pytest.mark.parametrize("tag, text, year", [
    (0x17, b"491231235959Z", 2049), (0x17, b"500101000000Z", 1950), (0x18, b"20510101000000Z", 2051)])
def test_dates_of_both_formats_are_decoded(tag, text, year):
    assert _certificates.decode_time(DerElement(bytes([tag, len(text)]) + text)).year == year


def test_damaged_date_is_an_error():
    with pytest.raises(CertificateError, match="'19ab' is not a valid date"):
        _certificates.decode_time(DerElement(b"\x17\x02ab"))


def test_days_until_a_past_date_are_negative():
    first, second = (datetime.datetime(2026, 1, day, tzinfo=datetime.timezone.utc) for day in (1, 2))
    assert _certificates.days_until(first, second) == -1 and _certificates.days_until(second, first) == 1


@given(st.binary(max_size=60) | st.binary(max_size=20).map(lambda body: bytes([0x30, len(body)]) + body))
def test_any_bytes_cause_a_certificate_error(body):
    with pytest.raises(CertificateError):
        _certificates.decode(ssl.DER_cert_to_PEM_cert(body))


@given(st.integers(0, 700), st.integers(0, 255))
def test_certificate_with_a_damaged_byte_is_decoded_or_reported(rke1_certificates, place, byte):
    der = bytearray(ssl.PEM_cert_to_DER_cert(pki.text(rke1_certificates, "kube-apiserver.pem")))
    der[place % len(der)] = byte
    try:
        certificate = _certificates.decode(ssl.DER_cert_to_PEM_cert(bytes(der)))
        assert isinstance(_certificates.format_name(certificate["subject"]), str)
    except CertificateError as error:
        assert str(error)
