# SPDX-License-Identifier: GPL-3.0-or-later
# To be sourced. Sets DEBIAN_MIRROR and DEBIAN_SECURITY to the mirrors that are configured on this machine, if it is
# Debian. FAY_LAB_DEBIAN_MIRROR and FAY_LAB_DEBIAN_SECURITY override them. If DEBIAN_MIRROR is empty, debootstrap uses its
# default; if DEBIAN_SECURITY is empty, images have no security updates.
configured_uris() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
        sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' | tr ' ' '\n' | sed 's#/$##'
}
if grep -q '^ID=debian' /etc/os-release; then
    DEBIAN_MIRROR=${FAY_LAB_DEBIAN_MIRROR:-$(configured_uris | grep -m1 '/debian$' || true)}
    DEBIAN_SECURITY=${FAY_LAB_DEBIAN_SECURITY:-$(configured_uris | grep -m1 '/debian-security$' || true)}
else
    DEBIAN_MIRROR=${FAY_LAB_DEBIAN_MIRROR:-}
    DEBIAN_SECURITY=${FAY_LAB_DEBIAN_SECURITY:-}
fi
