"""kubectl as the role kubectl_access leaves it on a node of each role, and kubeconfigs with each identity."""
import glob
import io
import json
import os
import re
import subprocess
import tarfile
import tempfile
import threading

import pytest
import yaml
from lab import PASSWORD, PREFIX, ROOT, SCENARIO, assert_refused, container_of, lab_host, run_playbook, wait_for

NODES = ["bg1", "bg2", "bg4"]  # etcd, controlplane, worker
PLAYBOOK, ROLE = "molecule/kubectl_access/converge.yml", "molecule/kubectl_access/role.yml"
KUBECTL = "/usr/local/bin/kubectl "
# Measured on a real API server, see docs/kubectl.md: `y` if the identity may run the command.
ASKED = ["get nodes", "get pods -A", "-n kube-system logs {pod} --all-containers", "get secrets -A", "get configmaps -A"]
MAY = {"admin": "yyyyy", "auto": "yyyyy", "kube-node": "yynyy", "kube-controller-manager": "yynyy", "kube-scheduler": "yynnn",
       "kube-proxy": "ynnnn"}
HAVE = {"bg1": ["kube-node", "kube-proxy"], "bg2": ["kube-node", "kube-proxy", "kube-controller-manager", "kube-scheduler"],
        "bg4": ["kube-node", "kube-proxy"]}


@pytest.mark.parametrize("name, identity", [(name, identity) for name in NODES for identity in ["admin", "auto"] + HAVE[name]])
def test_each_identity_may_what_was_measured(name, identity):
    host = lab_host(name)
    kubectl = KUBECTL + "--kubeconfig /root/.kube/%s " % identity
    pod = lab_host("bg2").check_output(KUBECTL + "--kubeconfig /root/.kube/admin -n kube-system get pods -o name | head -1")
    found = ""
    for command in ASKED:
        done = host.run(kubectl + command.format(pod=pod))
        assert done.rc == 0 or "Forbidden" in done.stderr, done.stderr
        found += "y" if done.rc == 0 else "n"
    assert found == MAY[identity]


@pytest.mark.parametrize("name", NODES)
def test_kubectl_is_the_clusters(name):
    shown = yaml.safe_load(lab_host(name).check_output(KUBECTL + "version -o yaml --context fay"))
    assert shown["clientVersion"]["gitVersion"] == shown["serverVersion"]["gitVersion"] == "v1.20.2"


@pytest.mark.parametrize("name, everything", [("bg1", "no"), ("bg2", "yes"), ("bg4", "no")])
def test_a_control_plane_has_full_rights_and_other_nodes_their_own(name, everything):
    assert lab_host(name).run(KUBECTL + "--context fay auth can-i '*' '*' --all-namespaces").stdout.strip() == everything
    assert lab_host(name).check_output(KUBECTL + "--context fay auth can-i get nodes") == "yes"
    assert lab_host(name).file("/root/.kube/config").mode == 0o600
    assert lab_host(name).file("/root/.kube").mode == 0o700


def test_the_operators_own_cluster_stays():
    shown = yaml.safe_load(lab_host("bg2").file("/root/.kube/config").content_string)
    assert sorted(item["name"] for item in shown["clusters"]) == ["fay", "home"]
    assert {"name": "me", "user": {"token": "mine"}} in shown["users"]


def test_another_user_has_everything_in_a_file_of_his_own():
    host = lab_host("bg2")
    shown = host.check_output("su - alice -c 'kubectl config view --raw -o json'")
    config = json.loads(shown)
    assert config["current-context"] == "alice@fay" and config["contexts"][0]["context"]["namespace"] == "kube-system"
    assert "client-key-data" in config["users"][0]["user"]
    assert host.check_output("su - alice -c 'kubectl get pods -o name'")
    found = host.file("/home/alice/.kube/config")
    assert (found.user, found.group, found.mode) == ("alice", "alice", 0o600)
    assert host.file("/home/alice/.kube").user == "alice"
    assert host.check_output("su - alice -c 'bash -lic \"type k\"' 2>/dev/null").endswith("kubectl'")


