# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first boot of a Rancher server: admin password and server URL. Private to the collection; may change without notice."""
from ansible_collections.fay.rancher.plugins.module_utils._rancher.transport import RancherError

# First password of servers before 2.6: rancher/rancher pkg/data/management/role_data.go. It is not the default of an option, because
# Ansible would mask the word everywhere in the output, also as the name of the user.
DEFAULT_PASSWORD = "admin"


def ensure_password(client, password, bootstrap_password, check_mode):
    """Log the client in with `password`; if only the bootstrap password is accepted, change it to `password`.

    Returns whether the password was changed, or would be in check mode. Raises RancherError if the server rejects both.
    """
    try:
        client.log_in(password)
        return False
    except RancherError as error:
        if error.status != 401:
            raise
    bootstrap_password = bootstrap_password or DEFAULT_PASSWORD
    try:
        client.log_in(bootstrap_password)
    except RancherError as error:
        if error.status != 401:
            raise
        raise RancherError("Rancher at %s rejects both the requested and the bootstrap password of user %s. Set password to the current "
                           "password. If it is lost, replace it with `docker exec CONTAINER reset-password` on the server's host"
                           % (client.url, client.username), 401)
    if not check_mode:
        client.request("POST", "/v3/users?action=changepassword", {"currentPassword": bootstrap_password, "newPassword": password})
    return True


def ensure_server_url(client, server_url, check_mode):
    """Set the setting server-url, unless in check mode. Returns its previous value."""
    previous = client.setting("server-url") or ""
    if previous != server_url and not check_mode:
        client.request("PUT", "/v3/settings/server-url", {"value": server_url})
    return previous
