#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what `make build` made: install.sh PREFIX [DESTDIR], to run at PREFIX.
set -eu

prefix=$1
destination=${2:-}
library=$destination$prefix/lib/distributord
source=$(dirname "$0")/..

mkdir -p "$library/build/native/Release" "$destination$prefix/bin" "$destination$prefix/share/doc/distributord" \
  "$destination/etc/distributord" \
  "$destination/lib/systemd/system"
rm -rf "$library/src" "$library/proto"
cp -R "$source/src" "$source/proto" "$source/package.json" "$source/package-lock.json" "$library"
cp "$source/build/native/Release/distributor.node" "$library/build/native/Release"
(cd "$library" && npm ci --omit=dev --no-fund --no-audit --loglevel=error)

for command in distributord:main distributorctl:cli/main; do
  name=${command%%:*}
  target=$destination$prefix/bin/$name
  printf '#!/bin/sh\nexec %s %s "$@"\n' "$prefix/lib/distributord/node_modules/.bin/node" \
    "$prefix/lib/distributord/src/${command#*:}.ts" >"$target"
  chmod 755 "$target"
done

sed "s|/usr/bin/|$prefix/bin/|" "$source/packaging/distributord.service" \
  >"$destination/lib/systemd/system/distributord.service"
cp -R "$source/LICENSE" "$source/README.md" "$source/CHANGELOG.md" "$source/docs" "$source/proto" \
  "$destination$prefix/share/doc/distributord"
configuration=$destination/etc/distributord/distributord.yaml
[ -e "$configuration" ] || cp "$source/packaging/distributord.yaml" "$configuration"
echo "Installed in $prefix. Next: systemctl daemon-reload && systemctl enable --now distributord"
