# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  url:
    description:
      - URL of the Rancher server, V(https://HOST) or V(https://HOST:PORT).
      - If not set, the value of the environment variable E(RANCHER_URL) is used.
    type: str
    required: true
  username:
    description:
      - Name of the local user to log in as. The default is V(admin). The module deletes the token of the login when it ends.
      - If the task sets no credentials, the value of the environment variable E(RANCHER_USERNAME) is used.
    type: str
  password:
    description:
      - Password of the user.
      - If the task sets no credentials, the value of the environment variable E(RANCHER_PASSWORD) is used.
    type: str
  ca_cert:
    description:
      - CA certificate that signed the server's certificate, as PEM text or as a path on the host that runs the module.
      - Required for a self-signed certificate, unless O(ca_checksum) or O(ca_from_loopback) is set.
      - If the task sets no option for the CA, the value of the environment variable E(RANCHER_CA_CERT) is used.
    type: str
  ca_checksum:
    description:
      - SHA-256 checksum of the server's own CA certificate, as in the C(--ca-checksum) of a registration command. The module
        fetches the CA certificate from the server, compares its checksum and then verifies every connection with it.
      - If the task sets no option for the CA, the value of the environment variable E(RANCHER_CA_CHECKSUM) is used.
    type: str
  ca_from_loopback:
    description:
      - If V(true), trust the CA certificate that the server presents on V(127.0.0.1) of the host that runs the module. Use it only if
        that host is the Rancher host itself. The default is V(false).
    type: bool
  validate_certs:
    description:
      - If V(false), the server's certificate is not verified. The default is V(true).
    type: bool
  retry_timeout:
    description:
      - Seconds for which a request is repeated while the connection is refused or reset, or the server answers 429, 502, 503 or
        504. They include the time spent waiting for an answer.
      - With V(0), a request is sent once and fails after 30 seconds without an answer.
    type: int
    default: 120
requirements:
  - Python 3.6 or later on the host that runs the module
attributes:
  action_group:
    description:
      - Use C(group/fay.rancher.rancher) in C(module_defaults) to set the connection options once.
      - With the option C(token) in such defaults, M(fay.rancher.rancher_bootstrap) fails, since it does not have this option.
    support: full
    membership:
      - fay.rancher.rancher
notes:
  - Run this module on one host per cluster, preferably on the Rancher host itself (C(run_once), C(delegate_to)).
  - Environment variables are read on the host that runs the module. Set them with the keyword C(environment).
  - Credentials (E(RANCHER_USERNAME), E(RANCHER_PASSWORD), E(RANCHER_TOKEN)) are read only if the task sets none of the options
    C(username), C(password) and C(token), so that credentials of two users are never combined.
  - A CA (E(RANCHER_CA_CERT), E(RANCHER_CA_CHECKSUM)) is read only if the task sets none of the options O(ca_cert), O(ca_checksum),
    O(ca_from_loopback) and O(validate_certs).
"""

    TOKEN = r"""
options:
  token:
    description:
      - API token, V(token-xxxxx:SECRET). If set, O(username) and O(password) are not used.
      - If the task sets no credentials, the value of the environment variable E(RANCHER_TOKEN) is used.
      - Either O(token) or O(password) is required.
    type: str
"""
