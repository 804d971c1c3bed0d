#!/usr/bin/env bash
# Gets this machine ready for the lab: system packages, and a Docker engine where none answers.
# Installs only what is missing; needs root or sudo for that. Usage: host.sh packages | engine
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
        echo "${missing[*]} is missing here, and you are neither root nor is there sudo: install it as root, then run again." >&2
        exit 1
    fi
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Bit 24 of the bounding set is CAP_SYS_RESOURCE; without it runc needs the lab's wrapper.
lacks_sys_resource() {
    (( (0x$(awk '/^CapBnd/ {print $2}' /proc/self/status) >> 24 & 1) == 0 ))
}

engine() {
    if docker info >/dev/null 2>&1; then return; fi
    if [ -d /run/systemd/system ]; then
        as_root systemctl start docker
    else
        # No init system here: the lab's engine keeps its data in the lab's cache.
        local options=(--data-root "$cache/engine" --storage-driver overlay2)
        if lacks_sys_resource; then
            as_root install -m 0755 "$here/runc-sandboxed" /usr/local/bin/fay-lab-runc
            options+=(--add-runtime fay-lab=/usr/local/bin/fay-lab-runc --default-runtime fay-lab)
        fi
        as_root mkdir -p "$cache/engine"
        as_root sh -c 'exec setsid nohup dockerd "$@" </dev/null >/var/log/fay-lab-dockerd.log 2>&1 &' sh "${options[@]}"
    fi
    for _ in $(seq 60); do
        if docker info >/dev/null 2>&1; then return; fi
        sleep 1
    done
    echo "No Docker engine answers after 60 s. Look at /var/log/fay-lab-dockerd.log or \`journalctl -u docker\`;" \
         "a user without root must be in the group docker." >&2
    exit 1
}

"$@"
