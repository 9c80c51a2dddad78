#!/usr/bin/env bash
# Builds the native tests without Node, once with ASan+UBSan and once with TSan, and runs them.
# Usage: native-tests.sh [NAME …]   (native/test/NAME_test.cpp; all by default)
# SANITIZERS="address,undefined thread" and CXX can be set from outside.
set -euo pipefail
cd "$(dirname "$0")/.."
cxx=${CXX:-g++}
# The files with N-API code are the only ones that need Node's headers.
sources=()
for file in native/*.cpp; do grep -qs '<napi.h>' "$file" "${file%.cpp}.hpp" || sources+=("$file"); done
tests=()
if [ $# -gt 0 ]; then for name in "$@"; do tests+=("native/test/${name}_test.cpp"); done
else for file in native/test/*_test.cpp; do [ -e "$file" ] && tests+=("$file"); done; fi
[ ${#tests[@]} -gt 0 ] || { echo 'no native tests'; exit 1; }
jobs=$(nproc)
for sanitizer in ${SANITIZERS:-address,undefined thread}; do
  out=native/out/${sanitizer//,/-}
  mkdir -p "$out"
  flags=(-std=c++17 -fno-exceptions -fno-rtti -Wall -Wextra -Werror -O1 -g -fno-omit-frame-pointer
    "-fsanitize=$sanitizer" -fno-sanitize-recover=all -pthread -MMD -MP -Inative)
  compile() {
    local source=$1 object=$2
    if [ -e "$object" ] && [ "$object" -nt "$source" ]; then
      # All of it is read: a reader that ends early would fail the pipe, and with it look like nothing newer.
      local newer
      newer=$(sed 's/^[^:]*://; s/\\$//' "${object%.o}.d" | tr -s ' ' '\n' | grep -v '^$' | sed 's/:$//' |
        xargs -r -I{} find {} -newer "$object" 2>/dev/null) || newer=unknown
      if [ -z "$newer" ]; then return; fi
    fi
    "$cxx" "${flags[@]}" -c "$source" -o "$object"
  }
  objects=()
  pids=()
  for file in "${sources[@]}" "${tests[@]}"; do
    object=$out/$(basename "${file%.cpp}").o
    compile "$file" "$object" &
    pids+=($!)
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do sleep 0.05; done
  done
  # Each by its number: `wait -n` would also count those that ended long ago, and hide that one failed.
  for pid in "${pids[@]}"; do wait "$pid"; done
  for file in "${sources[@]}"; do objects+=("$out/$(basename "${file%.cpp}").o"); done
  for file in "${tests[@]}"; do
    name=$(basename "${file%.cpp}")
    "$cxx" "-fsanitize=$sanitizer" -pthread "$out/$name.o" "${objects[@]}" -o "$out/$name"
    printf '%s: %s\n' "$sanitizer" "$name"
    "$out/$name"
  done
done
