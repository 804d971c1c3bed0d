# Copyright: (c) 2026, the fay.rancher authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules return only documented keys."""
import importlib
import json
import os

import pki
import pytest
import yaml
from ansible.module_utils import basic
from conftest import needs_ansible

pytestmark = needs_ansible
ADDED_BY_ANSIBLE = {"changed", "invocation", "diff", "warnings", "deprecations"}


def run_module(name, arguments, monkeypatch, capsys):
    """(module, result) of running the module with these arguments in this process."""
    module = importlib.import_module("ansible_collections.fay.rancher.plugins.modules." + name)
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    with pytest.raises(SystemExit):
        module.main()
    return module, json.loads(capsys.readouterr().out)


def host_cases(tmp_path):
    node, env, config = tmp_path / "ssl", tmp_path / "subnet.env", tmp_path / "config"
    node.mkdir()
    pki.rke1(str(node))
    env.write_text("FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n")
    config.write_text("apiVersion: v1\nkind: Config\n")
    return [("cluster_pki_info", {"path": str(node)}),
            ("flannel_info", {"path": str(env)}),
            ("kubeconfig", {"path": str(config), "cluster": "fay", "state": "absent"})]


def rancher_cases(standin):
    access = {"url": standin.url, "password": "a password for tests", "validate_certs": False}
    return [("rancher_bootstrap", dict(access, bootstrap_password=standin.password)),
            ("rancher_cluster", dict(access, name="keys", kubernetes_version="v1.21.5-rancher1-1")),
            ("rancher_registration_info", dict(access, name="keys")),
            ("rancher_registration_info", dict(access, name="other"))]


def assert_keys_are_documented(name, arguments, monkeypatch, capsys):
    module, result = run_module(name, arguments, monkeypatch, capsys)
    assert not result.get("failed"), result["msg"]
    assert set(result) - ADDED_BY_ANSIBLE <= set(yaml.safe_load(module.RETURN)), name


def test_modules_for_hosts_return_documented_keys(tmp_path, monkeypatch, capsys):
    for name, arguments in host_cases(tmp_path):
        assert_keys_are_documented(name, arguments, monkeypatch, capsys)


def test_the_state_and_the_configuration_of_docker_have_documented_keys(monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    files = [{"path": "/etc/docker/tls/key.pem", "text": "secret text"}]
    arguments = {"options": {"debug": True}, "files": files, "_ansible_check_mode": True}
    assert_keys_are_documented("docker_engine_config", arguments, monkeypatch, capsys)
    assert_keys_are_documented("docker_engine_info", {"packages": ["bash"], "paths": ["/etc/hosts"]}, monkeypatch, capsys)


def test_modules_for_rancher_return_documented_keys(tmp_path, standin, monkeypatch, capsys):
    for name, arguments in rancher_cases(standin):
        assert_keys_are_documented(name, arguments, monkeypatch, capsys)


def test_rancher_bootstrap_does_not_accept_a_token(monkeypatch, capsys):
    arguments = {"url": "https://127.0.0.1:1", "password": "a password", "token": "token-1:s", "retry_timeout": 0}
    unused, result = run_module("rancher_bootstrap", arguments, monkeypatch, capsys)
    assert result["failed"] and "Unsupported parameters" in result["msg"] and "token" in result["msg"]


def test_an_import_error_of_pyyaml_is_reported_with_its_traceback(tmp_path, monkeypatch, capsys):
    module = importlib.import_module("ansible_collections.fay.rancher.plugins.modules.kubeconfig")
    monkeypatch.setattr(module, "YAML_ERROR", "ModuleNotFoundError: No module named 'yaml'")
    failure, fail = {}, basic.AnsibleModule.fail_json

    def fail_json(self, msg, **names):
        failure.update(names, msg=msg)
        fail(self, msg, **names)

    monkeypatch.setattr(basic.AnsibleModule, "fail_json", fail_json)
    run_module("kubeconfig", {"path": str(tmp_path / "config"), "cluster": "fay"}, monkeypatch, capsys)
    assert "PyYAML" in failure["msg"] and failure["exception"] == "ModuleNotFoundError: No module named 'yaml'"


def test_a_signature_that_cannot_be_verified_causes_a_warning(tmp_path, monkeypatch, capsys):
    openssl = importlib.import_module("ansible_collections.fay.rancher.plugins.module_utils._kubernetes.openssl")
    warnings = []
    monkeypatch.setattr(openssl, "is_signed_by", lambda *unused: None)
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda self, text, **unused: warnings.append(text))
    unused, result = run_module(*host_cases(tmp_path)[0], monkeypatch, capsys)
    assert len(warnings) == 1 and "openssl cannot be started" in warnings[0]
    assert {certificate["signed"] for certificate in result["certificates"].values()} == {None}


def test_the_eviction_thresholds_of_a_cluster_are_returned(standin, monkeypatch, capsys):
    access = {"url": standin.url, "password": "a password for tests", "validate_certs": False, "name": "thresholds"}
    run_module("rancher_bootstrap", dict(url=standin.url, validate_certs=False, password=access["password"],
                                       bootstrap_password=standin.password), monkeypatch, capsys)
    config = {"services": {"kubelet": {"extraArgs": {"eviction-hard": "nodefs.available<2Gi"}}}}
    cluster = dict(access, kubernetes_version="v1.21.5-rancher1-1", rke_config=config)
    assert "failed" not in run_module("rancher_cluster", cluster, monkeypatch, capsys)[1]
    assert run_module("rancher_registration_info", access, monkeypatch, capsys)[1]["eviction_hard"] == "nodefs.available<2Gi"
