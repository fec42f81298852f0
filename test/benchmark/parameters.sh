# For measure.sh and host.sh, which source it with `source`, the path of NAME.c, set.
name=$(basename "$source" .c)
upper=${name^^}
folder=$(dirname "$(readlink -f "$source")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The parameters of `void NAME_run(const int8_t *input, int8_t *output, void *arena);`, which may be broken over lines.
prototype=$(tr '\n' ' ' <"$folder/$name.h" | sed -n "s/.*void ${name}_run(\([^)]*\)).*/\1/p")
IFS=, read -ra parameters <<<"$prototype"
arguments= # of a call, but for the arena

# Prints an array for each parameter and the arena, and collects their names in `arguments`.
declare_parameters() {
  local parameter variable type
  for parameter in "${parameters[@]}"; do
    variable=${parameter##*\*}
    variable=${variable// /}
    [[ $variable == arena ]] && continue
    type=${parameter%\**}
    echo "static ${type//const /} $variable[${upper}_${variable^^}_SIZE];"
    arguments+="$variable, "
  done
  echo "static uint64_t arena[(${upper}_ARENA_BYTES + 8) / 8];"
}

# Prints what fills the inputs, not all alike.
fill_inputs() {
  local parameter variable
  for parameter in "${parameters[@]}"; do
    [[ $parameter == *const* ]] || continue
    variable=${parameter##*\*}
    echo "  for (uint32_t i = 0; i < sizeof $variable / sizeof $variable[0]; ++i) $variable[i] = (i * 40503u >> 7) % 100;"
  done
}
