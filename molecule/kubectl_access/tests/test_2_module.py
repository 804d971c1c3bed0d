# SPDX-License-Identifier: GPL-3.0-or-later
"""The module kubeconfig on the nodes of a cluster."""
import io
import os
import subprocess
import tarfile
import threading

import pytest
import yaml
from kubeconfigs import KUBECTL, run_module
from lab import ROOT, container_of, lab_host


def test_kubectl_and_the_module_keep_each_others_entries():
    """Both change the same file, each of them two hundred times."""
    host, rounds = lab_host("bg2"), 200
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as target:
        for name in ("_files.py", "_kubernetes/kubeconfig.py"):
            path = "plugins/module_utils/" + name
            target.add(os.path.join(ROOT, path), "ansible_collections/fay/rancher/" + path)
    unpack = "rm -rf /tmp/module /root/both; mkdir /tmp/module && tar -x -C /tmp/module"
    subprocess.run(["docker", "exec", "-i", container_of("bg2"), "sh", "-c", unpack],
                   input=archive.getvalue(), check=True)
    program = (
        "import os\n"
        "from ansible_collections.fay.rancher.plugins.module_utils import _files\n"
        "from ansible_collections.fay.rancher.plugins.module_utils._kubernetes import kubeconfig as _kubeconfig\n"
        "def change():\n"
        "    before = _kubeconfig.parse(open('/root/both').read() if os.path.exists('/root/both') else '')\n"
        "    after = _kubeconfig.merge(before, added, make_current=False)\n"
        "    if after != before:\n"
        "        _files.write_atomically('/root/both', _kubeconfig.render(after), 0o600)\n"
        "    return after != before\n"
        "for number in range(%d):\n"
        "    names = dict.fromkeys(('cluster', 'user', 'context'), 'module%%d' %% number)\n"
        "    added = _kubeconfig.build(names, {'server': 'https://x'}, {'token': 't'})\n"
        "    assert _files.change_under_kubectl_lock('/root/both', change)\n") % rounds
    writer = threading.Thread(target=lambda: host.check_output("cd /tmp/module && python3 -c %s", program))
    writer.start()
    # kubectl fails at once if the file is locked, and then it is run again. It does not lock the file of --kubeconfig.
    host.check_output("for number in $(seq 0 %d); do until KUBECONFIG=/root/both %s config set-cluster kubectl$number --server=https://y "
                      ">/dev/null 2>/tmp/errors; do grep -q 'lock: file exists' /tmp/errors || exit 1; done; done" % (rounds - 1, KUBECTL))
    writer.join()
    config = yaml.safe_load(host.check_output("cat /root/both"))
    names = {item["name"] for item in config["clusters"]}
    assert names == {"%s%d" % (writer_name, number) for writer_name in ("module", "kubectl") for number in range(rounds)}
    assert not host.file("/root/both.lock").exists


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
def test_failing_run_leaves_the_file_unchanged(place, options, message):
    host = lab_host("bg4")
    host.check_output(place)
    before = host.run("cat /mnt/config").stdout
    try:
        code, output = run_module("bg4", **options)
        assert code != 0 and message in output, output
        assert host.run("cat /mnt/config").stdout == before
        assert host.check_output("ls -A /mnt") in ("", "config", "config.lock")
    finally:
        host.run("umount /mnt")


def test_comments_are_backed_up_and_links_are_kept():
    host = lab_host("bg4")
    host.check_output("rm -rf /root/c && mkdir /root/c && printf '# mine\\nkind: Config\\n' >/root/c/real && ln -sf real /root/c/config")
    code, output = run_module("bg4", path="/root/c/config", identity="kube-node")
    assert code == 0 and "Comments in /root/c/config cannot be preserved; the original was saved as" in output, output
    assert host.file("/root/c/config").is_symlink
    assert host.check_output("cat /root/c/real.*~") == "# mine\nkind: Config"
    assert len(host.check_output(KUBECTL + "--kubeconfig /root/c/config get nodes -o name").splitlines()) == 3
    assert run_module("bg4", path="/root/c/config", identity="kube-node")[0] == 0
    assert len(host.check_output("ls /root/c").split()) == 3


@pytest.mark.parametrize("target, message", [
    ("/root/.kube/admin", "cannot read it. Change its owner to that user with chown. The file was not changed"),
    ("/etc/profile.d/mine.sh", "Permission denied: '/etc/profile.d/mine.sh.fay'. The file was not changed")])
