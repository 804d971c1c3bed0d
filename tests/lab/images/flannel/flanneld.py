# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for flanneld: subnet.env, flannel.1, routes, neighbors and forwarding entries from the nodes' podCIDRs.

For VXLAN and host-gw, IPv4. The formats are those recorded from flannel v0.14.0 (tests/recordings, bg1-at-rest.txt).
"""
import json
import os
import ssl
import subprocess
import time
import urllib.request

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/"
API = "https://%s:%s" % (os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"])
NODE = os.environ["NODE_NAME"]
PREFIX = "flannel.alpha.coreos.com/"


def run(*command, check=True):
    """The output of a command; raises OSError if it fails, unless check is False."""
    result = subprocess.run(command, capture_output=True, text=True)
    if check and result.returncode:
        raise OSError("%s: %s" % (" ".join(command), result.stderr.strip()))
    return result.stdout


def ip(*command):
    """The JSON output of the command ip; an empty list if it fails."""
    return json.loads(run("ip", "-j", *command, check=False) or "[]")


def call(path, body=None, content_type="application/strategic-merge-patch+json"):
    """The answer of the Kubernetes API: to PATCH with a body, else to GET."""
    with open(ACCOUNT + "token") as source:
        token = source.read()
    request = urllib.request.Request(API + path, method="PATCH" if body else "GET",
                                     data=json.dumps(body).encode() if body else None,
                                     headers={"Authorization": "Bearer " + token, "Content-Type": content_type})
    context = ssl.create_default_context(cafile=ACCOUNT + "ca.crt")
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        return json.load(answer)


def outer_interface(option):
    """(name, address, MTU) of the interface that carries the pod network: that of the option, else of the default route."""
    name = option or ip("route", "show", "default")[0]["dev"]
    link = ip("addr", "show", "dev", name)[0]
    address = next(item["local"] for item in link["addr_info"] if item["family"] == "inet")
    return name, address, link["mtu"]


def write_subnet(network, subnet, mtu):
    first = subnet.replace(".0/", ".1/")
    with open("/run/flannel/.subnet.env", "w") as target:
        target.write("FLANNEL_NETWORK=%s\nFLANNEL_SUBNET=%s\nFLANNEL_MTU=%d\nFLANNEL_IPMASQ=true\n" % (
            network, first, mtu))
    os.rename("/run/flannel/.subnet.env", "/run/flannel/subnet.env")


def add_rule(*rule, table="filter"):
    """Append a rule (chain and the rest) to a table of iptables, unless it is there."""
    begin = ["iptables", "-w", "-t", table]
    if subprocess.run(begin + ["-C", *rule], capture_output=True).returncode:
        run(*begin, "-A", *rule)


def masquerade(network, subnet):
    for rule in (["-s", network, "-d", network, "-j", "RETURN"],
                 ["-s", network, "!", "-d", "224.0.0.0/4", "-j", "MASQUERADE", "--random-fully"],
                 ["!", "-s", network, "-d", subnet, "-j", "RETURN"],
                 ["!", "-s", network, "-d", network, "-j", "MASQUERADE", "--random-fully"]):
        add_rule("POSTROUTING", *rule, table="nat")
    for rule in (["-s", network, "-j", "ACCEPT"], ["-d", network, "-j", "ACCEPT"]):
        add_rule("FORWARD", *rule)


def create_vxlan(backend, name, address, mtu, subnet):
    """Create flannel.1 if it is missing, on the interface of that name; returns its MAC address."""
    zero = subnet.split("/")[0]
    if not ip("link", "show", "dev", "flannel.1"):
        run("ip", "link", "add", "flannel.1", "mtu", str(mtu - 50), "type", "vxlan", "id", str(backend.get("VNI", 1)),
            "dev", name, "local", address, "dstport", str(backend.get("Port", 8472)), "nolearning")
    run("ip", "addr", "replace", zero + "/32", "dev", "flannel.1")
    run("ip", "link", "set", "flannel.1", "up")
    return ip("link", "show", "dev", "flannel.1")[0]["address"]


def annotate(node, backend_type, data, address):
    """Set the annotations of this node, and its condition NetworkUnavailable."""
    annotations = {PREFIX + "backend-type": backend_type, PREFIX + "backend-data": data, PREFIX + "public-ip": address,
                   PREFIX + "kube-subnet-manager": "true"}
    current = node["metadata"].get("annotations", {})
    if any(current.get(key) != value for key, value in annotations.items()):
        call("/api/v1/nodes/" + NODE, {"metadata": {"annotations": annotations}})
    if not any(item["type"] == "NetworkUnavailable" for item in node["status"].get("conditions", [])):
        timestamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        call("/api/v1/nodes/%s/status" % NODE, {"status": {"conditions": [{
            "type": "NetworkUnavailable", "status": "False", "reason": "FlannelIsUp",
            "message": "Flannel is running on this node", "lastTransitionTime": timestamp, "lastHeartbeatTime": timestamp}]}})


def other_nodes(nodes):
    """[(subnet, address, annotations)] of the nodes besides this one that have a pod CIDR and an annotated address."""
    others = []
    for node in nodes:
        annotations = node["metadata"].get("annotations", {})
        subnet, address = node["spec"].get("podCIDR"), annotations.get(PREFIX + "public-ip")
        if node["metadata"]["name"] != NODE and subnet and address:
            others.append((subnet, address, annotations))
    return others


def set_routes(routes, device, prefix):
    """Set the routes {subnet: arguments of ip} and delete other ones on the device. prefix: of the pod network."""
    for subnet, arguments in routes.items():
        run("ip", "route", "replace", subnet, *arguments)
    for route in ip("route", "show", "dev", device):
        if route.get("gateway") and route["dst"] not in routes and route["dst"].startswith(prefix):
            run("ip", "route", "del", route["dst"], "dev", device)


def set_peers(peers):
    """Set neighbors and forwarding entries of flannel.1, {VTEP: (MAC, address)}, and delete other ones."""
    for zero, (mac, address) in peers.items():
        run("ip", "neigh", "replace", zero, "lladdr", mac, "dev", "flannel.1", "nud", "permanent")
        run("bridge", "fdb", "replace", mac, "dev", "flannel.1", "dst", address, "self", "permanent")
    for neighbor in ip("neigh", "show", "dev", "flannel.1"):
        if neighbor["dst"] not in peers:
            run("ip", "neigh", "del", neighbor["dst"], "dev", "flannel.1")
    macs = {mac for mac, _ in peers.values()}
    for entry in json.loads(run("bridge", "-j", "fdb", "show", "dev", "flannel.1")):
        if entry["mac"] not in macs:
            run("bridge", "fdb", "del", entry["mac"], "dev", "flannel.1", "dst", entry["dst"], "self")


def sync_host_gw(others, name, prefix):
    set_routes({subnet: ["via", address, "dev", name] for subnet, address, _ in others}, name, prefix)


def sync_vxlan(others, prefix):
    routes, peers = {}, {}
    for subnet, address, annotations in others:
        zero = subnet.split("/")[0]
        routes[subnet] = ["via", zero, "dev", "flannel.1", "onlink"]
        peers[zero] = (json.loads(annotations[PREFIX + "backend-data"])["VtepMAC"], address)
    set_routes(routes, "flannel.1", prefix)
    set_peers(peers)


def step(network, backend, name, address, mtu):
    """Configure this node for the current nodes of the cluster. name, address, mtu: of the outer interface."""
    nodes = call("/api/v1/nodes")["items"]
    node = next(node for node in nodes if node["metadata"]["name"] == NODE)
    subnet, is_vxlan, data = node["spec"].get("podCIDR"), backend["Type"] == "vxlan", "null"
    if not subnet:
        return
    if is_vxlan:
        mac = create_vxlan(backend, name, address, mtu, subnet)
        data = json.dumps({"VNI": backend.get("VNI", 1), "VtepMAC": mac}, separators=(",", ":"))
    masquerade(network, subnet)
    write_subnet(network, subnet, mtu - 50 if is_vxlan else mtu)
    annotate(node, backend["Type"], data, address)
    prefix = network.rsplit(".", 2)[0] + "."  # of a network /16
    if is_vxlan:
        sync_vxlan(other_nodes(nodes), prefix)
    else:
        sync_host_gw(other_nodes(nodes), name, prefix)


def main():
    with open("/etc/kube-flannel/net-conf.json") as source:
        configuration = json.load(source)
    with open("/etc/kube-flannel/interface") as source:
        interface = outer_interface(source.read().strip())
    network, backend = configuration["Network"], configuration["Backend"]
    print("Using interface %s with address %s, backend %s" % (interface[:2] + (backend["Type"],)), flush=True)
    while True:
        try:
            step(network, backend, *interface)
        except (OSError, ValueError, KeyError, StopIteration) as error:
            print("retrying: %s" % error, flush=True)
        time.sleep(3)


main()
