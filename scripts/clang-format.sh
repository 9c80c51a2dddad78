#!/usr/bin/env bash
# Checks the form of the C++ sources; with --fix writes it.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files -co --exclude-standard 'native/*.cpp' 'native/*.hpp' 'bench/*.cpp' 'bench/*.hpp')
if [ "${1:-}" = --fix ]; then clang-format -i "${files[@]}"; else clang-format --dry-run --Werror "${files[@]}"; fi
