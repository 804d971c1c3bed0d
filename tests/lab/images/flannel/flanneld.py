"""Stands in for flanneld: subnet.env, flannel.1, routes, neighbours and forwarding entries from the nodes' podCIDRs.

VXLAN and host-gw, IPv4; the forms are those recorded of flannel v0.14.0 (tests/recordings, bg1-at-rest.txt).
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
    done = subprocess.run(command, capture_output=True, text=True)
    if check and done.returncode:
        raise OSError("%s: %s" % (" ".join(command), done.stderr.strip()))
    return done.stdout


def show(*command):
    return json.loads(run("ip", "-j", *command, check=False) or "[]")


def call(path, body=None, kind="application/strategic-merge-patch+json"):
    with open(ACCOUNT + "token") as source:
        token = source.read()
    request = urllib.request.Request(API + path, method="PATCH" if body else "GET",
                                     data=json.dumps(body).encode() if body else None,
                                     headers={"Authorization": "Bearer " + token, "Content-Type": kind})
    context = ssl.create_default_context(cafile=ACCOUNT + "ca.crt")
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        return json.load(answer)


def outer(wanted):
    """The interface that carries the pod network: the one asked for, else the default route's: (name, address, mtu)."""
    name = wanted or show("route", "show", "default")[0]["dev"]
    link = show("addr", "show", "dev", name)[0]
    address = next(item["local"] for item in link["addr_info"] if item["family"] == "inet")
    return name, address, link["mtu"]


def write_subnet(network, subnet, mtu):
    first = subnet.replace(".0/", ".1/")
    with open("/run/flannel/.subnet.env", "w") as target:
        target.write("FLANNEL_NETWORK=%s\nFLANNEL_SUBNET=%s\nFLANNEL_MTU=%d\nFLANNEL_IPMASQ=true\n" % (
            network, first, mtu))
    os.rename("/run/flannel/.subnet.env", "/run/flannel/subnet.env")


def masquerade(network, subnet):
    rules = [["-s", network, "-d", network, "-j", "RETURN"],
             ["-s", network, "!", "-d", "224.0.0.0/4", "-j", "MASQUERADE", "--random-fully"],
             ["!", "-s", network, "-d", subnet, "-j", "RETURN"],
             ["!", "-s", network, "-d", network, "-j", "MASQUERADE", "--random-fully"]]
    for rule in rules:
        if subprocess.run(["iptables", "-w", "-t", "nat", "-C", "POSTROUTING"] + rule, capture_output=True).returncode:
            run("iptables", "-w", "-t", "nat", "-A", "POSTROUTING", *rule)
    for rule in (["-s", network, "-j", "ACCEPT"], ["-d", network, "-j", "ACCEPT"]):
        if subprocess.run(["iptables", "-w", "-C", "FORWARD"] + rule, capture_output=True).returncode:
            run("iptables", "-w", "-A", "FORWARD", *rule)


def vxlan_device(backend, name, address, mtu, subnet):
    zero = subnet.split("/")[0]
    if not show("link", "show", "dev", "flannel.1"):
        run("ip", "link", "add", "flannel.1", "mtu", str(mtu - 50), "type", "vxlan", "id", str(backend.get("VNI", 1)),
            "dev", name, "local", address, "dstport", str(backend.get("Port", 8472)), "nolearning")
    run("ip", "addr", "replace", zero + "/32", "dev", "flannel.1")
    run("ip", "link", "set", "flannel.1", "up")
    return show("link", "show", "dev", "flannel.1")[0]["address"]


def annotate(node, kind, data, address):
    wanted = {PREFIX + "backend-type": kind, PREFIX + "backend-data": data, PREFIX + "public-ip": address,
              PREFIX + "kube-subnet-manager": "true"}
    there = node["metadata"].get("annotations", {})
    if any(there.get(key) != value for key, value in wanted.items()):
        call("/api/v1/nodes/" + NODE, {"metadata": {"annotations": wanted}})
    if not any(item["type"] == "NetworkUnavailable" for item in node["status"].get("conditions", [])):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        call("/api/v1/nodes/%s/status" % NODE, {"status": {"conditions": [{
            "type": "NetworkUnavailable", "status": "False", "reason": "FlannelIsUp",
            "message": "Flannel is running on this node", "lastTransitionTime": now, "lastHeartbeatTime": now}]}})


def sync(nodes, kind, name, port_of):
    """Make routes, neighbours and forwarding entries those of the other nodes, and no others."""
    routes, peers = {}, {}
    for node in nodes:
        annotations = node["metadata"].get("annotations", {})
        subnet, address = node["spec"].get("podCIDR"), annotations.get(PREFIX + "public-ip")
        if node["metadata"]["name"] == NODE or not subnet or not address:
            continue
        if kind == "host-gw":
            routes[subnet] = ["via", address, "dev", name]
        else:
            zero = subnet.split("/")[0]
            routes[subnet] = ["via", zero, "dev", "flannel.1", "onlink"]
            peers[zero] = (json.loads(annotations[PREFIX + "backend-data"])["VtepMAC"], address)
    for subnet, how in routes.items():
        run("ip", "route", "replace", subnet, *how)
    device = name if kind == "host-gw" else "flannel.1"
    for route in show("route", "show", "dev", device):
        if route.get("gateway") and route["dst"] not in routes and route["dst"].startswith(port_of):
            run("ip", "route", "del", route["dst"], "dev", device)
    for zero, (mac, address) in peers.items():
        run("ip", "neigh", "replace", zero, "lladdr", mac, "dev", "flannel.1", "nud", "permanent")
        run("bridge", "fdb", "replace", mac, "dev", "flannel.1", "dst", address, "self", "permanent")
    if kind != "host-gw":
        for neighbour in show("neigh", "show", "dev", "flannel.1"):
            if neighbour["dst"] not in peers:
                run("ip", "neigh", "del", neighbour["dst"], "dev", "flannel.1")
        macs = {mac for mac, _ in peers.values()}
        for entry in json.loads(run("bridge", "-j", "fdb", "show", "dev", "flannel.1")):
            if entry["mac"] not in macs:
                run("bridge", "fdb", "del", entry["mac"], "dev", "flannel.1", "dst", entry["dst"], "self")


def main():
    with open("/etc/kube-flannel/net-conf.json") as source:
        configuration = json.load(source)
    with open("/etc/kube-flannel/interface") as source:
        name, address, mtu = outer(source.read().strip())
    network, backend = configuration["Network"], configuration["Backend"]
    kind = backend["Type"]
    print("Using interface %s with address %s, backend %s" % (name, address, kind), flush=True)
    while True:
        try:
            nodes = call("/api/v1/nodes")["items"]
            me = next(node for node in nodes if node["metadata"]["name"] == NODE)
            subnet = me["spec"].get("podCIDR")
            if subnet:
                data = "null"
                if kind == "vxlan":
                    mac = vxlan_device(backend, name, address, mtu, subnet)
                    data = json.dumps({"VNI": backend.get("VNI", 1), "VtepMAC": mac}, separators=(",", ":"))
                masquerade(network, subnet)
                write_subnet(network, subnet, mtu - 50 if kind == "vxlan" else mtu)
                annotate(me, kind, data, address)
                sync(nodes, kind, name, network.rsplit(".", 2)[0] + ".")
        except (OSError, ValueError, KeyError, StopIteration) as error:
            print("retrying: %s" % error, flush=True)
        time.sleep(3)


main()