def test_a_user_goes_through_rancher_with_a_token_for_this_cluster_only():
    host = lab_host("bg2")
    config = json.loads(host.check_output("su - bob -c 'kubectl config view --raw -o json'"))
    server, token = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]
    assert re.fullmatch(r"https://%s\.80/k8s/clusters/c-\w+" % re.escape(PREFIX), server)
    assert len(host.check_output("su - bob -c 'kubectl get nodes -o name'").splitlines()) == 3
    for address, status in ((server + "/version", "200"), (server.split("/k8s")[0] + "/v3/users", "401")):
        assert host.check_output("curl -sk -o /dev/null -w '%%{http_code}' -H 'Authorization: Bearer %s' %s" % (token, address)) == status
    run = run_playbook(PLAYBOOK, arguments=["--limit=bg2", "-vvv", "--diff"])
    assert run.code == 0 and run.changed == 0, run.output
    assert token.split(":")[1] not in run.output and PASSWORD not in run.output
    logged = host.check_output("journalctl --no-pager")
    assert "ansible-fay.rancher.kubeconfig" in logged and token.split(":")[1] not in logged and PASSWORD not in logged


def test_the_file_is_what_the_notes_four_commands_write():
    host = lab_host("bg2")
    ssl = "/etc/kubernetes/ssl/"
    host.check_output("rm -f /root/notes")
    for command in ("set-cluster fay --server=https://127.0.0.1:6443 --certificate-authority=%skube-ca.pem" % ssl,
                    "set-credentials fay --client-certificate=%skube-scheduler.pem --client-key=%skube-scheduler-key.pem" % (ssl, ssl),
                    "set-context fay --cluster=fay --user=fay", "use-context fay"):
        host.check_output(KUBECTL + "config --kubeconfig /root/notes " + command)
    theirs = host.check_output(KUBECTL + "config view --raw --kubeconfig /root/notes")
    assert host.check_output(KUBECTL + "config view --raw --kubeconfig /root/.kube/kube-scheduler") == theirs
    assert host.file("/root/notes").content_string == host.file("/root/.kube/kube-scheduler").content_string


def test_kubectl_and_our_writer_never_lose_each_others_entries():
    """Two hundred rounds of each at one file."""
    host, rounds = lab_host("bg2"), 200
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as target:
        for name in ("_files.py", "_kubernetes/kubeconfig.py"):
            path = "plugins/module_utils/" + name
            target.add(os.path.join(ROOT, path), "ansible_collections/fay/rancher/" + path)
    unpack = "rm -rf /tmp/ours /root/both; mkdir /tmp/ours && tar -x -C /tmp/ours"
    subprocess.run(["docker", "exec", "-i", container_of("bg2"), "sh", "-c", unpack],
                   input=archive.getvalue(), check=True)
    program = (
        "import os\n"
        "from ansible_collections.fay.rancher.plugins.module_utils import _files\n"
        "from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig\n"
        "def change():\n"
        "    before = _kubeconfig.parse(open('/root/both').read() if os.path.exists('/root/both') else '')\n"
        "    after = _kubeconfig.merge(before, ours, make_current=False)\n"
        "    if after != before:\n"
        "        _files.write_atomically('/root/both', _kubeconfig.render(after), 0o600)\n"
        "    return after != before\n"
        "for number in range(%d):\n"
        "    names = dict.fromkeys(('cluster', 'user', 'context'), 'ours%%d' %% number)\n"
        "    ours = _kubeconfig.build(names, {'server': 'https://x'}, {'token': 't'})\n"
        "    assert _files.change_with_kubectl('/root/both', change)\n") % rounds
    ours = threading.Thread(target=lambda: host.check_output("cd /tmp/ours && python3 -c %s", program))
    ours.start()
    # kubectl gives up at once where the lock is held, and says so: then it is asked again. It locks no file of --kubeconfig.
    host.check_output("for number in $(seq 0 %d); do until KUBECONFIG=/root/both %s config set-cluster theirs$number --server=https://y "
                      ">/dev/null 2>/tmp/said; do grep -q 'lock: file exists' /tmp/said || exit 1; done; done" % (rounds - 1, KUBECTL))
    ours.join()
    found = yaml.safe_load(host.check_output("cat /root/both"))
    names = {item["name"] for item in found["clusters"]}
    assert names == {"%s%d" % (whose, number) for whose in ("ours", "theirs") for number in range(rounds)}
    assert not host.file("/root/both.lock").exists


