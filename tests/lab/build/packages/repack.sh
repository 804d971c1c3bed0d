#!/usr/bin/env bash
# Runs inside a container of the lab's base image; see ../packages.sh.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive GNUPGHOME=/root/gnupg
sed -n 's/bookworm main$/trixie main/p' /etc/apt/sources.list | grep -v security >/etc/apt/sources.list.d/trixie.list
printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n' >/etc/apt/preferences.d/trixie
apt-get update -qq
apt-get install -y -qq gnupg apt-utils rpm createrepo-c >/dev/null 2>&1
mkdir -m 0700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-gen-key 'fay lab <lab@fay.example>' rsa2048 sign never

fetch() {  # fetch SUITE PACKAGE...: unpack them below /tmp/SUITE
    mkdir -p "/tmp/$1"
    (cd /tmp && for name in "${@:2}"; do
        apt-get download -qq "$name/$1" && dpkg-deb -x "$name"_*.deb "/tmp/$1" && rm "$name"_*.deb
    done)
}

tree() {  # tree SUITE ENGINE_VERSION: upstream's layout below /tmp/ENGINE_VERSION/PACKAGE
    local from=/tmp/$1 root=/tmp/$2
    mkdir -p "$root"/{docker-ce/usr/bin,docker-ce/lib/systemd/system,docker-ce-cli/usr/bin,containerd.io/usr/bin,containerd.io/lib/systemd/system}
    cp "$from"/usr/sbin/dockerd "$from"/usr/sbin/docker-proxy "$root/docker-ce/usr/bin/"
    cp "$from"/usr/bin/tini-static "$root/docker-ce/usr/bin/docker-init"
    cp /recipe/docker.service /recipe/docker.socket "$root/docker-ce/lib/systemd/system/"
    cp "$from"/usr/bin/docker "$root/docker-ce-cli/usr/bin/"
    cp "$from"/usr/bin/containerd "$from"/usr/bin/containerd-shim* "$from"/usr/bin/ctr "$from"/usr/sbin/runc "$root/containerd.io/usr/bin/"
    cp /recipe/containerd.service "$root/containerd.io/lib/systemd/system/"
}

deb() {  # deb SUITE DIR PACKAGE VERSION DEPENDS
    local suite=$1
    shift
    mkdir -p "$1/DEBIAN"
    printf 'Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: fay lab <lab@fay.example>\nDepends: %s\nDescription: %s of the lab\n' \
        "$2" "$3" "$4" "$2" >"$1/DEBIAN/control"
    if [ "$2" = docker-ce ]; then
        printf '#!/bin/sh\nset -e\ngetent group docker >/dev/null || groupadd --system docker\n' >"$1/DEBIAN/postinst"
        cat >>"$1/DEBIAN/postinst" <<'POST'
systemctl daemon-reload 2>/dev/null || true
if [ "$1" = configure ]; then
    systemctl enable --quiet docker.service docker.socket 2>/dev/null || true
    if [ -z "$2" ]; then systemctl start docker.service; else systemctl restart docker.service; fi || true
fi
POST
        printf '#!/bin/sh\nset -e\n[ "$1" != remove ] || systemctl stop docker.service docker.socket || true\n' >"$1/DEBIAN/prerm"
        chmod 0755 "$1/DEBIAN/postinst" "$1/DEBIAN/prerm"
    elif [ "$2" = containerd.io ]; then
        printf '#!/bin/sh\nset -e\nsystemctl daemon-reload || true\nsystemctl enable --quiet --now containerd.service || true\n' >"$1/DEBIAN/postinst"
        chmod 0755 "$1/DEBIAN/postinst"
    fi
    dpkg-deb --build --root-owner-group -Zxz -z1 "$1" "/www/linux/debian/dists/$suite/pool/stable/amd64/$2_${3#*:}_amd64.deb" >/dev/null
    rm -rf "$1/DEBIAN"
}

