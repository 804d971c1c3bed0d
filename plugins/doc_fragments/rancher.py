# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  url:
    description:
      - Where Rancher is reached, as C(https://HOST) or C(https://HOST:PORT).
    type: str
    required: true
  username:
    description:
      - The local user to log in as. The token of the log-in is given back at the end.
    type: str
    default: admin
  password:
    description:
      - The user's password.
    type: str
  ca_cert:
    description:
      - The CA that signed the server's certificate, as PEM text or as a path on the host that runs the module.
      - Needed where the certificate is self-signed, unless O(ca_checksum) is given.
    type: str
  ca_checksum:
    description:
      - SHA-256 of the server's own CA, as in the C(--ca-checksum) of a registration command. The CA is fetched from
        the server, held against this, and everything that follows is verified by it.
    type: str
  ca_from_loopback:
    description:
      - Trust the CA that the server presents on C(127.0.0.1) of the host that runs the module. For modules that run on
        the Rancher host itself, where no other machine can answer.
    type: bool
    default: false
  validate_certs:
    description:
      - Whether the server's certificate is verified.
    type: bool
    default: true
  retry_timeout:
    description:
      - For how many seconds a request is tried again while the connection is refused or cut, or the server answers
        429, 502, 503 or 504. Time spent waiting for an answer counts.
      - With V(0), a request is sent once and fails after 30 seconds without an answer.
    type: int
    default: 120
requirements:
  - Python 3.6 or later on the host that runs the module
notes:
  - Run it on one host for a cluster, best on the Rancher host itself (C(run_once), C(delegate_to)).
"""

    TOKEN = r"""
options:
  token:
    description:
      - An API token, C(token-xxxxx:secret), instead of O(password).
    type: str
"""