def module(host, **options):
    """Run the module kubeconfig on a host, as an operator's own task."""
    arguments = ["ansible", host, "--module-name=fay.rancher.kubeconfig", "--args=" + json.dumps(dict({"cluster": "fay"}, **options)),
                 "--inventory=molecule/%s/inventory" % SCENARIO]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    done = subprocess.run(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=dict(kept, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg"), ANSIBLE_NOCOLOR="1", FAY_LAB_SET=SCENARIO))
    assert "Traceback" not in done.stdout, done.stdout
    return done.returncode, re.sub(r"\s+", " ", done.stdout)


@pytest.mark.parametrize("place, options, message", [
    ("mount -t tmpfs -o ro none /mnt", {"path": "/mnt/config"}, "Read-only file system: '/mnt/config.lock'. The file was not changed"),
    ("mount -t tmpfs -o size=4k none /mnt && echo 'kind: Config' >/mnt/config", {"path": "/mnt/config", "embed": True},
     "No space left on device. The file was not changed"),
    ("mount -t tmpfs none /mnt && echo 'a: [' >/mnt/config", {"path": "/mnt/config"},
     "/mnt/config is not a valid kubeconfig: it is not valid YAML"),
    ("mount -t tmpfs none /mnt && touch /mnt/config.lock", {"path": "/mnt/config"}, "config.lock has existed for more than 15 seconds"),
    ("true", {"server": ["https://127.0.0.1:6444"]}, "The API server at https://127.0.0.1:6444 does not answer"),
    ("true", {"identity": "kube-apiserverx"}, "has no certificate kube-apiserverx with a key. It has: "),
])
def test_what_cannot_be_is_refused_and_nothing_is_left(place, options, message):
    host = lab_host("bg4")
    host.check_output(place)
    before = host.run("cat /mnt/config").stdout
    try:
        code, output = module("bg4", **options)
        assert code != 0 and message in output, output
        assert host.run("cat /mnt/config").stdout == before
        assert host.check_output("ls -A /mnt") in ("", "config", "config.lock")
    finally:
        host.run("umount /mnt")


def test_comments_are_kept_in_a_backup_and_links_stay_links():
    host = lab_host("bg4")
    host.check_output("rm -rf /root/c && mkdir /root/c && printf '# mine\\nkind: Config\\n' >/root/c/real && ln -sf real /root/c/config")
    code, output = module("bg4", path="/root/c/config", identity="kube-node")
    assert code == 0 and "Comments in /root/c/config cannot be preserved; the original was saved as" in output, output
    assert host.file("/root/c/config").is_symlink
    assert host.check_output("cat /root/c/real.*~") == "# mine\nkind: Config"
    assert len(host.check_output(KUBECTL + "--kubeconfig /root/c/config get nodes -o name").splitlines()) == 3
    assert module("bg4", path="/root/c/config", identity="kube-node")[0] == 0
    assert len(host.check_output("ls /root/c").split()) == 3


@pytest.mark.parametrize("target, message", [
    ("/root/.kube/admin", "cannot read it. Change its owner to that user with chown. The file was not changed"),
    ("/etc/profile.d/mine.sh", "Permission denied: '/etc/profile.d/mine.sh.fay'. The file was not changed")])
def test_root_follows_no_link_that_a_user_has_put_there(target, message):
    host, link = lab_host("bg2"), "/home/alice/.kube/link"
    host.check_output("su - alice -c 'ln -sfn %s %s'", target, link)
    before = host.run("cat %s", target).stdout
    code, output = module("bg2", path=link, owner="alice", embed=True)
    assert code != 0 and message in output, output
    assert host.run("cat %s", target).stdout == before
    assert host.check_output("su - alice -c 'rm %s; ls .kube'", link) in ("config", "cache\nconfig")


def test_a_run_that_was_killed_leaves_nothing_in_the_way_of_the_next():
    """Killed while it has kubectl's lock and has written beside the file."""
    host = lab_host("bg4")
    host.check_output("rm -rf /root/k && mkdir /root/k")
    assert module("bg4", path="/root/k/config", identity="kube-node")[0] == 0
    before = host.check_output("cat /root/k/config")
    host.check_output("printf 'fay.rancher\\n' >/root/k/config.lock; echo half >/root/k/config.fay")
    assert module("bg4", path="/root/k/config", identity="kube-proxy")[0] == 0
    assert host.check_output("ls /root/k") == "config" and host.check_output("cat /root/k/config") != before


def test_a_minted_identity_may_what_it_is_bound_to():
    options = {"path": "/root/.kube/mint", "identity": "mint", "mint": {"subject": "/O=viewers/CN=alice", "days": 40}}
    kubectl = KUBECTL + "--kubeconfig /root/.kube/admin "
    lab_host("bg2").check_output("rm -f /root/.kube/mint; " + kubectl + "delete --ignore-not-found clusterrolebinding viewers")
    code, output = module("bg2", **options)
    assert code == 0 and '"changed": true' in output, output
    assert "REDACTED" not in lab_host("bg2").check_output("cat /root/.kube/mint")
    minted = KUBECTL + "--kubeconfig /root/.kube/mint "
    assert "Forbidden" in lab_host("bg2").run(minted + "get pods").stderr
    lab_host("bg2").check_output(kubectl + "create clusterrolebinding viewers --clusterrole=view --group=viewers")
    assert lab_host("bg2").run(minted + "get pods -A").rc == 0
    assert '"changed": false' in module("bg2", **options)[1]
    code, output = module("bg4", **options)
    assert code != 0 and "only control plane nodes have the CA's key" in output


@pytest.fixture
def bare():
    """bg2 without PyYAML, as a host that this collection never saw may be."""
    place = lab_host("bg2").check_output("python3 -c 'import yaml; print(yaml.__path__[0])'")
    lab_host("bg2").check_output("mv %s %s.away", place, place)
    yield lab_host("bg2")
    lab_host("bg2").check_output("mv %s.away %s", place, place)


def test_the_cluster_in_the_operators_own_kubeconfig_also_when_rancher_is_lost(tmp_path, bare):
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\nkind: Config\nclusters: [{name: home, cluster: {server: 'https://192.0.2.1'}}]\n")
    lab_host("rancher1").check_output("docker stop rancher")
    here, there = set(glob.glob(os.path.join(tempfile.gettempdir(), "ansible.*"))), bare.check_output("ls /tmp /root")
    try:
        options = {"variables": {"kubectl_access_workstation_path": str(path)},
                   "arguments": ["--diff", "-vvv", "--become", "--become-method=su"]}
        before = path.read_text()
        checked = run_playbook("playbooks/kubeconfig.yml", variables=options["variables"], arguments=options["arguments"] + ["--check"])
        assert checked.code == 0 and checked.changed == 1 and path.read_text() == before, checked.output
        run = run_playbook("playbooks/kubeconfig.yml", **options)
        assert run.code == 0 and run.changed == 1, run.output
        assert "may get nodes, get pods, get pods/log, get secrets, get configmaps" in run.text
        assert re.search(r"bg\d \S+ /etc/kubernetes/ssl/\S+ \d+ days left, until 20\S+\", \"\d\d more expire later", run.text), run.output
        config = yaml.safe_load(path.read_text())
        assert [item["name"] for item in config["clusters"]] == ["fay", "home"] and config["current-context"] == "fay"
        opener = bare.check_output("base64 -w0 /etc/kubernetes/ssl/kube-node-key.pem")
        for secret in (config["users"][0]["user"]["client-key-data"][:60], opener[-60:], "PRIVATE KEY"):
            assert secret not in run.output
        assert run_playbook("playbooks/kubeconfig.yml", **options).changed == 0
        assert set(glob.glob(os.path.join(tempfile.gettempdir(), "ansible.*"))) == here
        assert bare.check_output("ls /tmp /root") == there
    finally:
        lab_host("rancher1").check_output("docker start rancher")


def test_several_clusters_in_one_file_or_each_in_its_own_and_a_control_plane_that_is_down(tmp_path):
    """The lab has one cluster: two more names for it, one of them with a first control plane that does not answer."""
    address = PREFIX + ".82"
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"children": {
        "controlplane": {"hosts": {
            "gone": {"ansible_host": PREFIX + ".99", "rancher_cluster": "one"},
            "bg2x": {"ansible_host": address, "rancher_cluster": "one"},
            address: {"rancher_cluster": "two"}}}}}}))

    def run(path):
        done = run_playbook("playbooks/kubeconfig.yml", variables={"kubectl_access_workstation_path": str(tmp_path / path)},
                    inventories=[str(tmp_path / "hosts.yml")])
        assert done.code == 4 and done.recap["gone"]["unreachable"] == 1, done.output
        assert sum(counts["failed"] + counts["unreachable"] for counts in done.recap.values()) == 1, done.output

    run("all")
    run("of-{{ rancher_cluster }}")
    names = ["fay", "one", "two"]
    together = yaml.safe_load((tmp_path / "all").read_text())
    assert [item["name"] for item in together["contexts"]] == names
    assert {item["cluster"]["server"] for item in together["clusters"]} == {"https://%s:6443" % address}
    for name in names:
        assert [item["name"] for item in yaml.safe_load((tmp_path / ("of-" + name)).read_text())["contexts"]] == [name]


