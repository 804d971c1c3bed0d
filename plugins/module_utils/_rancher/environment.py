# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection options from environment variables. Private to the collection; may change without notice."""

URL_VARIABLE = "RANCHER_URL"
# Options are read in groups: a password of the task must not be combined with a token of the environment, which is of another user.
GROUPS = (("username", "password", "token"), ("ca_cert", "ca_checksum", "ca_from_loopback", "validate_certs"))
VARIABLES = {"username": "RANCHER_USERNAME", "password": "RANCHER_PASSWORD", "token": "RANCHER_TOKEN",
             "ca_cert": "RANCHER_CA_CERT", "ca_checksum": "RANCHER_CA_CHECKSUM"}


def options_from_environment(parameters, environment):
    """The options (dict) of each group of which the task sets none. An empty variable counts as not set.

    parameters: dict, the module's; None for an option that is not set. environment: dict, such as os.environ.
    """
    options = {}
    for group in GROUPS:
        names = [name for name in group if name in parameters]
        if all(parameters[name] is None for name in names):
            options.update((name, environment.get(VARIABLES[name])) for name in names if name in VARIABLES)
    return {name: value for name, value in options.items() if value}
