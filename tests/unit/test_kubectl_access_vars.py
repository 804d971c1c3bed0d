"""Which kubectl the role kubectl_access would take on clusters of which the lab has none: its variables, templated."""
import json
import os
import subprocess
import sys

from conftest import ROOT, role_options

CASES = [
    # (the cluster's version, kubectl_access_version, what a file or the release site said, the version that is taken)
    ("v1.21.5", "auto", {}, "v1.21.5"),
    ("v1.27.3+rke2r1", "auto", {}, "v1.27.3"),
    ("v1.27.3+k3s1", "auto", {}, "v1.27.3"),
    ("v1.27.3-gke.100", "auto", {}, "v1.27.3"),
    ("", "auto", {}, ""),
    ("v1.21.5", "1.20.15", {}, "v1.20.15"),
    ("v1.21.5", "v1.22.0-rc.1", {}, "v1.22.0-rc.1"),
    ("v1.21.5", "1.20", {"__kubectl_access_stable": {"content": "v1.20.15\n"}}, "v1.20.15"),
    ("v1.21.5", "auto", {"file": "/k", "__kubectl_access_asked": {"stdout": '{"clientVersion": {"gitVersion": "v1.22.3"}}'}},
     "v1.22.3"),
    ("v1.21.5", "auto", {"file": "/k", "__kubectl_access_asked": {"skipped": True}}, ""),
    ("v1.21.5", "auto", {"file": "/k", "__kubectl_access_asked": {"skipped": True, "stdout": ""}}, ""),  # check mode
]


def options(version, said):
    return role_options("kubectl_access", {"kubectl_access_version": version, "kubectl_access_file": said.get("file", "")})


def test_the_version_that_is_taken(tmp_path):
    tasks = [{"ansible.builtin.assert": {"that": "__kubectl_access_chosen == %r" % expected,
                                         "fail_msg": "it is {{ __kubectl_access_chosen }}"},
              "vars": dict(said, __kubectl_access=options(version, said),
                           __kubectl_access_written={"results": [{"server_version": server}]})}
             for server, version, said, expected in CASES]
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks, "vars_files": [
        os.path.join(ROOT, "roles/kubectl_access/vars/main.yml")]}]))
    program = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    done = subprocess.run([program, "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml")], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=dict(os.environ, ANSIBLE_CONFIG=os.path.join(ROOT, "ansible.cfg")), text=True)
    assert done.returncode == 0 and "ok=%d" % len(CASES) in done.stdout, done.stdout