def test_a_server_of_k3s_in_the_operators_own_kubeconfig(tmp_path):
    """No K3s runs here: its files, with this cluster's administrator in them, on a host that has none of RKE's."""
    admin = yaml.safe_load(lab_host("bg2").check_output("cat /root/.kube/admin"))
    authority = lab_host("bg2").check_output("base64 -w0 /etc/kubernetes/ssl/kube-ca.pem")
    user, host, tls = admin["users"][0]["user"], lab_host("rancher1"), "/var/lib/rancher/k3s/server/tls/"
    host.check_output("mkdir -p " + tls)
    for name, text in (("server-ca.crt", authority), ("client-ca.crt", authority), ("client-admin.crt", user["client-certificate-data"]),
                       ("client-admin.key", user["client-key-data"])):
        host.check_output("echo %s | base64 -d >%s", text, tls + name)
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"children": {
        "controlplane": {"hosts": {"edge1": {"ansible_host": PREFIX + ".80", "rancher_cluster": "edge"}}}}}}))
    options = {"inventories": [str(tmp_path / "hosts.yml")], "arguments": ["--limit=edge1"], "variables": {
        "kubectl_access_workstation_path": str(tmp_path / "config"), "kubectl_access_workstation_servers": ["https://%s.82:6443" % PREFIX]}}
    try:
        run = run_playbook("playbooks/kubeconfig.yml", **options)
        assert run.code == 0 and "get pods/log" in run.text and tls + "client-admin.crt" in run.text, run.output
        assert yaml.safe_load((tmp_path / "config").read_text())["current-context"] == "edge"
        assert run_playbook("playbooks/kubeconfig.yml", **options).changed == 0
    finally:
        host.check_output("rm -rf /var/lib/rancher/k3s")


