#!/usr/bin/env bash
# Runs the tests of the native data plane against an addon that was built with the address and undefined behaviour
# sanitizers, in a copy of its own: test/sanitized.sh [TEST-FILE …] [test/conformance/native.test.ts].
set -euo pipefail
cd "$(dirname "$0")/.."

cxx=${CXX:-c++}
headers=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")/include/node
if [ ! -f "$headers/node_api.h" ]; then
  echo "sanitized tests: no headers of Node.js in $headers" >&2
  exit 1
fi
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/build/Release" "$copy/objects"
cp -r src test package.json tsconfig.json "$copy"
ln -s "$PWD/node_modules" "$copy/node_modules"

flags=(-std=c++17 -fPIC -fno-exceptions -fvisibility=hidden -g -O1 -fno-omit-frame-pointer
  -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all
  -DNAPI_VERSION=9 -DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS -DNODE_GYP_MODULE_NAME=sluice -DBUILDING_NODE_EXTENSION
  -I"$headers" -Inode_modules/node-addon-api)
printf '%s\n' native/*.cc | xargs -P "$(nproc)" -I SOURCE sh -c \
  '"$@" -c "$0" -o "'"$copy"'/objects/$(basename "$0" .cc).o"' SOURCE "$cxx" "${flags[@]}"
"$cxx" -shared -fsanitize=address,undefined "$copy"/objects/*.o -o "$copy/build/Release/sluice.node"

cd "$copy"
# Node.js itself frees nothing at its end, so leaks are for `npm run test:native`.
LD_PRELOAD="$("$cxx" -print-file-name=libasan.so) $("$cxx" -print-file-name=libubsan.so)" \
  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
  node --import tsx --test "${@:-test/conformance/native.test.ts}"
