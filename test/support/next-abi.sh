#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a second distributord in DIRECTORY whose maps are laid out differently: what an
# upgrade, and the way back, is tested with. To run in the project's directory after a build.
set -eu

directory=$1
rm -rf "$directory"
mkdir -p "$directory/build"
cp -R bpf native src proto package.json "$directory"
cp -R build/proto "$directory/build"
ln -s "$PWD/node_modules" "$directory/node_modules"

# Every structure that the program and the daemon share gets a field in front, if nothing
# else depends on where its own begin.
python3 - "$directory/bpf/abi.h" <<'PYTHON'
import re
import sys

path = sys.argv[1]
text = open(path).read()
text = re.sub(r"(#define DIST_ABI_VERSION) (\d+)", lambda m: f"{m[1]} {int(m[2]) + 1}", text)
for name, fields in {
    "dist_vip": "__u64 lead;",
    "dist_flow": "__u64 lead;",
    "dist_table": "__u32 lead; __u32 lead_too;",
    "dist_header": "__u64 lead;",
    "dist_occupant": "__u64 lead;",
    "dist_claim": "__u64 lead;",
    "dist_vip_counters": "__u64 lead;",
    "dist_position_counters": "__u64 lead;",
    "dist_fragment": "__u32 lead;",
    "dist_fragment_key": "__u32 lead;",
}.items():
    text, count = re.subn(r"(struct %s \{\n)" % name, r"\1\t%s\n" % fields, text)
    assert count == 1, name
for name in ("dist_opening", "dist_share"):
    text, count = re.subn(r"(struct %s \{\n(?:.*\n)*?)(\};)" % name, r"\1\t__u64 trail;\n\2", text)
    assert count == 1, name
text = re.sub(r"^DIST_ASSERT_SIZE\(.*\n", "", text, flags=re.M)
open(path, "w").write(text)
PYTHON
# Initializers leave the new fields out.
sed -i 's/ -Werror//g' "$directory/native/CMakeLists.txt"
cmake-js build --directory "$directory/native" --out "$directory/build/native" \
  >"$directory/build/native.log" 2>&1 || {
  cat "$directory/build/native.log"
  exit 1
}