def test_a_control_plane_is_asked_where_the_nodes_own_address_does_not_answer():
    def server():
        run = run_playbook(ROLE, variables={"kubectl_access_path": "/root/.kube/server"},
                   arguments=["--limit=bg4", "--tags=kubectl_access_kubeconfig"])
        assert run.code == 0, run.output
        return yaml.safe_load(lab_host("bg4").check_output("cat /root/.kube/server"))["clusters"][0]["cluster"]["server"]

    lab_host("bg4").check_output("docker stop nginx-proxy")
    try:
        assert server() == "https://%s.82:6443" % PREFIX
    finally:
        lab_host("bg4").check_output("docker start nginx-proxy")
        wait_for(lab_host("bg4"), 6443)
    assert server() == "https://127.0.0.1:6443"


@pytest.mark.parametrize("kept", ["secret", "configmap"])
def test_the_administrator_comes_from_either_store_of_the_state(kept):
    kubectl = KUBECTL + "--kubeconfig /root/.kube/admin -n kube-system "
    host = lab_host("bg2")
    there = next(kind for kind in ("secret", "configmap") if host.run(kubectl + "get %s full-cluster-state" % kind).rc == 0)
    host.check_output("umask 077; " + kubectl + "get %s full-cluster-state -o jsonpath='{.data.full-cluster-state}' %s >/root/state" % (
        there, "| base64 -d" if there == "secret" else ""))

    def make(kind):
        host.check_output(kubectl + "create %s full-cluster-state --from-file=full-cluster-state=/root/state" % (
            "secret generic" if kind == "secret" else kind))
    try:
        host.run(kubectl + "delete secret,configmap full-cluster-state")
        make(kept)
        host.check_output("rm -f /root/.kube/store")
        code, output = module("bg2", path="/root/.kube/store")
        assert code == 0 and "from its stored state" in output, output
        assert host.check_output(KUBECTL + "--kubeconfig /root/.kube/store auth can-i '*' '*' -A") == "yes"
        host.check_output(kubectl + "delete %s full-cluster-state" % kept)
        code, output = module("bg2", path="/root/.kube/store")
        assert code != 0 and "The cluster has no full-cluster-state in kube-system" in output, output
    finally:
        make(there)
        host.check_output("rm /root/state")


