#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Repacks Debian's Docker as upstream's packages. Runs in a container of the lab's base image; see ../packages.sh.
# Directories: /recipe (this one), /kubernetes, and /www for the result.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive GNUPGHOME=/root/gnupg
maintainer='fay lab <lab@fay.example>'
kubernetes=v1.20.2

install_tools() {
    local uri
    uri=$(awk '$3 == "bookworm" {print $2; exit}' /etc/apt/sources.list)
    # The index of unstable expires after a week, so that of a mirror that is not updated has expired. apt still checks its signature.
    printf '%s\n' "deb $uri trixie main" "deb [check-valid-until=no] $uri sid main" >/etc/apt/sources.list.d/newer.list
    # The tools come from bookworm. From the other suites, only what `unpack` asks for by its suite.
    cat >/etc/apt/preferences.d/newer <<'PREFERENCES'
Package: *
Pin: release n=trixie
Pin-Priority: 100

Package: *
Pin: release n=sid
Pin-Priority: 50
PREFERENCES
    apt-get update -qq
    apt-get install -y -qq gnupg apt-utils rpm createrepo-c >/dev/null 2>&1
    mkdir -m 0700 "$GNUPGHOME"
    gpg --batch --quiet --passphrase '' --quick-gen-key "$maintainer" rsa2048 sign never
}

unpack() {  # unpack SUITE PACKAGE...: Debian's packages, to /tmp/SUITE, and the version of the software in each, to /tmp/SUITE/PACKAGE.version
    local suite=$1 name version
    mkdir -p "/tmp/$suite"
    cd /tmp
    for name in "${@:2}"; do
        apt-get download -qq "$name/$suite"
        dpkg-deb -x "$name"_*.deb "/tmp/$suite"
        version=$(dpkg-deb -f "$name"_*.deb Version)
        echo "${version%%[+~-]*}" >"/tmp/$suite/$name.version"
        rm "$name"_*.deb
    done
}

arrange() {  # arrange SUITE: upstream's file layout, in /tmp/SUITE-ce/PACKAGE
    local from=/tmp/$1 root=/tmp/$1-ce
    mkdir -p "$root"/{docker-ce,docker-ce-cli,containerd.io}/usr/bin "$root"/{docker-ce,containerd.io}/lib/systemd/system
    cp "$from"/usr/sbin/dockerd "$from"/usr/sbin/docker-proxy "$root/docker-ce/usr/bin/"
    cp /tmp/bookworm/usr/bin/tini-static "$root/docker-ce/usr/bin/docker-init"
    cp /recipe/docker.service /recipe/docker.socket "$root/docker-ce/lib/systemd/system/"
    cp "$from"/usr/bin/docker "$root/docker-ce-cli/usr/bin/"
    # bookworm's runc, since those of the other suites need a newer libc than Debian 12 has.
    cp "$from"/usr/bin/containerd "$from"/usr/bin/containerd-shim* "$from"/usr/bin/ctr /tmp/bookworm/usr/sbin/runc "$root/containerd.io/usr/bin/"
    cp /recipe/containerd.service "$root/containerd.io/lib/systemd/system/"
    install -D -m 0644 /recipe/config.toml "$root/containerd.io/etc/containerd/config.toml"
}

deb() {  # deb SUITE DIR PACKAGE VERSION DEPENDS: DIR as a package in the apt repository
    local suite=$1 dir=$2 package=$3 version=$4 depends=$5
    mkdir -p "$dir/DEBIAN"
    cat >"$dir/DEBIAN/control" <<CONTROL
Package: $package
Version: $version
Architecture: amd64
Maintainer: $maintainer
Depends: $depends
Description: $package of the lab
CONTROL
    (cd "$dir" && find etc -type f 2>/dev/null | sed 's#^#/#') >"$dir/DEBIAN/conffiles" || true
    deb_scripts "$dir/DEBIAN" "$package"
    dpkg-deb --build --root-owner-group -Zxz -z1 "$dir" \
        "/www/linux/debian/dists/$suite/pool/stable/amd64/${package}_${version#*:}_amd64.deb" >/dev/null
    rm -rf "$dir/DEBIAN"
}

deb_scripts() {  # deb_scripts DIR PACKAGE: what upstream's packages run at installation and removal
    case $2 in
    docker-ce)
        cat >"$1/postinst" <<'POSTINST'
#!/bin/sh
set -e
getent group docker >/dev/null || groupadd --system docker
systemctl daemon-reload 2>/dev/null || true
if [ "$1" = configure ]; then
    systemctl enable --quiet docker.service docker.socket 2>/dev/null || true
    if [ -z "$2" ]; then systemctl start docker.service; else systemctl restart docker.service; fi || true
fi
POSTINST
        cat >"$1/prerm" <<'PRERM'
#!/bin/sh
set -e
[ "$1" != remove ] || systemctl stop docker.service docker.socket || true
PRERM
        chmod 0755 "$1/postinst" "$1/prerm"
        ;;
    containerd.io)
        cat >"$1/postinst" <<'POSTINST'
#!/bin/sh
set -e
systemctl daemon-reload || true
systemctl enable --quiet --now containerd.service || true
POSTINST
        chmod 0755 "$1/postinst"
        ;;
    esac
}

