# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable as ansible_collections.fay.rancher, and starts the Rancher stand-in on the loopback."""
import http.server
import os
import socket
import ssl
import subprocess
import sys
import threading
import time

import pki
import pytest
import yaml
from ansible.module_utils import urls
from durations import pytest_runtest_logreport  # noqa: F401
from hypothesis import settings
from kubernetes_nodes import api_server, home, node, rke1_certificates  # noqa: F401

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
RECORDINGS = os.path.join(ROOT, "tests", "recordings")
sys.path.insert(0, os.path.join(ROOT, ".ansible", "collections"))
from docker_host import host, method  # noqa: E402, F401

if not hasattr(urls, "make_context"):  # ansible-core 2.11, the newest for Python 3.6, does not have this function
    urls.make_context = None
settings.register_profile("any machine", deadline=None)  # the duration of an example depends on the machine
settings.load_profile("any machine")
# tests/unit36 runs the code of hosts on their oldest Python, which can run neither Ansible's programs nor the stand-in.
needs_ansible = pytest.mark.skipif(sys.version_info < (3, 8), reason="Ansible's programs do not run on this Python")


def role_options(role, values):
    """The converted options of a role, as its preflight registers them: its defaults, replaced by `values` {name: value}."""
    from ansible_collections.fay.rancher.plugins.plugin_utils._role_options import convert_options
    with open(os.path.join(ROOT, "roles", role, "meta", "argument_specs.yml")) as source:
        spec = yaml.safe_load(source)["argument_specs"]["main"]["options"]
    defaults = {name: option.get("default") for name, option in spec.items()}
    options, problems = convert_options(spec, dict(defaults, **values), role + "_")
    assert problems == []
    return options


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class StandIn:
    """The Rancher stand-in as a separate process. It keeps its state in `directory`."""

    def __init__(self, directory, password):
        self.directory, self.password, self.port = str(directory), password, free_port()
        self.url = "https://127.0.0.1:%d" % self.port
        self.process = None

    def start(self, **environment):
        env = dict(os.environ, CATTLE_BOOTSTRAP_PASSWORD=self.password, STANDIN_DATA=self.directory,
                   STANDIN_ADDRESS="127.0.0.1", STANDIN_PORT=str(self.port), STANDIN_HTTP_PORT="",
                   STANDIN_BOOT_SECONDS="0", STANDIN_RENEW_SECONDS="0.5",
                   STANDIN_RECORDINGS=os.path.join(RECORDINGS, "v2.6.2"), **environment)
        self.log = open(os.path.join(self.directory, "log"), "a")
        self.process = subprocess.Popen([os.environ.get("FAY_PYTHON", sys.executable), "-m", "standin"], env=env, stdout=self.log,
                                        stderr=subprocess.STDOUT, cwd=os.path.join(ROOT, "tests", "lab", "rancher"))
        return self

    def wait(self):
        deadline = time.time() + 20
        while time.time() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                assert self.process.poll() is None, open(os.path.join(self.directory, "log")).read()
                time.sleep(0.05)
        raise AssertionError("the stand-in does not accept connections")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    server = StandIn(tmp_path_factory.mktemp("standin"), "PASSWORD").start().wait()
    yield server
    server.stop()


@pytest.fixture
def silent_server():
    """The URL of a server that accepts connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        yield "https://127.0.0.1:%d" % server.getsockname()[1]


class DrippingAnswers(http.server.BaseHTTPRequestHandler):
    """Sends one byte of its answer every half second, for a minute; with status 403 for /error."""

    def do_GET(self):
        self.send_response(403 if self.path == "/error" else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        for _ in range(120):
            self.wfile.write(b" ")
            time.sleep(0.5)

    do_POST = do_GET

    def log_message(self, *unused):
        pass


@pytest.fixture
def dripping_server(tmp_path):
    """The URL of a server whose answers do not end, although each byte arrives in time."""
    pki.authority(str(tmp_path))
    pki.sign(str(tmp_path), "server.pem", "server-key.pem", "/CN=server", names="IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(tmp_path / "server.pem"), str(tmp_path / "server-key.pem"))
    server = pki.TlsServer(DrippingAnswers, context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.url
    server.shutdown()
    server.server_close()