def test_root_does_not_follow_a_link_of_a_user(target, message):
    host, link = lab_host("bg2"), "/home/alice/.kube/link"
    host.check_output("su - alice -c 'ln -sfn %s %s'", target, link)
    before = host.run("cat %s", target).stdout
    code, output = run_module("bg2", path=link, owner="alice", embed=True)
    assert code != 0 and message in output, output
    assert host.run("cat %s", target).stdout == before
    assert host.check_output("su - alice -c 'rm %s; ls .kube'", link) in ("config", "cache\nconfig")


def test_run_after_a_killed_run_succeeds():
    """The killed run held kubectl's lock and had written its temporary file."""
    host = lab_host("bg4")
    host.check_output("rm -rf /root/k && mkdir /root/k")
    assert run_module("bg4", path="/root/k/config", identity="kube-node")[0] == 0
    before = host.check_output("cat /root/k/config")
    host.check_output("printf 'fay.rancher\\n' >/root/k/config.lock; echo half >/root/k/config.fay")
    assert run_module("bg4", path="/root/k/config", identity="kube-proxy")[0] == 0
    assert host.check_output("ls /root/k") == "config" and host.check_output("cat /root/k/config") != before


def test_minted_identity_has_the_permissions_of_its_bindings():
    options = {"path": "/root/.kube/mint", "identity": "mint", "mint": {"subject": "/O=viewers/CN=alice", "days": 40}}
    kubectl = KUBECTL + "--kubeconfig /root/.kube/admin "
    lab_host("bg2").check_output("rm -f /root/.kube/mint; " + kubectl + "delete --ignore-not-found clusterrolebinding viewers")
    code, output = run_module("bg2", **options)
    assert code == 0 and '"changed": true' in output, output
    assert "REDACTED" not in lab_host("bg2").check_output("cat /root/.kube/mint")
    minted = KUBECTL + "--kubeconfig /root/.kube/mint "
    assert "Forbidden" in lab_host("bg2").run(minted + "get pods").stderr
    lab_host("bg2").check_output(kubectl + "create clusterrolebinding viewers --clusterrole=view --group=viewers")
    assert lab_host("bg2").run(minted + "get pods -A").rc == 0
    assert '"changed": false' in run_module("bg2", **options)[1]
    code, output = run_module("bg4", **options)
    assert code != 0 and "only control plane nodes have the CA's key" in output


@pytest.mark.parametrize("kept", ["secret", "configmap"])
def test_administrator_is_read_from_a_secret_or_a_configmap(kept):
    kubectl = KUBECTL + "--kubeconfig /root/.kube/admin -n kube-system "
    host = lab_host("bg2")
    kind_of_state = next(kind for kind in ("secret", "configmap") if host.run(kubectl + "get %s full-cluster-state" % kind).rc == 0)
    host.check_output("umask 077; " + kubectl + "get %s full-cluster-state -o jsonpath='{.data.full-cluster-state}' %s >/root/state" % (
        kind_of_state, "| base64 -d" if kind_of_state == "secret" else ""))

    def create(kind):
        host.check_output(kubectl + "create %s full-cluster-state --from-file=full-cluster-state=/root/state" % (
            "secret generic" if kind == "secret" else kind))
    try:
        host.run(kubectl + "delete secret,configmap full-cluster-state")
        create(kept)
        host.check_output("rm -f /root/.kube/store")
        code, output = run_module("bg2", path="/root/.kube/store")
        assert code == 0 and "from its stored state" in output, output
        assert host.check_output(KUBECTL + "--kubeconfig /root/.kube/store auth can-i '*' '*' -A") == "yes"
        host.check_output(kubectl + "delete %s full-cluster-state" % kept)
        code, output = run_module("bg2", path="/root/.kube/store")
        assert code != 0 and "The cluster has no full-cluster-state in kube-system" in output, output
    finally:
        create(kind_of_state)
        host.check_output("rm /root/state")


def test_missing_permissions_are_rejected():
    lab_host("bg4").check_output("rm -f /root/no")
    code, output = run_module("bg4", path="/root/no", identity="kube-proxy",
                              rights=["get nodes", "create deployments.apps", "get pods/log"])
    assert code != 0 and "denies the identity kube-proxy: create deployments.apps, get pods/log. Choose another identity" in output
    assert not lab_host("bg4").file("/root/no").exists
    code, output = run_module("bg4", path="/root/no", identity="admin", rights=["create deployments.apps"])
    assert code == 0 and '"create deployments.apps": true' in output, output
