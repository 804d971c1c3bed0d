# SPDX-License-Identifier: GPL-3.0-or-later
"""What RKE writes about a cluster: files below /etc/kubernetes of its nodes, and the ConfigMap full-cluster-state."""
import base64
import json

SSL = "/etc/kubernetes/ssl/"
AUDIT_POLICY = "apiVersion: audit.k8s.io/v1\nkind: Policy\nmetadata:\n  creationTimestamp: null\nrules:\n- level: Metadata\n"
# Without a newline at the end, and with the stray api-version (rancher/rke @v1.3.3: templates/kubeconfig.go).
KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters:
- cluster:
    api-version: v1
    certificate-authority{authority}
    server: "https://{address}:6443"
  name: "{cluster}"
contexts:
- context:
    cluster: "{cluster}"
    user: "{user}-{cluster}"
  name: "{cluster}"
current-context: "{cluster}"
users:
- name: "{user}-{cluster}"
  user:
    client-certificate{certificate}
    client-key{key}"""
WITHOUT_KUBECONFIG = ("kube-apiserver", "kube-service-account-token")  # pairs for which RKE writes no kubeconfig


def kubeconfig(user):
    """kubecfg-USER.yaml: the local API server or nginx-proxy, with the files of the pair `user`."""
    return KUBECONFIG.format(cluster="local", address="127.0.0.1", user=user, authority=": " + SSL + "kube-ca.pem",
                             certificate=": %s%s.pem" % (SSL, user), key=": %s%s-key.pem" % (SSL, user))


def admin_kubeconfig(cluster, address, pairs):
    """The kubeconfig of kube-admin, with the certificates in it."""
    def data(pem):
        return "-data: " + base64.b64encode(pem.encode()).decode()
    admin = pairs["kube-admin"]
    return KUBECONFIG.format(cluster=cluster, address=address, user="kube-admin", authority=data(pairs["kube-ca"]["certificate"]),
                             certificate=data(admin["certificate"]), key=data(admin["key"]))


def pair_names(node, etcd_nodes):
    """The names of the pairs that a node needs for its roles (rancher/rke @v1.3.3: pki/util.go getCertKeys)."""
    names = ["kube-proxy", "kube-node"]
    if "controlplane" in node["roles"]:
        names += ["kube-apiserver", "kube-service-account-token", "kube-controller-manager", "kube-scheduler",
                  "kube-apiserver-requestheader-ca", "kube-apiserver-proxy-client"]
    if "etcd" in node["roles"]:
        names += ["kube-etcd-" + other["address"].replace(".", "-") for other in etcd_nodes]
    return names


def node_files(node, etcd_nodes, pairs):
    """{path: content} of the files that a node gets."""
    files = {SSL + "kube-ca.pem": pairs["kube-ca"]["certificate"]}
    for name in pair_names(node, etcd_nodes):
        files[SSL + name + ".pem"] = pairs[name]["certificate"]
        files[SSL + name + "-key.pem"] = pairs[name]["key"]
        if not name.startswith("kube-etcd") and name not in WITHOUT_KUBECONFIG:
            files[SSL + "kubecfg-" + name + ".yaml"] = kubeconfig(name)
    if "controlplane" in node["roles"]:
        files[SSL + "kube-ca-key.pem"] = pairs["kube-ca"]["key"]
        files["/etc/kubernetes/audit-policy.yaml"] = AUDIT_POLICY
    else:
        files["/etc/kubernetes/cloud-config"] = ""
    return files


def full_cluster_state(cluster, nodes, pairs):
    """The ConfigMap full-cluster-state. cluster: a stored cluster; nodes: its nodes, one of the control plane among them."""
    control = next(node for node in nodes if "controlplane" in node["roles"])
    bundle = {name: bundle_entry(name, pair) for name, pair in pairs.items()}
    bundle["kube-admin"]["config"] = admin_kubeconfig(cluster["id"], control["address"], pairs)
    state = {
        "rkeConfig": {
            "nodes": [{"nodeName": node["name"], "address": node["address"], "role": node["roles"]} for node in nodes],
            "kubernetesVersion": cluster["object"]["rancherKubernetesEngineConfig"]["kubernetesVersion"]},
        "certificatesBundle": bundle}
    return {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "full-cluster-state", "namespace": "kube-system"},
            "data": {"full-cluster-state": json.dumps({"desiredState": state, "currentState": state})}}


def bundle_entry(name, pair):
    """A pair as RKE keeps it in its state."""
    variable = name.upper().replace("-", "_")
    return {
        "certificatePEM": pair["certificate"], "keyPEM": pair["key"], "commonName": name, "ouName": "",
        "config": "" if name == "kube-ca" or name in WITHOUT_KUBECONFIG else kubeconfig(name),
        "name": name, "envName": variable, "keyEnvName": variable + "_KEY", "configEnvName": "KUBECFG_" + variable,
        "path": SSL + name + ".pem", "keyPath": SSL + name + "-key.pem", "configPath": SSL + "kubecfg-" + name + ".yaml"}
