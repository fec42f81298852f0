// The DSP extension of Arm's cores in C, for the host: included before everything else, it turns the paths of
// __ARM_FEATURE_DSP on and stands for the files of runtime/ that hold their assembly, by the instructions' definitions
// in the Armv7-M reference manual (A7.7).
#ifndef MCUC_TEST_UNIT_ARM_DSP_H
#define MCUC_TEST_UNIT_ARM_DSP_H

#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the words below are those of a little-endian core"
#endif

#define __ARM_FEATURE_DSP 1
#define __ARM_FEATURE_UNALIGNED 1

// SXTB16: bytes 0 and 2 of x rotated right by 0, 8, 16 or 24 bits, sign-extended to halfwords.
static inline uint32_t mcuc_arm_sxtb16(uint32_t x, int rotation) {
  if (rotation != 0) x = x >> rotation | x << (32 - rotation);
  const uint32_t low = (uint16_t)(int16_t)(int8_t)(uint8_t)x, high = (uint16_t)(int16_t)(int8_t)(uint8_t)(x >> 16);
  return low | high << 16;
}

// SMLAD: the halfwords' products, and acc; modulo 2^32.
static inline int32_t mcuc_arm_smlad(uint32_t x, uint32_t y, int32_t acc) {
  const int32_t low = (int16_t)(uint16_t)x * (int16_t)(uint16_t)y;
  const int32_t high = (int16_t)(uint16_t)(x >> 16) * (int16_t)(uint16_t)(y >> 16);
  return (int32_t)((uint32_t)low + (uint32_t)high + (uint32_t)acc);
}

// SSAT: x clamped to `bits` bits.
static inline int32_t mcuc_arm_ssat(int32_t x, int bits) {
  const int32_t most = (int32_t)((UINT32_C(1) << (bits - 1)) - 1);
  return x > most ? most : x < -most - 1 ? -most - 1 : x;
}

#define MCUC_SSAT_I8_H
static inline int32_t mcuc_ssat_i8(int32_t q) { return mcuc_arm_ssat(q, 8); }
// USAT: x clamped to [0, 2^7 - 1].
static inline int32_t mcuc_usat_7(int32_t q) { return q < 0 ? 0 : mcuc_arm_ssat(q, 8); }

#define MCUC_SMMLA_H
static inline int32_t mcuc_smmla(int32_t x, int32_t y, int32_t acc) {
  return (int32_t)((uint32_t)acc + (uint32_t)(((int64_t)x * y) >> 32));
}

#define MCUC_DOT_FOUR_I8_H
static inline uint32_t mcuc_even_bytes(uint32_t four) { return mcuc_arm_sxtb16(four, 0); }
static inline uint32_t mcuc_odd_bytes(uint32_t four) { return mcuc_arm_sxtb16(four, 8); }
static inline int32_t mcuc_dot_four(uint32_t even, uint32_t odd, uint32_t four, int32_t acc) {
  acc = mcuc_arm_smlad(mcuc_arm_sxtb16(four, 0), even, acc);
  return mcuc_arm_smlad(mcuc_arm_sxtb16(four, 8), odd, acc);
}

#define MCUC_IM2COL_FOUR_I8_H
#define MCUC_IM2COL
static inline void mcuc_im2col_four(const uint64_t** x, uint32_t four, int32_t* a0, int32_t* a1, int32_t* a2,
                                    int32_t* a3) {
  const uint32_t even = mcuc_arm_sxtb16(four, 0), odd = mcuc_arm_sxtb16(four, 8);
  int32_t* const acc[4] = {a0, a1, a2, a3};
  for (int i = 0; i < 4; ++i) {
    uint32_t words[2];
    memcpy(words, *x, sizeof(words));
    *x += 1;
    *acc[i] = mcuc_arm_smlad(words[0], even, *acc[i]);
    *acc[i] = mcuc_arm_smlad(words[1], odd, *acc[i]);
  }
}
static inline void mcuc_im2col_next_four(const uint64_t** x, const int8_t** w, int32_t* a0, int32_t* a1, int32_t* a2,
                                         int32_t* a3) {
  uint32_t four;
  memcpy(&four, *w, sizeof(four));
  *w += 4;
  mcuc_im2col_four(x, four, a0, a1, a2, a3);
}
static inline void mcuc_im2col_copy_four(const int8_t** from, int32_t plane, int16_t** to) {
  static const int kPlaces[] = {0, 2, 1, 3};
  for (int tap = 0; tap < 4; ++tap, *from += plane) {
    for (int pixel = 0; pixel < 4; ++pixel) (*to)[4 * pixel + kPlaces[tap]] = (*from)[pixel];
  }
  *to += 16;
}

#define MCUC_DEPTHWISE_PART_I8_H
#ifndef __ARM_FEATURE_MVE
#define MCUC_DEPTHWISE_PARTS
static inline int32_t mcuc_depthwise_products(const int8_t* p, const uint32_t* words, int32_t acc) {
  const uint32_t outer = (uint16_t)(int16_t)p[0] | (uint32_t)(uint16_t)(int16_t)p[2] << 16;
  return mcuc_arm_smlad((uint16_t)(int16_t)p[1], words[1], mcuc_arm_smlad(outer, words[0], acc));
}
static inline void mcuc_depthwise_part_1(const int8_t* p, const uint32_t** words, int32_t* a) {
  for (int i = 0; i < 4; ++i) a[i] = mcuc_depthwise_products(p + i, *words, a[i]);
  *words += 2;
}
static inline void mcuc_depthwise_part_2(const int8_t* p, const uint32_t** words, int32_t* a) {
  for (int i = 0; i < 4; ++i) a[i] = mcuc_depthwise_products(p + 2 * i, *words, a[i]);
  *words += 2;
}
static inline int32_t mcuc_depthwise_part_of_one(const int8_t* p, const uint32_t* words, int32_t acc) {
  (void)*(const volatile int8_t*)(p - 1);  // it is read with the others
  return mcuc_depthwise_products(p, words, acc);
}
#endif

#endif  // MCUC_TEST_UNIT_ARM_DSP_H
