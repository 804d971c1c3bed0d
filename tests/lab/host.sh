#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Prepares this machine for the lab. `packages` installs missing system packages, for which it needs root or sudo.
# `engine` starts a Docker engine if none answers. Usage: host.sh packages | engine
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${FAY_LAB_CACHE:-$HOME/.cache/fay-rancher-lab}
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

packages() {
    local missing=()
    command -v debootstrap >/dev/null || missing+=(debootstrap)
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
    command -v ssh-keygen >/dev/null || missing+=(openssh-client)
    command -v openssl >/dev/null || missing+=(openssl)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    if ! docker info >/dev/null 2>&1; then
        command -v dockerd >/dev/null || missing+=(docker.io)
        command -v docker >/dev/null || missing+=($(apt-cache show docker-cli >/dev/null 2>&1 && echo docker-cli || echo docker.io))
        command -v iptables >/dev/null || missing+=(iptables)
    fi
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        echo "Packages are missing on this machine: ${missing[*]}. You are not root, and sudo is not installed." \
             "Install them as root, then run the command again." >&2
        exit 1
    fi
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Whether this machine lacks CAP_SYS_RESOURCE, bit 24 of the bounding set. Without it runc needs the lab's wrapper.
lacks_sys_resource() {
    (( (0x$(awk '/^CapBnd/ {print $2}' /proc/self/status) >> 24 & 1) == 0 ))
}

# start_daemon LOG COMMAND...: start a command that outlives this script. It does not inherit open files: a lock of the caller (flock) would
# be held as long as the daemon runs.
start_daemon() {
    as_root bash -c '
        for path in /proc/$$/fd/*; do
            descriptor=${path##*/}
            [ "$descriptor" -le 2 ] || eval "exec $descriptor<&-"
        done
        exec setsid nohup "${@:2}" </dev/null >"$1" 2>&1 &' bash "$@"
}

engine() {
    if docker info >/dev/null 2>&1; then return; fi
    if [ -d /run/systemd/system ]; then
        as_root systemctl start docker
    else
        # Without an init system, start an engine with its data in the lab's cache.
        local options=(--data-root "$cache/engine" --storage-driver overlay2)
        if lacks_sys_resource; then
            as_root install -m 0755 "$here/runc-sandboxed" /usr/local/bin/fay-lab-runc
            options+=(--add-runtime fay-lab=/usr/local/bin/fay-lab-runc --default-runtime fay-lab)
        fi
        as_root mkdir -p "$cache/engine"
        start_daemon /var/log/fay-lab-dockerd.log dockerd "${options[@]}"
    fi
    for _ in $(seq 60); do
        if docker info >/dev/null 2>&1; then return; fi
        sleep 1
    done
    echo "No Docker engine answers after 60 s. The reason may be in /var/log/fay-lab-dockerd.log or \`journalctl -u docker\`." \
         "A user without root must be in the group docker." >&2
    exit 1
}

"$@"