def test_rights_that_the_identity_has_not_are_refused():
    lab_host("bg4").check_output("rm -f /root/no")
    code, output = module("bg4", path="/root/no", identity="kube-proxy", rights=["get nodes", "create deployments.apps", "get pods/log"])
    assert code != 0 and "denies the identity kube-proxy: create deployments.apps, get pods/log. Choose another identity" in output
    assert not lab_host("bg4").file("/root/no").exists
    code, output = module("bg4", path="/root/no", identity="admin", rights=["create deployments.apps"])
    assert code == 0 and '"create deployments.apps": true' in output, output


def kubectl_of(check=False, **variables):
    """kubectl, put to a place of its own on bg4; the Run."""
    return run_playbook(ROLE, arguments=["--limit=bg4"] + ["--check"] * check,
                variables=dict({"kubectl_access_dest": "/root/kubectl"}, **variables))


@pytest.fixture
def elsewhere():
    yield lab_host("bg4")
    lab_host("bg4").check_output("rm -rf /root/kubectl /var/lib/rancher/rke2")


def test_the_newest_kubectl_of_a_series(elsewhere):
    assert kubectl_of(kubectl_access_version="1.20").code == 0
    assert "v1.20.2" in elsewhere.check_output("/root/kubectl version --client --short")


def test_kubectl_from_a_file_of_the_control_machine(elsewhere, tmp_path):
    def write(version):
        (tmp_path / "kubectl").write_text("#!/bin/sh\necho '%s'\n" % json.dumps({"clientVersion": {"gitVersion": version}}))
        return {"kubectl_access_file": str(tmp_path / "kubectl")}
    assert kubectl_of(check=True, **write("v1.21.14")).code == 0
    assert not elsewhere.file("/root/kubectl").exists
    assert kubectl_of(**write("v1.21.14")).code == 0
    assert "v1.21.14" in elsewhere.check_output("/root/kubectl")
    assert kubectl_of(**write("v1.21.14")).changed == 0
    run = kubectl_of(**write("v1.30.1"))
    message = "kubectl v1.30.1 differs by more than one minor version from the cluster's v1.20.2. Choose another kubectl_access_file"
    assert run.code != 0 and message in run.text


