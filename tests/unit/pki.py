# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates certificates with openssl as RKE1 does, and an API server that accepts them."""
import base64
import contextlib
import http.server
import json
import os
import socketserver
import ssl
import subprocess
import threading

# What each identity of a node may do, measured on a real API server: docs/kubectl.md.
READER = {"get nodes", "get pods", "get secrets", "get configmaps"}
RIGHTS = {
    "kube-admin": READER | {"get pods/log"}, "system:admin": READER | {"get pods/log"},
    "system:node": READER, "system:kube-controller-manager": READER,
    "system:kube-scheduler": {"get nodes", "get pods"}, "system:kube-proxy": {"get nodes"}}
SUBJECTS = {"kube-node": "/O=system:nodes/CN=system:node", "kube-scheduler": "/CN=system:kube-scheduler",
            "kube-proxy": "/CN=system:kube-proxy",
            "kube-controller-manager": "/CN=system:kube-controller-manager"}


def openssl(*words, folder):
    """Run openssl in a directory."""
    subprocess.run(("openssl",) + words, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def authority(folder, name="kube-ca", key="kube-ca-key.pem", certificate="kube-ca.pem", days=3650, new=("rsa:2048",)):
    """Create a self-signed CA. new: the kind of its key, as for `openssl req -newkey`."""
    openssl("req", "-x509", "-newkey", *new, "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=" + name,
            "-days", str(days), folder=folder)


CURVE = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")  # the kind of key that RKE2 and K3s create; faster to create than RSA


def sign(folder, certificate, key, subject, ca=("kube-ca.pem", "kube-ca-key.pem"), days=3650, names="", new=("rsa:2048",)):
    """Create a certificate with its key, signed by the CA. names: as in subjectAltName, for servers."""
    openssl("req", "-newkey", *new, "-nodes", "-keyout", key, "-out", "request", "-subj", subject, folder=folder)
    with open(os.path.join(folder, "extensions"), "w") as target:
        target.write("subjectAltName=" + names if names else "extendedKeyUsage=clientAuth")
    openssl("x509", "-req", "-in", "request", "-CA", ca[0], "-CAkey", ca[1], "-set_serial", "0x%s" % os.urandom(8).hex(),
            "-days", str(days), "-sha256", "-extfile", "extensions", "-out", certificate, folder=folder)
    for name in ("request", "extensions"):
        os.unlink(os.path.join(folder, name))


def rke1(folder):
    """Create the certificates of /etc/kubernetes/ssl on a control plane node in a directory."""
    authority(folder)
    for name, subject in SUBJECTS.items():
        sign(folder, name + ".pem", name + "-key.pem", subject)
    sign(folder, "kube-apiserver.pem", "kube-apiserver-key.pem", "/CN=kube-apiserver", names="IP:127.0.0.1,DNS:kubernetes")


def text(*path):
    with open(os.path.join(*path)) as source:
        return source.read()


def admin_state(folder, server):
    """full-cluster-state as RKE1 stores it (rancher/rke @v1.3.3 cluster/state.go), with kube-admin's kubeconfig."""
    sign(folder, "admin.crt", "admin.key", "/O=system:masters/CN=kube-admin")
    data = {name: base64.b64encode(text(folder, path).encode()).decode() for name, path in (
        ("ca", "kube-ca.pem"), ("certificate", "admin.crt"), ("key", "admin.key"))}
    for name in ("admin.crt", "admin.key"):
        os.unlink(os.path.join(folder, name))
    config = json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "local",
        "clusters": [{"name": "local", "cluster": {"certificate-authority-data": data["ca"], "server": server}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "kube-admin-local"}}],
        "users": [{"name": "kube-admin-local", "user": {"client-certificate-data": data["certificate"], "client-key-data": data["key"]}}]})
    return json.dumps({"currentState": {"certificatesBundle": {"kube-admin": {"config": config}}}})


class TlsServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A server on a free port of the loopback address. url: its address."""

    daemon_threads = True

    def __init__(self, handler, context):
        super().__init__(("127.0.0.1", 0), handler)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.url = "https://127.0.0.1:%d" % self.server_port

    def handle_error(self, *unused):  # clients that close the connection after reading the certificate
        pass


class ApiHandler(http.server.BaseHTTPRequestHandler):
    """Answers requests to an ApiServer, which is `self.server.api`."""

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def user(self):
        """The CN of the client's certificate, or None."""
        certificate = self.connection.getpeercert() or {}
        return next((value for group in certificate.get("subject", ()) for name, value in group if name == "commonName"), None)

    def do_GET(self):
        api = self.server.api
        api.requests.append((self.user(), self.path))
        if api.accepts is not None and self.user() not in api.accepts:
            self.answer(401, {"message": "Unauthorized"})
        elif self.path == "/version":
            self.answer(200, {"gitVersion": "v1.21.5"})
        else:
            self.answer(*self.stored_state())

    def stored_state(self):
        """(status, value) of the answer to a request for the stored state, or for anything else."""
        store = next((store for store in self.server.api.stores
                      if self.path == "/api/v1/namespaces/kube-system/%s/full-cluster-state" % store), None)
        if store is None:
            return 404, {"message": "not found"}
        if "get " + store not in RIGHTS.get(self.user(), ()):
            return 403, {"message": "forbidden: User %s" % self.user()}
        state = self.server.api.state
        return 200, {"data": {"full-cluster-state": state if store == "configmaps" else base64.b64encode(state.encode()).decode()}}

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        attributes = body["spec"]["resourceAttributes"]
        subresource = "/" + attributes["subresource"] if "subresource" in attributes else ""
        right = "%s %s%s" % (attributes["verb"], attributes["resource"], subresource)
        self.answer(201, {"status": {"allowed": right in RIGHTS.get(self.user(), ())}})

    def log_message(self, *unused):
        pass


class ApiServer:
    """Answers GET /version, SelfSubjectAccessReviews according to RIGHTS, and requests for the stored state.

    stores: which of `secrets` and `configmaps` contain the state. accepts: the users (CN) that it accepts; None: all.
    requests: [(user, path)] of the GET requests.
    """

    def __init__(self, folder, stores=("configmaps",), accepts=None):
        self.stores, self.accepts, self.requests = stores, accepts, []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, "kube-apiserver.pem"), os.path.join(folder, "kube-apiserver-key.pem"))
        context.load_verify_locations(os.path.join(folder, "kube-ca.pem"))
        context.verify_mode = ssl.CERT_OPTIONAL
        self.server = TlsServer(ApiHandler, context)
        self.server.api = self
        self.url = self.server.url
        self.state = admin_state(folder, "https://192.0.2.1:6443")

    @contextlib.contextmanager
    def running(self):
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()
