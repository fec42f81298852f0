#!/usr/bin/env bash
# Mutation testing: flips operators or constants in lib/ and runtime/, one at a time, rebuilds what depends on it and runs
# the tests that need no emulator.   tools/mutate.sh [--count=40] [--seed=1] [--only=PATH-PREFIX] [--list]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
exec /usr/bin/python3 tools/mutate.py "$@"
