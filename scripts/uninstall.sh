#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Removes all that install.sh made: uninstall.sh PREFIX [DESTDIR]. What the daemon remembers, what it
# left in the kernel and its configuration stay, unless PURGE=1. The user stays: files may be its.
set -eu

prefix=$1
destination=${2:-}
. "$(dirname "$0")/paths.sh"

# Stopped, not only disabled: its program goes away.
if [ -z "$destination" ] && [ -d /run/systemd/system ] && [ -e "$unit" ]; then
  systemctl disable --now distributord
fi
# Forwarding goes on without the daemon, but nobody could end it any more.
if [ -z "$destination" ] && [ "${PURGE:-}" = 1 ] && [ -x "$prefix/bin/distributorctl" ]; then
  "$prefix/bin/distributorctl" teardown --config "$configuration/distributord.yaml" ||
    echo "Not torn down: what the kernel forwards it goes on to forward until the next boot." >&2
fi

rm -rf "$library" "$documents"
rm -f "$unit" "$users" "$rules"
for name in $commands; do rm -f "$destination$prefix/bin/$name"; done
if [ "${PURGE:-}" = 1 ]; then rm -rf "$configuration" "$state"; fi

for directory in "$(dirname "$rules")" "$configuration"; do
  if [ -d "$directory" ]; then rmdir --ignore-fail-on-non-empty "$directory"; fi
done
if [ -z "$destination" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi

echo "Removed from ${destination:-/} at $prefix."
if [ "${PURGE:-}" != 1 ]; then
  echo "Kept, if there: $configuration, $state and what the kernel forwards (PURGE=1 removes them)."
fi
