#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Brings a Debian 12 machine to what building, testing and running need. Run as root;
# run again, it installs nothing and changes nothing. To run at the root of the tree. With the
# argument `octavia` it installs what the Python driver's build and tests need, and that alone;
# with `vm`, what the tests in a virtual machine need.
set -eu

packages="
  bpftool clang clang-format cmake ethtool g++ haproxy iproute2 iputils-ping
  libbpf-dev libmnl-dev libseccomp-dev make ninja-build openssl pkg-config procps python3 systemd
  tcpdump traceroute
"
# OpenStack's libraries are many, and none of their packages is a service.
octavia_packages="
  black flake8 libprotobuf-dev mypy protobuf-compiler python3-grpcio python3-octavia
  python3-protobuf python3-pytest python3-setuptools
"
vm_packages="e2fsprogs mmdebstrap qemu-system-x86"
purpose="${1:-}"
case $purpose in
  octavia) packages="$octavia_packages" ;;
  vm) packages="$vm_packages" ;;
esac

fail() {
  echo "prepare-machine: $1" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail "must run as root: it installs packages and mounts bpffs"
command -v apt-get >/dev/null || fail "needs Debian's apt-get; install by hand:$packages"
# Node itself comes with the npm packages; the machine only has to have npm.
[ -n "$purpose" ] || command -v npm >/dev/null || packages="$packages nodejs npm"

missing=""
for package in $packages; do
  dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null |
    grep -q 'install ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  echo "Installing$missing"
  apt-get update --quiet=2
  # shellcheck disable=SC2086 # a list
  DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends $missing \
    >/dev/null
fi
[ -z "$purpose" ] || exit 0

# Prometheus's checker for the tests, alone: its package would start a server.
if [ ! -x build/promtool ]; then
  download=$(mktemp -d)
  chmod 755 "$download"
  (cd "$download" && apt-get download --quiet=2 prometheus >/dev/null 2>&1) ||
    (apt-get update --quiet=2 && cd "$download" && apt-get download --quiet=2 prometheus) ||
    fail "cannot download Debian's package prometheus"
  mkdir -p build
  dpkg-deb --fsys-tarfile "$download"/prometheus_*.deb |
    tar --extract --to-stdout ./usr/bin/promtool >build/promtool.new
  chmod 755 build/promtool.new
  mv build/promtool.new build/promtool
  rm -r "$download"
fi

mountpoint --quiet /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf ||
  fail "cannot mount bpffs on /sys/fs/bpf: is this a container without CAP_SYS_ADMIN?"
