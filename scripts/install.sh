#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what `make build` made: install.sh PREFIX [DESTDIR], to run at PREFIX.
set -eu

prefix=$1
destination=${2:-}
source=$(dirname "$0")/..
. "$source/scripts/paths.sh"

# Beside what is there: if anything fails, that can still be started.
new=$library.new
rm -rf "$new"
mkdir -p "$new/build/native/Release"
cp -R "$source/src" "$source/proto" "$source/package.json" "$source/package-lock.json" "$new"
cp "$source/build/native/Release/distributor.node" "$new/build/native/Release"
(cd "$new" && npm ci --omit=dev --no-fund --no-audit --loglevel=error)

rm -rf "$library" "$documents"
mv "$new" "$library"
mkdir -p "$destination$prefix/bin" "$documents" "$configuration" \
  "$(dirname "$unit")" "$(dirname "$users")" "$(dirname "$rules")"

for command in distributord:main distributorctl:cli/main; do
  name=${command%%:*}
  target=$destination$prefix/bin/$name
  printf '#!/bin/sh\nexec %s %s "$@"\n' "$prefix/lib/distributord/node_modules/.bin/node" \
    "$prefix/lib/distributord/src/${command#*:}.ts" >"$target"
  chmod 755 "$target"
done

sed -e "s|/usr/bin/distributord|$prefix/bin/distributord|" \
  -e "s|/usr/share/doc/|$prefix/share/doc/|" "$source/packaging/distributord.service" >"$unit"
cp "$source/packaging/distributord.sysusers" "$users"
cp "$source/packaging/distributord.rules.yml" "$rules"
chmod 644 "$unit" "$users" "$rules"
cp -R "$source/LICENSE" "$source/LICENSES" "$source/README.md" "$source/CHANGELOG.md" \
  "$source/docs" "$source/proto" "$documents"
[ -e "$configuration/distributord.yaml" ] ||
  cp "$source/packaging/distributord.yaml" "$configuration/distributord.yaml"

# Into a DESTDIR, for a package: that makes the user where it is installed.
if [ -z "$destination" ] && command -v systemd-sysusers >/dev/null; then
  systemd-sysusers "$users"
fi

cat <<END
Installed:
  daemon         $destination$prefix/bin/distributord
  command        $destination$prefix/bin/distributorctl
  program        $library
  unit           $unit
  user           $users
  configuration  $configuration/distributord.yaml
  alert rules    $rules
  documents      $documents
Next: systemctl daemon-reload && systemctl enable --now distributord
END
