# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter certificate_report; documented in certificate_report.yml."""
from typing import NamedTuple

from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.plugin_utils._plain_data import plain_data


class Row(NamedTuple):
    """A certificate of a host. Rows are sorted by their fields: certificates that are not valid come first, the others by expiry."""

    is_valid: bool
    days: int  # until the certificate expires; 0 if it is not valid
    host: str
    name: str
    path: str
    status: str  # why the certificate is not valid, or when it expires


def certificate_report(results, warn_days=30):
    """Lines (str) about certificates of hosts: one for each that is not valid or expires soon, then the number of the others.

    results: {host: result of cluster_pki_info}. warn_days: certificates with fewer days left are listed. The one that expires first is
    always listed. Raises AnsibleFilterError.
    """
    results = plain_data(results)
    if not isinstance(results, dict) or not all(isinstance(result, dict) and "certificates" in result for result in results.values()):
        raise AnsibleFilterError("certificate_report requires a map {host: result of cluster_pki_info}, got %s" % type(results).__name__)
    try:
        warn_days = int(warn_days)
    except (TypeError, ValueError):
        raise AnsibleFilterError("warn_days of certificate_report is %r; a whole number of days is required" % warn_days)
    rows = sorted(row for host, result in results.items() for row in host_rows(host, result))
    due = [row for row in rows if not row.is_valid or row.days < warn_days] or rows[:1]
    lines = ["%s  %s  %s  %s" % (row.host, row.name, row.path, row.status) for row in due]
    if len(rows) > len(due):
        lines.append("%d more expire later" % (len(rows) - len(due)))
    return lines


def host_rows(host, result):
    """The Rows of a host's certificates and of the cluster's CA."""
    rows = []
    for name, certificate in dict(result["certificates"], **{"the CA": result["authority"]}).items():
        problem = certificate_problem(certificate)
        days = certificate.get("days", -1)
        status = problem or "%d days left, until %s" % (days, certificate["not_after"])
        rows.append(Row(not problem, 0 if problem else days, host, name, certificate["certificate"], status))
    return rows


def certificate_problem(certificate):
    """Why a certificate is not valid (str); empty if it is valid."""
    if certificate.get("problem"):
        return certificate["problem"]
    if certificate.get("key_matches") is False:
        return "its key does not match"
    if certificate.get("signed") is False:
        return "it is not signed by the cluster's CA"
    return ""


class FilterModule:
    def filters(self):
        return {"certificate_report": certificate_report}
