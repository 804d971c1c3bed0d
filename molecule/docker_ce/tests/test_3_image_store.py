# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker with the image store of containerd: chosen, moved together with the data root, upgraded, and left again. On Debian 13."""
import pytest
from engine import PLAYBOOK, start_count
from lab import assert_rejected, lab_host, run_playbook

IMAGE = "rancher/rke-tools:v0.1.78"
CONFIG = ('# root = "/var/lib/containerd"\\nversion = 2\\noom_score = -1\\n'
          '[plugins."io.containerd.grpc.v1.cri"]\\n  disable_tcp_service = true\\n')
STORE = {"docker_ce_image_store": "containerd"}


@pytest.fixture(scope="module")
def host():
    return lab_host("debian13")


def run_role(**variables):
    """Run the role on Debian 13 and return the Run, which must have succeeded."""
    run = run_playbook(PLAYBOOK, variables=dict(STORE, **variables), arguments=["--limit=debian13"])
    assert run.code == 0, run.output
    return run


def kib(host, *paths):
    """KiB (int) that directories use on their filesystems."""
    return sum(int(line.split()[0]) for line in host.check_output("du -xsk " + " ".join(paths)).splitlines())


def store_of(host):
    return host.check_output("docker info --format '{{.Driver}} {{.DockerRootDir}}'")


def assert_data_is_complete(host, root, containerd_root):
    """Assert that Docker and containerd use these roots, with everything that test_store_is_chosen() has created."""
    assert store_of(host) == "overlayfs " + root
    assert 'root = "%s"' % containerd_root in host.check_output("cat /etc/containerd/config.toml")
    assert host.check_output("docker exec stored cat /things/file /own") == "precious\nown"
    assert host.check_output("docker exec stored stat --file-system --format %T /memory") == "tmpfs"
    assert host.check_output("docker exec stored cat /bound/file") == "bound"
    assert IMAGE in host.check_output("docker image ls --format '{{.Repository}}:{{.Tag}}'")
    host.check_output("docker run --rm " + IMAGE + " true")
    assert not host.file("/var/lib/fay-rancher/docker-data-root.json").exists


def test_store_is_chosen(host):
    """Images are hidden by an explicit choice only, and a containerd_root of "" leaves containerd where it is."""
    host.check_output("printf '%%b' %s >/etc/containerd/config.toml && systemctl restart containerd && mkdir -p /srv/bound && "
                      "echo bound >/srv/bound/file", CONFIG)
    assert IMAGE in host.check_output("docker image ls --format '{{.Repository}}:{{.Tag}}'")
    run = run_role(docker_ce_containerd_root="")
    assert "changes from the image store classic to containerd. Its images and containers are hidden" in run.text
    assert store_of(host) == "overlayfs /appdata/lib/docker"
    assert host.check_output("docker image ls --quiet") == ""
    host.check_output("docker volume create --opt type=tmpfs --opt device=tmpfs memory && "
                      "docker run --detach --stop-signal KILL --name stored --restart always "
                      "--volume kept:/things --volume memory:/memory --volume /srv/bound:/bound " + IMAGE +
                      " sh -c 'echo precious >/things/file; echo own >/own; sleep infinity'")
    assert kib(host, "/var/lib/containerd") > 100000


def test_check_mode_reports_the_move_of_the_store_with_its_size(host):
    run = run_playbook(PLAYBOOK, variables=STORE, arguments=["--limit=debian13", "--check"])
    assert run.code == 0, run.output
    assert "GiB would be moved from /var/lib/containerd (the image store of containerd) to /appdata/lib/containerd by copy" in run.text
    assert "root =" in host.check_output("cat /etc/containerd/config.toml") and host.file("/appdata/lib/containerd").exists is False


def test_other_users_of_containerd_are_not_disturbed(host):
    host.check_output("ctr namespaces create k8s.io")
    try:
        assert_rejected("contains the namespaces k8s.io", playbook=PLAYBOOK, variables=STORE, arguments=["--limit=debian13"])
        assert "stored" in host.check_output("docker ps --format '{{.Names}}'")
    finally:
        host.check_output("ctr namespaces remove k8s.io")


def test_store_on_another_filesystem_is_moved_and_nothing_is_left_behind(host):
    run_role(docker_ce_data_root_keep_old=False)
    assert_data_is_complete(host, "/appdata/lib/docker", "/appdata/lib/containerd")
    assert host.check_output("sed 1d /etc/containerd/config.toml") == host.check_output("printf '%%b' %s", CONFIG)
    assert kib(host, "/var/lib/docker", "/var/lib/containerd") < 1000
    size = kib(host, "/appdata")
    host.check_output("docker pull --quiet rancher/mirrored-coreos-etcd:v3.4.16-rancher1")
    assert kib(host, "/var/lib/docker", "/var/lib/containerd") < 1000 and kib(host, "/appdata") > size
    started = start_count("debian13")
    assert run_role(docker_ce_data_root_keep_old=False).changed == 0 and start_count("debian13") == started


def test_both_roots_are_moved_together(host):
    started = start_count("debian13")
    run_role(docker_ce_data_root="/appdata/second/docker")
    assert_data_is_complete(host, "/appdata/second/docker", "/appdata/second/containerd")
    assert start_count("debian13") == started + 1
    run_role(docker_ce_data_root_keep_old=False)
    assert_data_is_complete(host, "/appdata/lib/docker", "/appdata/lib/containerd")


def test_imported_file_that_sets_the_root_is_rejected_and_docker_runs_again(host):
    host.check_output("mkdir -p /etc/containerd/conf.d && cp /etc/containerd/config.toml /tmp/config.toml && sed -i "
                      "'2i imports = [\"/etc/containerd/conf.d/*.toml\"]' /etc/containerd/config.toml && printf 'version = 2\\nroot = "
                      "\"/appdata/lib/containerd\"\\n' >/etc/containerd/conf.d/site.toml")
    try:
        run = run_playbook(PLAYBOOK, variables=dict(STORE, docker_ce_containerd_root="/appdata/elsewhere"), arguments=["--limit=debian13"])
        assert run.code != 0 and "another file that /etc/containerd/config.toml imports sets containerd's root" in run.text, run.output
        assert_data_is_complete(host, "/appdata/lib/docker", "/appdata/lib/containerd")
    finally:
        host.check_output("mv /tmp/config.toml /etc/containerd/config.toml && rm -r /etc/containerd/conf.d")


def test_docker_is_upgraded_and_downgraded_with_the_store(host):
    for version in ("28.5", "26.1"):
        run_playbook(PLAYBOOK, variables={"docker_ce_version": version}, arguments=["--limit=debian13"])
        assert host.check_output("docker version --format '{{.Server.Version}}'").startswith(version)
        assert_data_is_complete(host, "/appdata/lib/docker", "/appdata/lib/containerd")


def test_images_of_the_classic_store_were_kept(host):
    host.check_output("docker rm --force stored && docker volume rm kept memory")
    run = run_playbook(PLAYBOOK, variables={"docker_ce_image_store": "classic"}, arguments=["--limit=debian13"])
    assert run.code == 0, run.output
    assert store_of(host) == "overlay2 /appdata/lib/docker"
    assert host.check_output("docker exec keeper cat /things/file") == "precious"
    assert host.check_output("docker ps --filter name=keeper --format '{{.Names}}'") == "keeper"
