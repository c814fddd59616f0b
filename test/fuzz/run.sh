#!/usr/bin/env bash
# Fuzzes every test/fuzz/*_fuzz.cc with clang's libFuzzer for SECONDS each, under the sanitizers.
# usage: test/fuzz/run.sh SECONDS [TARGET-PART]     test/fuzz/run.sh replay [TARGET-PART]
# `replay` only runs the targets over their seeds, with any compiler. What a run finds stays in build/fuzz/TARGET/.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:?usage: test/fuzz/run.sh SECONDS|replay [TARGET-PART]}
wanted=${2:-}
flags=(-std=c++17 -fno-exceptions -g -O1 -Wall -Wextra -Inative -Itest/fuzz -fno-omit-frame-pointer
  -fno-sanitize-recover=all)
core=()
for source in native/*.cc; do
  case $source in native/addon.cc | *_wrap.cc) ;; *) core+=("$source") ;; esac
done
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

if [ "$seconds" = replay ]; then
  cxx=${CXX:-c++}
  sanitize=(-fsanitize=address,undefined)
  driver=(test/fuzz/replay.cc)
else
  cxx=${CLANGXX:-clang++}
  sanitize=(-fsanitize=fuzzer,address,undefined)
  driver=()
  if ! command -v "$cxx" > /dev/null; then
    echo "fuzz: there is no $cxx, so nothing was fuzzed; \`$0 replay\` runs the targets over their seeds" >&2
    exit 1
  fi
  echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' > "$out/probe.cc"
  if ! "$cxx" "${sanitize[@]}" "$out/probe.cc" -o "$out/probe" 2> "$out/probe.txt"; then
    echo "fuzz: $cxx has no libFuzzer (Debian: libclang-rt-dev), so nothing was fuzzed: $(head -1 "$out/probe.txt")" >&2
    exit 1
  fi
fi

ran=0
for target in test/fuzz/*_fuzz.cc; do
  name=$(basename "$target" _fuzz.cc)
  [[ $name == *$wanted* ]] || continue
  read -ra seeds < <(sed -n 's,^// seeds: ,,p' "$target")
  echo "fuzz: $name, seeds ${seeds[*]}"
  "$cxx" "${flags[@]}" "${sanitize[@]}" "$target" ${driver[@]+"${driver[@]}"} "${core[@]}" -o "$out/$name"
  if [ "$seconds" = replay ]; then
    "$out/$name" "${seeds[@]}"
  else
    mkdir -p "build/fuzz/$name/corpus"
    "$out/$name" -max_total_time="$seconds" -max_len=20000 -print_final_stats=1 -verbosity=0 \
      -artifact_prefix="build/fuzz/$name/" "build/fuzz/$name/corpus" "${seeds[@]}"
  fi
  ran=$((ran + 1))
done
echo "fuzz: $ran targets, nothing found"
[ "$ran" -gt 0 ]
