#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the package mirror of the lab: Debian's Docker repacked as docker-ce, docker-ce-cli and containerd.io
# with upstream's file layout and units, in signed apt and dnf repositories under the paths of download.docker.com,
# and kubectl under those of dl.k8s.io.
# Usage: packages.sh BASE_IMAGE KUBERNETES_DIR TARGET_DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
base=$1 kubernetes=$2 target=$3
rm -rf "$target.part"
mkdir -p "$target.part"
docker run --rm -v "$here/packages":/recipe:ro -v "$kubernetes":/kubernetes:ro -v "$target.part":/www "$base" \
    bash /recipe/repack.sh
rm -rf "$target"
mv "$target.part" "$target"
