#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds Kubernetes from Debian's source package in a container, so that the host's distribution does not matter.
# Usage: kubernetes.sh BASE_IMAGE TARGET_DIR     (about six minutes on two cores)
set -euo pipefail
base=$1 target=$2
mkdir -p "$target.part"
docker run --rm -i -v "$target.part":/out "$base" bash -s <<'INSIDE'
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >/etc/apt/sources.list.d/source.list
apt-get update -qq
apt-get install -y -qq dpkg-dev golang-1.19-go make rsync golang-github-modern-go-reflect2-dev >/dev/null 2>&1
cd /tmp
apt-get source -qq kubernetes=1.20.2+really1.20.2-1.1 >/dev/null 2>&1 || apt-get source -qq kubernetes >/dev/null 2>&1
cd kubernetes-*/
# The vendored reflect2 crashes under Go 1.18 and later; Debian's 1.0.2 does not.
rm -rf vendor/github.com/modern-go/reflect2
cp -r /usr/share/gocode/src/github.com/modern-go/reflect2 vendor/github.com/modern-go/
export PATH=/usr/lib/go-1.19/bin:$PATH GOFLAGS=-mod=vendor CGO_ENABLED=0 GO111MODULE=off
export KUBE_GIT_VERSION=v1.20.2 KUBE_GIT_TREE_STATE=clean KUBE_GIT_COMMIT=faecb196815e248d3ecfb03c680a4507229c2a56
make GOLDFLAGS="-s -w" WHAT="cmd/kube-apiserver cmd/kube-controller-manager cmd/kube-scheduler cmd/kubelet cmd/kube-proxy cmd/kubectl"
cp _output/local/go/bin/kube* /out/
for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do
    "/out/$name" --version 2>/dev/null || "/out/$name" version --client --short
done
INSIDE
rm -rf "$target"
mv "$target.part" "$target"