rpm_package() {  # rpm_package DIR PACKAGE EPOCH VERSION RELEASE REQUIRES
    local spec=/tmp/$2.spec
    {
        printf 'Name: %s\nEpoch: %s\nVersion: %s\nRelease: %s.el9\nSummary: %s of the lab\nLicense: Apache-2.0\nAutoReqProv: no\n' "$2" "$3" "$4" "$5" "$2"
        for name in $6; do echo "Requires: $name"; done
        printf '%%description\n%s of the lab\n%%install\ncp -a %s/. %%{buildroot}/\n%%files\n' "$2" "$1"
        (cd "$1" && find . -type f | sed 's/^\.//')
        case $2 in
        docker-ce) printf '%%pre\ngetent group docker >/dev/null || groupadd --system docker\n%%post\nsystemctl daemon-reload || :\n%%preun\n[ $1 -gt 0 ] || systemctl --no-reload disable --now docker.service docker.socket || :\n%%postun\n[ $1 -lt 1 ] || { systemctl daemon-reload; systemctl try-restart docker.service; } || :\n' ;;
        containerd.io) printf '%%post\nsystemctl daemon-reload || :\n' ;;
        esac
    } >"$spec"
    rpmbuild --quiet -bb --define '_build_id_links none' --define '_binary_payload w1.gzdio' --define 'debug_package %{nil}' \
        --define '__os_install_post %{nil}' --define "_rpmdir /tmp/rpm" "$spec" >/dev/null
}

mkdir -p /www/linux/debian/dists/{bookworm,trixie}/pool/stable/amd64 /tmp/rpm
fetch bookworm docker.io containerd runc tini
fetch trixie docker.io docker-cli containerd
# tini is the same; Debian 13's runc wants a newer libc than Debian 12 has.
cp /tmp/bookworm/usr/bin/tini-static /tmp/trixie/usr/bin/
mkdir -p /tmp/trixie/usr/sbin && cp /tmp/bookworm/usr/sbin/runc /tmp/trixie/usr/sbin/
tree bookworm 20.10.24
tree trixie 26.1.5
while read -r version deb_version rpm_release containerd suites; do
    root=/tmp/$version
    for suite in $suites; do
        deb "$suite" "$root/docker-ce" docker-ce "5:$deb_version$suite" "docker-ce-cli, containerd.io, iptables, libseccomp2"
        deb "$suite" "$root/docker-ce-cli" docker-ce-cli "5:$deb_version$suite" "libc6"
        deb "$suite" "$root/containerd.io" containerd.io "$containerd-1" "libc6, libseccomp2"
    done
    rpm_package "$root/docker-ce" docker-ce 3 "$version" "$rpm_release" "docker-ce-cli containerd.io"
    rpm_package "$root/docker-ce-cli" docker-ce-cli 1 "$version" "$rpm_release" ""
    rpm_package "$root/containerd.io" containerd.io 0 "$containerd" "3.1" ""
done <<'VERSIONS'
20.10.24 20.10.24~3-0~debian- 3 1.6.20 bookworm
26.1.5 26.1.5-1~debian. 1 1.7.24 bookworm trixie
VERSIONS
cd /www/linux/debian
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

mkdir -p /www/linux/centos/9/x86_64/stable/Packages
find /tmp/rpm -name '*.rpm' -exec mv -t /www/linux/centos/9/x86_64/stable/Packages {} +
rpmsign --define '__gpg /usr/bin/gpg' --define '_gpg_name fay lab' --addsign /www/linux/centos/9/x86_64/stable/Packages/*.rpm >/dev/null
createrepo_c --quiet /www/linux/centos/9/x86_64/stable
cp /www/linux/debian/gpg /www/linux/centos/gpg
ln -s centos /www/linux/rhel
gpg --list-keys --with-colons | awk -F: '/^fpr/ {print $10; exit}' >/www/fingerprint

mkdir -p /www/release/v1.20.2/bin/linux/amd64
cp /kubernetes/kubectl /www/release/v1.20.2/bin/linux/amd64/
sha256sum </kubernetes/kubectl | cut -d' ' -f1 | tr -d '\n' >/www/release/v1.20.2/bin/linux/amd64/kubectl.sha256
printf v1.20.2 >/www/release/stable-1.20.txt
chmod -R a+rX /www
ls -l /www/linux/debian/dists/*/pool/stable/amd64 /www/linux/centos/9/x86_64/stable/Packages
