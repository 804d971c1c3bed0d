# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter certificate_table; documented in certificate_table.yml."""
from ansible.errors import AnsibleFilterError
from ansible_collections.fay.rancher.plugins.plugin_utils._plain_data import plain_data


def certificate_table(found, warn_days=30):
    """Lines that tell when the certificates of a cluster's nodes end: first the broken ones, then those that end first.

    found: {host: what cluster_pki_info returns}. One line for each host's certificate that is broken or has fewer than `warn_days`
    left, at least for the one that ends first, then one that counts the rest.
    """
    found = plain_data(found)
    if not isinstance(found, dict) or not all(isinstance(one, dict) and "certificates" in one for one in found.values()):
        raise AnsibleFilterError("certificate_table takes {host: what cluster_pki_info returns}")
    try:
        warn_days = int(warn_days)
    except (TypeError, ValueError):
        raise AnsibleFilterError("warn_days of certificate_table is %r. It must be a whole number of days" % warn_days)
    rows = []
    for host, one in found.items():
        for name, certificate in dict(one["certificates"], **{"the CA": one["authority"]}).items():
            problem = certificate.get("problem") or ("its key does not match" if certificate.get("key_matches") is False else "") or (
                "it is not signed by the cluster's CA" if certificate.get("signed") is False else "")
            rows.append((certificate.get("days", -1) if not problem else -10 ** 6, host, name, certificate, problem))
    rows.sort(key=lambda row: row[:3])
    due = [row for row in rows if row[0] < warn_days] or rows[:1]
    lines = ["%s  %s  %s  %s" % (host, name, certificate["certificate"], problem or "%d days left, until %s" % (
        days, certificate["not_after"])) for days, host, name, certificate, problem in due]
    return lines + (["%d more end later" % (len(rows) - len(due))] if len(rows) > len(due) else [])


class FilterModule:
    def filters(self):
        return {"certificate_table": certificate_table}
