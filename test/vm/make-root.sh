#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a Debian 12 in the directory given, with systemd and every kernel that Debian 12 has for
# machines in a cloud: the smallest, and their other options are those of linux-image-amd64.
set -eu

root=$1
system=systemd-sysv,udev,kmod,iproute2,procps
kernels=linux-image-cloud-amd64,linux-image-6.12-cloud-amd64
daemon=libbpf1,libmnl0
tests=bpftool,ethtool,haproxy,iputils-ping,python3,tcpdump

mkdir -p "$(dirname "$root")"
rm -rf "$root" "$root.new"
echo "Making a Debian 12 in $root (some minutes, once)"
mmdebstrap --quiet --variant=minbase --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt=path-exclude='/usr/share/doc/*' --dpkgopt=path-exclude='/usr/share/man/*' \
  --dpkgopt=path-exclude='/usr/share/locale/*' \
  --include="$system,$kernels,$daemon,$tests" \
  --customize-hook='systemctl --quiet --root="$1" mask haproxy.service' \
  --customize-hook='echo distributor >"$1/etc/hostname"' \
  bookworm "$root.new"
mv "$root.new" "$root"
