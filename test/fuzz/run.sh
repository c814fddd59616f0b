#!/usr/bin/env bash
# Fuzzes every test/fuzz/*_fuzz.cc with clang's libFuzzer, under the sanitizers, for SECONDS or COUNT executions each.
# usage: test/fuzz/run.sh SECONDS|COUNTx|replay|merge [TARGET-PART]
# `replay` only runs the targets over their seeds and corpus, with any compiler. What a run finds stays in
# build/fuzz/TARGET/; `merge` takes what of it reaches new code over into test/fuzz/corpus/TARGET/.
set -euo pipefail
cd "$(dirname "$0")/../.."

much=${1:?usage: test/fuzz/run.sh SECONDS|COUNTx|replay|merge [TARGET-PART]}
wanted=${2:-}
flags=(-std=c++17 -fno-exceptions -g -O1 -Wall -Wextra -Inative -Itest/fuzz -fno-omit-frame-pointer
  -fno-sanitize-recover=all)
core=()
for source in native/*.cc; do
  case $source in native/addon.cc | *_wrap.cc) ;; *) core+=("$source") ;; esac
done
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

if [ "$much" = replay ]; then
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

max_len=4096
fuzz() {
  "$out/$1" "$2" -max_len="$max_len" -print_final_stats=1 -verbosity=0 -artifact_prefix="build/fuzz/$1/" \
    "$found" "$corpus" "${seeds[@]}"
}

ran=0
for target in test/fuzz/*_fuzz.cc; do
  name=$(basename "$target" _fuzz.cc)
  [[ $name == *$wanted* ]] || continue
  read -ra seeds < <(sed -n 's,^// seeds: ,,p' "$target")
  echo "fuzz: $name, seeds ${seeds[*]}"
  "$cxx" "${flags[@]}" "${sanitize[@]}" "$target" ${driver[@]+"${driver[@]}"} "${core[@]}" -o "$out/$name"
  corpus=test/fuzz/corpus/$name
  found=build/fuzz/$name/corpus
  mkdir -p "$found"
  case $much in
    replay) "$out/$name" "${seeds[@]}" "$corpus" ;;
    merge) "$out/$name" -merge=1 -max_len="$max_len" "$corpus" "${seeds[@]}" "$found" ;;
    *x) fuzz "$name" -runs="${much%x}" ;;
    *) fuzz "$name" -max_total_time="$much" ;;
  esac
  ran=$((ran + 1))
done
echo "fuzz: $ran targets, nothing found"
[ "$ran" -gt 0 ]
