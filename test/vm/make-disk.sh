#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the project in the Debian at ROOT as `make install` does, puts what its tests need beside
# it, and makes a disk of all that: make-disk.sh ROOT DISK. Run at the root of the tree.
set -eu

root=$1
disk=$2
checkout=$root/srv/checkout

./scripts/install.sh /usr "$root" >/dev/null
rm -rf "$checkout"
mkdir -p "$checkout/build"
# Links: the disk's file system is filled from here, and nothing writes to them.
cp -al package.json vitest.config.ts bench bpf docs packaging proto scripts src test "$checkout"
cp -al node_modules "$checkout"
cp -al build/native build/proto build/xdp-pass.o build/seccomp-run "$checkout/build"
# What only checks the sources, and is large.
for tool in @typescript-eslint echarts eslint prettier typescript zrender; do
  rm -rf "$checkout/node_modules/$tool"
done
cp test/vm/vm-test.service "$root/etc/systemd/system"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sf ../vm-test.service "$root/etc/systemd/system/multi-user.target.wants"

rm -f "$disk" "$disk.new"
mke2fs -q -t ext4 -d "$root" "$disk.new" 3G >/dev/null
mv "$disk.new" "$disk"
