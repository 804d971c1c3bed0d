"""Runs the stand-in: `python3 -m standin`.

Environment: CATTLE_BOOTSTRAP_PASSWORD as for the real server. For tests: STANDIN_DATA (default /var/lib/rancher),
STANDIN_ADDRESS, STANDIN_PORT (443), STANDIN_HTTP_PORT (80; empty: none), STANDIN_BOOT_SECONDS (5: how long the
connection is refused after the start), STANDIN_RENEW_SECONDS (3: from the first answer to a new name until the
listener gets its new certificate and cuts a connection).
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
from .messages import Answer, Request
from .store import Store
from .tunnel import Refused, Tunnel

ENV = os.environ


def log(message):
    print(time.strftime("%Y/%m/%d %H:%M:%S"), message, flush=True)


class Listener:
    """The TLS side: a certificate for the names that were asked for, renewed when a new one comes."""

    def __init__(self, authority):
        self.authority, self.names, self.cut = authority, {"localhost", "127.0.0.1"}, 0
        self.lock = threading.Lock()
        self.renew()

    def renew(self):
        pair = pki.make("rancher", "dynamiclistener-org", issuer=self.authority, names=sorted(self.names), curve=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as bundle:
            bundle.write(pair["certificate"] + pair["key"])
            bundle.flush()
            context.load_cert_chain(bundle.name)
        self.context = context

    def add(self, name, seconds):
        """Serve `name` too, some seconds from now; the next connection then is cut in the handshake."""
        with self.lock:
            if not name or name in self.names:
                return
            self.names.add(name)

        def later():
            self.renew()
            self.cut += 1
        threading.Timer(seconds, later).start()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    listener = api = tunnel = None

    def finish_request(self, request, client_address):
        """The handshake happens here, in the connection's own thread."""
        if self.listener.cut > 0:
            self.listener.cut -= 1
            request.close()
            return
        request.settimeout(60)
        try:
            secure = self.listener.context.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            return
        with secure:
            self.RequestHandlerClass(secure, client_address, self)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ssl.SSLError)):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_any(self):
        host = self.headers.get("Host", "localhost")
        self.server.listener.add(urllib.parse.urlsplit("//" + host).hostname,
                                 float(ENV.get("STANDIN_RENEW_SECONDS", "3")))
        address = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        path = address.path if address.path == "/v3/" else address.path.rstrip("/") or "/"
        if path.startswith("/v3/connect"):
            answer = self.connect(path, body)
        else:
            query = dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True))
            answer = self.server.api.answer(Request(self.command, path, query, self.headers, body, host))
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

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_any

    def connect(self, path, body):
        """The agents' side; see tunnel.py."""
        try:
            identifier = self.server.tunnel.register(self.headers)
        except Refused as refused:
            return Answer(refused.status, str(refused), content_type="text/plain; charset=utf-8")
        if path == "/v3/connect/register":
            return Answer(200, {"node": identifier})
        if path == "/v3/connect/result":
            result = json.loads(body)
            self.server.tunnel.finish(result["number"], result)
            return Answer(200, {})
        doing = {int(number) for number in self.headers.get("X-Standin-Doing", "").split()}
        work = self.server.tunnel.next_work(identifier, self.headers.get("X-Standin-Agent") == "register", doing)
        return Answer(200, work) if work else Answer(204)


class Redirect(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(302)
        self.send_header("Location", "https://%s%s" % (self.headers.get("Host", "").split(":")[0], self.path))
        self.end_headers()

    do_HEAD = do_POST = do_GET

    def log_message(self, *arguments):
        pass


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    store = Store(ENV.get("STANDIN_DATA", "/var/lib/rancher"))
    log("[INFO] Rancher version v2.6.2 is starting")
    time.sleep(float(ENV.get("STANDIN_BOOT_SECONDS", "5")))
    api = Api(store, bootstrap_password=ENV.get("CATTLE_BOOTSTRAP_PASSWORD"), log=log)
    listener = Listener(store.data["listener_ca"])
    seconds = float(ENV.get("STANDIN_RENEW_SECONDS", "3"))
    api.settings.on_server_url = lambda url: listener.add(urllib.parse.urlsplit(url).hostname, seconds)
    for url in [store.data["settings"]["server-url"]["value"]]:
        if urllib.parse.urlsplit(url).hostname:
            listener.names.add(urllib.parse.urlsplit(url).hostname)
            listener.renew()
    tunnel = Tunnel(store, log)
    Controller(api, tunnel, log).start()
    address = ENV.get("STANDIN_ADDRESS", "0.0.0.0")
    if ENV.get("STANDIN_HTTP_PORT", "80"):
        plain = http.server.ThreadingHTTPServer((address, int(ENV.get("STANDIN_HTTP_PORT", "80"))), Redirect)
        threading.Thread(target=plain.serve_forever, daemon=True).start()
    Server.listener, Server.api, Server.tunnel = listener, api, tunnel
    server = Server((address, int(ENV.get("STANDIN_PORT", "443"))), Handler)
    log("[INFO] Listening on %s:%d" % server.server_address[:2])
    server.serve_forever()


if __name__ == "__main__":
    main()
