#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# unpack-packages.sh DIRECTORY PACKAGE…
#
# Unpacks Debian's packages, and the libraries that this machine lacks for them, below the
# directory. Nothing is installed: no service starts, and removing the directory removes all.
set -eu

directory=$1
shift
[ ! -e "$directory/.complete" ] || exit 0

plan() {
  apt-get install --dry-run --no-install-recommends "$@"
}

# Lists of packages may be old, or not there at all.
if ! plan=$(plan "$@" 2>/dev/null); then
  apt-get update --quiet=2
  plan=$(plan "$@")
fi
packages=$(echo "$plan" | awk '$1 == "Inst" { print $2 }')
# Of an installed package, the files are on the machine.
wanted=$(for package in $packages; do
  case $package in lib*) echo "$package" ;; *) for name in "$@"; do
    [ "$package" != "$name" ] || echo "$package"
  done ;; esac
done)

download=$(mktemp -d)
trap 'rm -r "$download"' EXIT
chmod 755 "$download"
rm -rf "$directory"
mkdir -p "$directory"
if [ -n "$wanted" ]; then
  # shellcheck disable=SC2086 # a list
  if ! (cd "$download" && apt-get download --quiet=2 $wanted >/dev/null 2>&1); then
    apt-get update --quiet=2
    (cd "$download" && apt-get download --quiet=2 $wanted)
  fi
  for archive in "$download"/*.deb; do
    dpkg-deb --extract "$archive" "$directory"
  done
fi
touch "$directory/.complete"
