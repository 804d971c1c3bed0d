# Sourced: which Debian mirror this machine is set up to use, as DEBIAN_MIRROR and DEBIAN_SECURITY.
# FAY_LAB_DEBIAN_MIRROR and FAY_LAB_DEBIAN_SECURITY say otherwise; on a host that is no Debian and with
# neither set, DEBIAN_MIRROR is empty and debootstrap takes its own default.
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
