#!/usr/bin/env bash
# measure.sh NAME.c CORE…: what an emitted model costs on emulated cores, one line each:
#   core    instructions      text    bss   stack   arena
#   m4            372840     20332   2348     180    1960
# Beside NAME.c lies its NAME.h. Instructions: of one call of NAME_run. text: flash of the whole program, a small main and
# start-up included. bss: RAM of inputs, outputs and the arena. stack: bytes at its deepest. An instruction count is no
# cycle count. OPT and LIMIT: see test/qemu/run.sh.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
if (($# < 2)); then
  sed -n '2,7s/^# //p' "$0" >&2
  exit 2
fi
source=$1
shift
name=$(basename "$source" .c)
upper=${name^^}
folder=$(dirname "$(readlink -f "$source")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The parameters of `void NAME_run(const int8_t *input, int8_t *output, void *arena);`, which may be broken over lines.
prototype=$(tr '\n' ' ' <"$folder/$name.h" | sed -n "s/.*void ${name}_run(\([^)]*\)).*/\1/p")
arguments=
{
  echo "#include \"$name.h\""
  echo '#include "board.h"'
  IFS=, read -ra parameters <<<"$prototype"
  for parameter in "${parameters[@]}"; do
    variable=${parameter##*\*}
    variable=${variable// /}
    [[ $variable == arena ]] && continue
    type=${parameter%\**}
    echo "static ${type//const /} $variable[${upper}_${variable^^}_SIZE];"
    arguments+="$variable, "
  done
  echo "static uint64_t arena[(${upper}_ARENA_BYTES + 8) / 8];"
  echo 'int main(void) {'
  echo '  uint64_t before, after;'
  for parameter in "${parameters[@]}"; do # inputs that are not all alike
    [[ $parameter == *const* ]] || continue
    variable=${parameter##*\*}
    echo "  for (uint32_t i = 0; i < sizeof $variable / sizeof $variable[0]; ++i) $variable[i] = (i * 40503u >> 7) % 100;"
  done
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

printf '%-6s %13s %9s %6s %7s %7s\n' core instructions text bss stack arena
for core in "$@"; do
  result=$("$here/../qemu/run.sh" "$core" "$work/$core.elf" -w "$work/main.c" "$folder/$name.c" -I"$folder") || {
    echo "measure.sh: $core: failed: $result" >&2
    exit 1
  }
  value() { awk -v word="$1" '{ for (i = 1; i < NF; ++i) if ($i == word) { print $(i + 1); exit } }' <<<"$result"; }
  # 64 KiB of the Cortex-M's bss is the stack.
  bss=$(value bss)
  [[ $core == fe310 ]] || bss=$((bss - 65536))
  printf '%-6s %13s %9s %6s %7s %7s\n' "$core" "$(value instructions)" "$(value text)" "$bss" "$(value stack)" \
    "$(value arena)"
done
