#!/usr/bin/env bash
# measure.sh NAME.c CORE…: what an emitted model costs on emulated cores, one line each:
#   core    instructions      text    bss   stack   arena     code   tables
#   m4            372840     20332   2348     180    1960     3120    15800
# Beside NAME.c lies its NAME.h. Instructions: of one call of NAME_run. text: flash of the whole program, a small main and
# start-up included. bss: RAM of inputs, outputs and the arena. stack: bytes at its deepest. code, tables: .text and
# .rodata of NAME.c's object. An instruction count is no cycle count. OPT and LIMIT: see test/qemu/run.sh.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
if (($# < 2)); then
  sed -n '2,8s/^# //p' "$0" >&2
  exit 2
fi
source=$1
shift
source "$here/parameters.sh"

{
  echo "#include \"$name.h\""
  echo '#include "board.h"'
  declare_parameters
  echo 'int main(void) {'
  echo '  uint64_t before, after;'
  fill_inputs
  echo '  before = board_instructions();'
  echo "  ${name}_run(${arguments}arena);"
  echo '  after = board_instructions();'
  echo '  board_text("instructions ");'
  echo '  board_number((uint32_t)(after - before));'
  echo '  board_text("\narena ");'
  echo "  board_number(${upper}_ARENA_BYTES);"
  echo '  board_text("\n");'
  echo '  return 0;'
  echo '}'
} >"$work/main.c"

format='%-6s %13s %9s %6s %7s %7s %8s %8s\n'
# shellcheck disable=SC2059
printf "$format" core instructions text bss stack arena code tables
for core in "$@"; do
  result=$("$here/../qemu/run.sh" "$core" "$work/$core.elf" -w -save-temps=obj "$work/main.c" "$folder/$name.c" -I"$folder") || {
    echo "measure.sh: $core: failed: $result" >&2
    exit 1
  }
  value() { awk -v word="$1" '{ for (i = 1; i < NF; ++i) if ($i == word) { print $(i + 1); exit } }' <<<"$result"; }
  # 64 KiB of the Cortex-M's bss is the stack.
  bss=$(value bss)
  [[ $core == fe310 ]] || bss=$((bss - 65536))
  sections=$(size -A "$work/$core.elf-$name.o")
  total() { awk -v section="^\\.$1" '$1 ~ section { sum += $2 } END { print sum + 0 }' <<<"$sections"; }
  # shellcheck disable=SC2059
  printf "$format" "$core" "$(value instructions)" "$(value text)" "$bss" "$(value stack)" "$(value arena)" \
    "$(total text)" "$(total rodata)"
done