def test_kubectl_of_the_clusters_own_installation(elsewhere):
    elsewhere.check_output("mkdir -p /var/lib/rancher/rke2/bin && cd /var/lib/rancher/rke2/bin && cp /usr/local/bin/kubectl . "
                           "&& echo >>kubectl")
    assert kubectl_of().code == 0
    assert elsewhere.file("/root/kubectl").linked_to == "/var/lib/rancher/rke2/bin/kubectl"
    assert kubectl_of().changed == 0


def test_a_kubectl_of_another_checksum_is_refused(elsewhere):
    site = lab_host("bg1")
    site.check_output("mkdir -p /srv/release/v1.20.2/bin/linux/amd64 && cd /srv/release/v1.20.2/bin/linux/amd64 && echo damaged >kubectl "
                      "&& sha256sum </usr/local/bin/kubectl | cut -d' ' -f1 >kubectl.sha256")
    site.check_output("systemd-run --unit=release python3 -m http.server 8099 --directory /srv")
    try:
        wait_for(site, 8099)
        run = kubectl_of(kubectl_access_release_url="http://%s.81:8099" % PREFIX)
        assert run.code != 0 and re.search(r"The checksum for \S+ did not match", run.text), run.output
        assert not elsewhere.file("/root/kubectl").exists
    finally:
        site.check_output("systemctl stop release; rm -rf /srv/release")


def test_an_identity_that_the_node_has_not_is_refused():
    assert_refused("has no certificate kube-apiserver with a key", playbook=ROLE, variables={"kubectl_access_identity": "kube-apiserver"},
            arguments=["--limit=bg4"])


def test_a_directory_in_kubectls_place_is_refused():
    lab_host("bg4").check_output("mkdir -p /usr/local/lib/kubectl/kubectl")
    assert_refused("/usr/local/lib/kubectl is a directory; it must be a file or not exist", playbook=ROLE, arguments=["--limit=bg4"],
            variables={"kubectl_access_dest": "/usr/local/lib/kubectl"})


def test_a_kubectl_of_another_age_is_refused():
    assert_refused("kubectl v1.15.3 differs by more than one minor version from the cluster's v1.20.2", playbook=ROLE,
                   arguments=["--limit=bg4"], variables={"kubectl_access_version": "1.15.3"})


@pytest.mark.parametrize("tag", ["kubectl_access_preflight", "kubectl_access_kubeconfig", "kubectl_access_kubectl"])
def test_each_tag_alone_changes_nothing(tag):
    run = run_playbook(ROLE, arguments=["--limit=bg2", "--tags=" + tag])
    assert run.code == 0 and run.changed == 0, run.output
    assert ("Write kubeconfigs with the requested permissions" in run.output) == (tag != "kubectl_access_preflight")
    assert ("Install kubectl" in run.output) == (tag == "kubectl_access_kubectl")


def test_an_ordinary_user_is_refused():
    assert_refused("The tasks run as nobody on bg2; root is required", playbook=ROLE, arguments=["--limit=bg2"],
            variables={"ansible_become": True, "ansible_become_user": "nobody"})


def test_it_goes_and_leaves_what_is_not_ours():
    run = run_playbook(PLAYBOOK, arguments=["--limit=bg2"], variables={"kubectl_access_state": "absent"})
    assert run.code == 0, run.output
    host = lab_host("bg2")
    assert not host.file("/usr/local/bin/kubectl").exists and not host.file("/etc/profile.d/kubectl.sh").exists
    shown = yaml.safe_load(host.check_output("cat /root/.kube/config"))
    assert [item["name"] for item in shown["clusters"] + shown["users"] + shown["contexts"]] == ["home", "me", "home"]
