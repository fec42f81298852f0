#!/usr/bin/env bash
# host.sh NAME.c: an emitted LeNet-5 beside the plain loops of lenet5_plain.c on this machine, alternating, the fastest of
# many rounds each:
#   plain 467.0 us   lenet5 4.6 us   101.5 times
# Beside NAME.c lies its NAME.h. CC and OPT: compiler and flags, gcc and -O3 -DMCUC_FAST if not given.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
if (($# != 1)); then
  sed -n '2,5s/^# //p' "$0" >&2
  exit 2
fi
source=$1
source "$here/parameters.sh"

{
  echo '#include <stdint.h>'
  echo '#include <stdio.h>'
  echo '#include <time.h>'
  echo "#include \"$name.h\""
  echo '#include "lenet5_plain.h"'
  declare_parameters
  cat <<EOF
static float plain_image[32 * 32], plain_logits[10];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

int main(void) {
  double plain = 1e9, model = 1e9;
  lenet5_plain_weights();
  for (int i = 0; i < 32 * 32; ++i) plain_image[i] = (float)(i * 7 % 100) / 100.0f;
EOF
  fill_inputs
  cat <<EOF
  for (int round = 0; round < 200; ++round) {
    double start = now();
    for (int i = 0; i < 4; ++i) lenet5_plain(plain_image, plain_logits);
    const double first = (now() - start) / 4;
    start = now();
    for (int i = 0; i < 50; ++i) ${name}_run(${arguments}arena);
    const double second = (now() - start) / 50;
    if (first < plain) plain = first;
    if (second < model) model = second;
  }
  printf("plain %.1f us   ${name} %.2f us   %.1f times\n", plain, model, plain / model);
  return plain_logits[0] != plain_logits[0];
}
EOF
} >"$work/main.c"
# shellcheck disable=SC2086  # OPT is several flags
"${CC:-gcc}" ${OPT:--O3 -DMCUC_FAST} -w "$work/main.c" "$folder/$name.c" "$here/lenet5_plain.c" -I"$folder" -I"$here" -o "$work/main"
exec "$work/main"
