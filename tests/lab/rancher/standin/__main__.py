# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the stand-in for a Rancher server: `python3 -m standin`.

Environment: CATTLE_BOOTSTRAP_PASSWORD, as for the real server. For tests:

STANDIN_DATA           data directory, default /var/lib/rancher
STANDIN_ADDRESS        address to listen on, default all
STANDIN_PORT           default 443
STANDIN_HTTP_PORT      default 80; empty for none
STANDIN_BOOT_SECONDS   how long connections are refused after the start, default 5
STANDIN_RENEW_SECONDS  how long after the first request with a new host name the listener renews its certificate for that
                       name and drops one connection, default 3
"""
import http.server
import json
import os
import signal
import ssl
import sys
import tempfile
import threading
import time
import urllib.parse

from . import pki
from .api import Api
from .controller import Controller
from .messages import Answer, Request, plain_text
from .recorded import VERSION
from .store import Store
from .tunnel import RegistrationError, Tunnel

ENV = os.environ
RENEW_SECONDS = float(ENV.get("STANDIN_RENEW_SECONDS", "3"))


def log(message):
    print(time.strftime("%Y/%m/%d %H:%M:%S"), message, flush=True)


class Listener:
    """The TLS side: a certificate for all names that clients have used, renewed for each new one.

    dropped: number of connections to drop in the handshake, as the real server does when it renews its certificate.
    """

    def __init__(self, authority, hostname):
        self.authority, self.names, self.dropped = authority, {"localhost", "127.0.0.1"}, 0
        self.lock = threading.Lock()
        if hostname:
            self.names.add(hostname)
        self.renew()

    def renew(self):
        pair = pki.make("rancher", "dynamiclistener-org", issuer=self.authority, names=sorted(self.names), curve=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as bundle:
            bundle.write(pair["certificate"] + pair["key"])
            bundle.flush()
            context.load_cert_chain(bundle.name)
        self.context = context

    def add(self, name):
        """Renew the certificate for this name too, RENEW_SECONDS from now."""
        with self.lock:
            if not name or name in self.names:
                return
            self.names.add(name)

        def renew_and_drop():
            self.renew()
            self.dropped += 1
        threading.Timer(RENEW_SECONDS, renew_and_drop).start()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    listener = api = tunnel = None

    def finish_request(self, request, client_address):
        """Do the TLS handshake in the connection's own thread, so that a slow client blocks no other."""
        if self.listener.dropped > 0:
            self.listener.dropped -= 1
            request.close()
            return
        request.settimeout(60)
        try:
            connection = self.listener.context.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            return
        with connection:
            self.RequestHandlerClass(connection, client_address, self)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ssl.SSLError)):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def handle_request(self):
        host = self.headers.get("Host", "localhost")
        self.server.listener.add(urllib.parse.urlsplit("//" + host).hostname)
        address = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        path = address.path if address.path == "/v3/" else address.path.rstrip("/") or "/"
        if path.startswith("/v3/connect"):
            self.send(self.answer_agent(path, body))
        else:
            query = dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True))
            self.send(self.server.api.answer(Request(self.command, path, query, self.headers, body, host)))

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = handle_request

    def send(self, answer):
        content = b""
        if answer.body is not None:
            content = (answer.body if isinstance(answer.body, str) else json.dumps(answer.body) + "\n").encode()
        self.send_response(answer.status)
        if answer.content_type:
            self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if answer.status != 204:
            self.wfile.write(content)

    def answer_agent(self, path, body):
        """The Answer to an agent: /v3/connect/register, then /v3/connect for work and /v3/connect/result; see tunnel.py."""
        tunnel = self.server.tunnel
        try:
            node = tunnel.register(self.headers)
        except RegistrationError as error:
            return plain_text(error.status, str(error))
        if path == "/v3/connect/register":
            return Answer(200, {"node": node})
        if path == "/v3/connect/result":
            result = json.loads(body)
            tunnel.finish(result["number"], result)
            return Answer(200, {})
        doing = {int(number) for number in self.headers.get("X-Standin-Doing", "").split()}
        work = tunnel.next_work(node, self.headers.get("X-Standin-Agent") == "register", doing)
        return Answer(200, work) if work else Answer(204)


class Redirect(http.server.BaseHTTPRequestHandler):
    """The plain HTTP side: redirects everything to HTTPS."""

    def do_GET(self):
        self.send_response(302)
        self.send_header("Location", "https://%s%s" % (self.headers.get("Host", "").split(":")[0], self.path))
        self.end_headers()

    do_HEAD = do_POST = do_GET

    def log_message(self, *arguments):
        pass


def hostname_of(url):
    return urllib.parse.urlsplit(url).hostname


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    store = Store(ENV.get("STANDIN_DATA", "/var/lib/rancher"))
    log("[INFO] Rancher version %s is starting" % VERSION)
    time.sleep(float(ENV.get("STANDIN_BOOT_SECONDS", "5")))
    api = Api(store, bootstrap_password=ENV.get("CATTLE_BOOTSTRAP_PASSWORD"), log=log)
    listener = Listener(store.data["listener_ca"], hostname_of(store.data["settings"]["server-url"]["value"]))
    api.settings.on_server_url = lambda url: listener.add(hostname_of(url))
    tunnel = Tunnel(store, log)
    Controller(api, tunnel, log).start()
    address = ENV.get("STANDIN_ADDRESS", "0.0.0.0")
    http_port = ENV.get("STANDIN_HTTP_PORT", "80")
    if http_port:
        redirect = http.server.ThreadingHTTPServer((address, int(http_port)), Redirect)
        threading.Thread(target=redirect.serve_forever, daemon=True).start()
    Server.listener, Server.api, Server.tunnel = listener, api, tunnel
    server = Server((address, int(ENV.get("STANDIN_PORT", "443"))), Handler)
    log("[INFO] Listening on %s:%d" % server.server_address[:2])
    server.serve_forever()


if __name__ == "__main__":
    main()
