# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on a fresh host: invalid input, each tag alone, options as strings, and the removal in two parts."""
import pytest
from lab import assert_rejected, lab_host, run_playbook

PLAYBOOK = "molecule/docker_ce/converge.yml"
PARTS = "molecule/docker_ce/parts.yml"  # without facts
HOST = "debian13"
LIMIT = ["--limit=" + HOST]


def test_user_other_than_root_is_rejected():
    run = assert_rejected("The tasks run as nobody on debian13; root is required. Set become to true", playbook=PARTS, arguments=LIMIT,
                          variables={"ansible_become": True, "ansible_become_user": "nobody"})
    assert "not writable" not in run.output


def test_apply_without_preflight_is_rejected():
    assert_rejected("The preflight of docker_ce has not run on debian13", playbook="molecule/docker_ce/apply_only.yml", arguments=LIMIT)


def test_version_that_is_a_number_is_rejected():
    assert_rejected("docker_ce_version is the number 20.1; a string is required. Put it in quotes", playbook=PLAYBOOK, arguments=LIMIT,
                    variables={"docker_ce_version": 20.10})


@pytest.mark.parametrize("tag", ["docker_ce_preflight", "docker_ce_data_root"])
def test_tag_without_anything_to_do_changes_nothing(tag):
    run = run_playbook(PARTS, arguments=LIMIT + ["--tags", tag])
    assert run.code == 0 and run.changed == 0, run.output
    assert not lab_host(HOST).file("/etc/docker").exists


def test_configure_tag_alone_installs_nothing():
    run = run_playbook(PARTS, arguments=LIMIT + ["--tags", "docker_ce_configure"])
    assert run.code == 0 and run.changed > 0, run.output
    assert lab_host(HOST).file("/etc/docker/daemon.json").exists and not lab_host(HOST).exists("dockerd")


def test_install_tag_alone_starts_docker_with_options_from_strings():
    arguments = LIMIT + ["--tags", "docker_ce_install"]
    for option in ("docker_ce_no_proxy=localhost, 127.0.0.1", "docker_ce_hold=false", "docker_ce_users=ops",
                   "docker_ce_log_max_file=3", "docker_ce_min_free_gib=1"):
        arguments += ["--extra-vars", '{"%s": "%s"}' % tuple(option.split("=", 1))]
    lab_host(HOST).check_output("useradd ops")
    run = run_playbook(PARTS, arguments=arguments)
    assert run.code == 0, run.output
    shown = lab_host(HOST).check_output("docker info --format '{{.DockerRootDir}} {{.NoProxy}}'")
    assert shown == "/appdata/lib/docker localhost,127.0.0.1"
    assert lab_host(HOST).check_output("apt-mark showhold") == ""
    assert "docker" in lab_host(HOST).user("ops").groups
    assert '"max-file": "3"' in lab_host(HOST).file("/etc/docker/daemon.json").content_string
    assert run_playbook(PARTS, arguments=arguments).changed == 0


def test_docker_is_removed_in_two_parts():
    run = run_playbook(PARTS, arguments=LIMIT, variables={"docker_ce_state": "absent", "docker_ce_purge_data": "yes"})
    assert run.code == 0, run.output
    assert not lab_host(HOST).exists("dockerd") and not lab_host(HOST).file("/etc/docker/daemon.json").exists
    assert not lab_host(HOST).file("/appdata/lib/docker").exists
    again = run_playbook(PARTS, arguments=LIMIT, variables={"docker_ce_state": "absent"})
    assert again.code == 0 and again.changed == 0, again.output
