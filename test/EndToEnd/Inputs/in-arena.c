/* Runs LeNet-5 with its parameters outside of the arena and at their offsets in it; prints whether the outputs agree.
 */
#include <stdio.h>
#include <string.h>

#include "lenet5.h"

int main(void) {
  static float input[LENET5_INPUT_SIZE], output[LENET5_LOGITS_SIZE];
  static uint64_t arena[(LENET5_ARENA_BYTES + 7) / 8];
  uint8_t* bytes = (uint8_t*)arena;
  for (int i = 0; i < LENET5_INPUT_SIZE; ++i) input[i] = (float)(i * 7 % 31) / 31.0f;
  lenet5_run(input, output, arena);
  memset(arena, 0xa5, sizeof(arena));
  float* in_arena = (float*)(void*)(bytes + LENET5_INPUT_OFFSET);
  float* out_arena = (float*)(void*)(bytes + LENET5_LOGITS_OFFSET);
  memcpy(in_arena, input, sizeof(input));
  lenet5_run(in_arena, out_arena, arena);
  puts(memcmp(output, out_arena, sizeof(output)) == 0 && output[0] != output[1] ? "equal" : "different");
  return 0;
}
