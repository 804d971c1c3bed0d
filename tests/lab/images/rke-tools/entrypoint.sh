#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Starts a component of Kubernetes. The lab's nodes are containers of one machine: their kubelet must not manage cgroups,
# and must use the same cgroup driver as Docker there.
if [ "$1" = kubelet ]; then
    arguments=()
    for argument in "$@"; do
        case $argument in --cgroups-per-qos=*) ;; *) arguments+=("$argument") ;; esac
    done
    set -- "${arguments[@]}" --cgroups-per-qos=false --enforce-node-allocatable= --cgroup-driver=cgroupfs
fi
if [ "$1" = kube-proxy ]; then
    # A container may not raise the host's conntrack limits.
    set -- "$@" --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
fi
exec "$@"
