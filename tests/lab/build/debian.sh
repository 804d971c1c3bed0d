#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the base image of the lab's other images: a minimal Debian release with apt.
# Usage: debian.sh SUITE TAG
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/mirror.sh"
suite=$1 tag=$2

root=$(mktemp -d)
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }
trap 'as_root rm -rf --one-file-system "$root"' EXIT

as_root debootstrap --variant=minbase --include=ca-certificates --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
    "$suite" "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >/dev/null
uri=$(awk '$1 == "deb" {print $2; exit}' "$root/etc/apt/sources.list")
{
    echo "deb $uri $suite main"
    echo "deb $uri $suite-updates main"
    [ -z "$DEBIAN_SECURITY" ] || echo "deb $DEBIAN_SECURITY $suite-security main"
} | as_root tee "$root/etc/apt/sources.list" >/dev/null
# To keep images small: no documentation, no recommended packages, no downloaded packages.
printf 'path-exclude=/usr/share/%s/*\n' doc man locale info | as_root tee "$root/etc/dpkg/dpkg.cfg.d/lab" >/dev/null
as_root tee "$root/etc/apt/apt.conf.d/lab" >/dev/null <<'APT'
APT::Install-Recommends "false";
APT::Keep-Downloaded-Packages "false";
Dpkg::Use-Pty "false";
APT
as_root rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale,info}/*
as_root tar -C "$root" -c . | docker import - "$tag" >/dev/null
