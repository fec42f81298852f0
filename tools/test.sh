#!/usr/bin/env bash
# Every test: installs what is missing, builds Release into build/, runs GoogleTest, lit, the end-to-end tests on the
# host and under QEMU, the formatting check and the check of the generated documents. Ends with ctest's summary.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

tools/setup.sh
cmake --preset release
cmake --build build
ctest --test-dir build --output-on-failure -j "$(nproc)" "$@"
