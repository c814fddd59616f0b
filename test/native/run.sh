#!/usr/bin/env bash
# Compiles every test/native/*_test.cc with the core of native/ (what knows no napi.h) under the address and undefined
# behaviour sanitizers, and runs them. Arguments choose tests by part of their name: test/native/run.sh client_hello
set -uo pipefail
cd "$(dirname "$0")/../.."

flags=(-std=c++17 -fno-exceptions -fno-rtti -g -O1 -Wall -Wextra -Werror -fno-omit-frame-pointer
  -fsanitize=address,undefined -fno-sanitize-recover=all -Inative -Itest/native)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cxx=${CXX:-c++}
if ! command -v "$cxx" > /dev/null; then
  echo "native tests: no C++ compiler ($cxx)" >&2
  exit 1
fi

chosen() {
  [ "$#" -eq 1 ] && return 0
  local name=$1 part
  shift
  for part in "$@"; do [[ $name == *$part* ]] && return 0; done
  return 1
}

passed=0
failed=0
core=()
for source in native/*.cc; do
  case $source in native/addon.cc | *_wrap.cc) ;; *) core+=("$source") ;; esac
done
# A library, so that a test links with only what it uses.
printf '%s\n' "${core[@]}" | xargs -P "$(nproc)" -I SOURCE sh -c \
  '"$@" -c "$0" -o "'"$out"'/$(basename "$0" .cc).o" || echo "does not compile: $0" >&2' SOURCE "$cxx" "${flags[@]}"
for source in "${core[@]}"; do [ -f "$out/$(basename "$source" .cc).o" ] || failed=$((failed + 1)); done
ar rcs "$out/core.a" "$out"/*.o

for source in test/native/*_test.cc; do
  name=$(basename "$source" .cc)
  chosen "$name" "$@" || continue
  if "$cxx" "${flags[@]}" "$source" "$out/core.a" -o "$out/$name" && said=$("$out/$name" 2>&1); then
    passed=$((passed + 1))
    echo "ok   $name: ${said##*$'\n'}"
  else
    failed=$((failed + 1))
    echo "FAIL $name"
    echo "${said:-}"
  fi
  said=
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
