# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of the modules that log in to Rancher. Private to the collection; may change without notice."""
import contextlib
import os

from ansible.module_utils.basic import AnsibleModule, env_fallback
from ansible_collections.fay.rancher.plugins.module_utils._rancher.client import CONNECTION_ARGUMENTS, connect
from ansible_collections.fay.rancher.plugins.module_utils._rancher.environment import (
    URL_VARIABLE,
    VARIABLES,
    options_from_environment,
)
from ansible_collections.fay.rancher.plugins.module_utils._rancher.transport import RancherError


class RancherModule(AnsibleModule):
    """A module with the connection options. Its work is done inside `with module.api() as client:`.

    Connection options that the task does not set are read from the environment, see options_from_environment().

    argument_spec: dict, the module's own options; they replace connection options of the same name.
    accepts_token: bool, whether a token can replace the password.
    """

    def __init__(self, argument_spec, accepts_token=True):
        connection = dict(CONNECTION_ARGUMENTS, url=dict(CONNECTION_ARGUMENTS["url"], fallback=(env_fallback, [URL_VARIABLE])))
        if not accepts_token:
            del connection["token"]
        super().__init__(argument_spec=dict(connection, **argument_spec), supports_check_mode=True)
        self._read_environment()
        self._require_credentials()

    def _read_environment(self):
        """Add the options of the environment to the parameters, and mask the secrets among them in the output."""
        options = options_from_environment(self.params, os.environ)
        self.params.update(options)
        self.no_log_values.update(options[name] for name in ("password", "token") if name in options)

    def _require_credentials(self):
        names = [name for name in ("password", "token") if name in self.params]
        if not any(self.params[name] for name in names):
            self.fail_json(msg="%s is required. Set it in the task, or set %s in its environment and no username in the task" % (
                " or ".join(names), " or ".join(VARIABLES[name] for name in names)))

    @contextlib.contextmanager
    def errors_as_failures(self, details=dict):
        """A RancherError in the block ends the module with its message and the dict that the callable `details` then returns."""
        try:
            yield
        except RancherError as error:
            self.fail_json(msg=str(error), **details())

    @contextlib.contextmanager
    def api(self, deadline=None, log_in=True, details=dict):
        """Yields a RancherClient that is logged in, unless `log_in` is false, and logs out at the end. Errors end the module.

        deadline: time of time.monotonic() at which every request ends, including those of the login; if None, only retry_timeout
        limits them. details: as for errors_as_failures().
        """
        with self.errors_as_failures(details):
            client = connect(self.params, log_in=log_in)
            client.transport.deadline = deadline
            with client:
                yield client