rpm_package() {  # rpm_package DIR PACKAGE EPOCH VERSION RELEASE REQUIRES: DIR as a package in /tmp/rpm
    local dir=$1 package=$2 spec=/tmp/$2.spec
    cat >"$spec" <<SPEC
Name: $package
Epoch: $3
Version: $4
Release: $5.el9
Summary: $package of the lab
License: Apache-2.0
AutoReqProv: no
$(for name in $6; do echo "Requires: $name"; done)
%description
$package of the lab
%install
cp -a $dir/. %{buildroot}/
%files
$(cd "$dir" && find . -type f | sed 's/^\.//; s#^/etc/#%config(noreplace) /etc/#')
$(rpm_scripts "$package")
SPEC
    rpmbuild --quiet -bb --define '_build_id_links none' --define '_binary_payload w1.gzdio' --define 'debug_package %{nil}' \
        --define '__os_install_post %{nil}' --define "_rpmdir /tmp/rpm" "$spec" >/dev/null
}

rpm_scripts() {  # rpm_scripts PACKAGE: what upstream's packages run at installation and removal. Unlike deb, rpm starts nothing.
    case $1 in
    docker-ce)
        cat <<'SCRIPTS'
%pre
getent group docker >/dev/null || groupadd --system docker
%post
systemctl daemon-reload || :
%preun
[ $1 -gt 0 ] || systemctl --no-reload disable --now docker.service docker.socket || :
%postun
[ $1 -lt 1 ] || { systemctl daemon-reload; systemctl try-restart docker.service; } || :
SCRIPTS
        ;;
    containerd.io)
        cat <<'SCRIPTS'
%post
systemctl daemon-reload || :
SCRIPTS
        ;;
    esac
}

build_packages() {
    mkdir -p /www/linux/debian/dists/{bookworm,trixie}/pool/stable/amd64 /tmp/rpm
    unpack bookworm docker.io containerd runc tini
    unpack trixie docker.io docker-cli containerd
    unpack sid docker.io docker-cli containerd
    generation bookworm '~3-0~debian-' 3 bookworm
    generation trixie '-1~debian.' 1 bookworm trixie
    generation sid '-1~debian.' 1 bookworm trixie
}

generation() {  # generation FROM DEB_REVISION RPM_RELEASE SUITE...: packages of FROM's Docker for the apt repositories of SUITE..., and for dnf
    local from=$1 revision=$2 release=$3 root=/tmp/$1-ce version containerd suite
    version=$(cat "/tmp/$from/docker.io.version") containerd=$(cat "/tmp/$from/containerd.version")
    arrange "$from"
    for suite in "${@:4}"; do
        deb "$suite" "$root/docker-ce" docker-ce "5:$version$revision$suite" "docker-ce-cli, containerd.io, iptables, libseccomp2"
        deb "$suite" "$root/docker-ce-cli" docker-ce-cli "5:$version$revision$suite" "libc6"
        deb "$suite" "$root/containerd.io" containerd.io "$containerd-1" "libc6, libseccomp2"
    done
    rpm_package "$root/docker-ce" docker-ce 3 "$version" "$release" "docker-ce-cli containerd.io"
    rpm_package "$root/docker-ce-cli" docker-ce-cli 1 "$version" "$release" ""
    rpm_package "$root/containerd.io" containerd.io 0 "$containerd" "3.1" ""
    echo "$version" >>/www/versions
}

apt_repository() {  # below /www/linux/debian, as download.docker.com has it
    cd /www/linux/debian
    local suite
    for suite in bookworm trixie; do
        mkdir -p "dists/$suite/stable/binary-amd64"
        apt-ftparchive packages "dists/$suite/pool" >"dists/$suite/stable/binary-amd64/Packages"
        gzip -k "dists/$suite/stable/binary-amd64/Packages"
        apt-ftparchive -o APT::FTPArchive::Release::Origin=Docker -o "APT::FTPArchive::Release::Suite=$suite" \
            -o "APT::FTPArchive::Release::Codename=$suite" -o APT::FTPArchive::Release::Components=stable \
            -o APT::FTPArchive::Release::Architectures=amd64 release "dists/$suite" >"dists/$suite/Release"
        gpg --batch --quiet --clearsign -o "dists/$suite/InRelease" "dists/$suite/Release"
    done
    gpg --armor --export >gpg
}

dnf_repository() {  # below /www/linux/centos and /www/linux/rhel
    local stable=/www/linux/centos/9/x86_64/stable
    mkdir -p "$stable/Packages"
    find /tmp/rpm -name '*.rpm' -exec mv -t "$stable/Packages" {} +
    rpmsign --define '__gpg /usr/bin/gpg' --define '_gpg_name fay lab' --addsign "$stable"/Packages/*.rpm >/dev/null
    createrepo_c --quiet "$stable"
    cp /www/linux/debian/gpg /www/linux/centos/gpg
    ln -s centos /www/linux/rhel
    gpg --list-keys --with-colons | awk -F: '/^fpr/ {print $10; exit}' >/www/fingerprint
}

kubectl_release() {  # below /www/release, as dl.k8s.io has it
    local directory=/www/release/$kubernetes/bin/linux/amd64
    mkdir -p "$directory"
    cp /kubernetes/kubectl "$directory/"
    sha256sum </kubernetes/kubectl | cut -d' ' -f1 | tr -d '\n' >"$directory/kubectl.sha256"
    printf '%s' "$kubernetes" >"/www/release/stable-${kubernetes:1:4}.txt"
}

install_tools
build_packages
apt_repository
dnf_repository
kubectl_release
chmod -R a+rX /www
ls -l /www/linux/debian/dists/*/pool/stable/amd64 /www/linux/centos/9/x86_64/stable/Packages
