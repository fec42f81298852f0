// What the kernels of runtime/ use of <arm_mve.h> (M-profile vector extension), in C for the host, by the intrinsics'
// definitions in the Arm C language extensions. Compile with -D__ARM_FEATURE_MVE=1 and this folder among the includes.
#ifndef MCUC_TEST_UNIT_ARM_ARM_MVE_H
#define MCUC_TEST_UNIT_ARM_ARM_MVE_H

#include <stdint.h>
#include <string.h>

typedef struct {
  int8_t lane[16];
} int8x16_t;
typedef struct {
  int32_t lane[4];
} int32x4_t;
typedef struct {
  uint32_t lane[4];
} uint32x4_t;
typedef struct {
  int16_t lane[8];
} int16x8_t;
typedef struct {
  uint16_t lane[8];
} uint16x8_t;
typedef uint16_t mve_pred16_t;  // one bit a byte

static inline int8x16_t vldrbq_s8(const int8_t* from) {
  int8x16_t v;
  memcpy(v.lane, from, 16);
  return v;
}

// The lanes whose bit is not set are zero, and are not read.
static inline int8x16_t vldrbq_z_s8(const int8_t* from, mve_pred16_t p) {
  int8x16_t v;
  for (int i = 0; i < 16; ++i) v.lane[i] = (p >> i & 1) != 0 ? from[i] : (int8_t)0;
  return v;
}

// The first n lanes of bytes.
static inline mve_pred16_t vctp8q(uint32_t n) { return (mve_pred16_t)(n >= 16 ? 0xffff : (1U << n) - 1U); }

static inline int32_t vmladavaq_s8(int32_t acc, int8x16_t a, int8x16_t b) {
  uint32_t sum = (uint32_t)acc;
  for (int i = 0; i < 16; ++i) sum += (uint32_t)(a.lane[i] * b.lane[i]);
  return (int32_t)sum;
}

static inline int32x4_t vldrwq_s32(const int32_t* from) {
  int32x4_t v;
  memcpy(v.lane, from, 16);
  return v;
}

static inline void vstrwq_s32(int32_t* to, int32x4_t v) { memcpy(to, v.lane, 16); }

static inline int32x4_t vldrbq_gather_offset_s32(const int8_t* from, uint32x4_t offset) {
  int32x4_t v;
  for (int i = 0; i < 4; ++i) v.lane[i] = from[offset.lane[i]];
  return v;
}

static inline int32x4_t vmlaq_n_s32(int32x4_t acc, int32x4_t x, int32_t factor) {
  for (int i = 0; i < 4; ++i) acc.lane[i] = (int32_t)((uint32_t)acc.lane[i] + (uint32_t)x.lane[i] * (uint32_t)factor);
  return acc;
}

static inline uint32x4_t vmulq_n_u32(uint32x4_t x, uint32_t factor) {
  for (int i = 0; i < 4; ++i) x.lane[i] *= factor;
  return x;
}

// start, start + step, …
static inline uint32x4_t vidupq_n_u32(uint32_t start, int step) {
  uint32x4_t v;
  for (uint32_t i = 0; i < 4; ++i) v.lane[i] = start + i * (uint32_t)step;
  return v;
}

static inline uint16x8_t vidupq_n_u16(uint32_t start, int step) {
  uint16x8_t v;
  for (uint32_t i = 0; i < 8; ++i) v.lane[i] = (uint16_t)(start + i * (uint32_t)step);
  return v;
}

static inline uint16x8_t vmulq_n_u16(uint16x8_t x, uint16_t factor) {
  for (int i = 0; i < 8; ++i) x.lane[i] = (uint16_t)((uint32_t)x.lane[i] * factor);
  return x;
}

static inline int16x8_t vldrbq_gather_offset_s16(const int8_t* from, uint16x8_t offset) {
  int16x8_t v;
  for (int i = 0; i < 8; ++i) v.lane[i] = from[offset.lane[i]];
  return v;
}

// The lower byte of each lane.
static inline void vstrbq_s16(int8_t* to, int16x8_t v) {
  for (int i = 0; i < 8; ++i) to[i] = (int8_t)(uint8_t)v.lane[i];
}

static inline void vstrbq_s32(int8_t* to, int32x4_t v) {
  for (int i = 0; i < 4; ++i) to[i] = (int8_t)(uint8_t)v.lane[i];
}

static inline int32x4_t vdupq_n_s32(int32_t x) {
  const int32x4_t v = {{x, x, x, x}};
  return v;
}

static inline int32x4_t vaddq_n_s32(int32x4_t x, int32_t y) {
  for (int i = 0; i < 4; ++i) x.lane[i] = (int32_t)((uint32_t)x.lane[i] + (uint32_t)y);
  return x;
}

// The upper word of the product, rounded down.
static inline int32x4_t vmulhq_s32(int32x4_t x, int32x4_t y) {
  for (int i = 0; i < 4; ++i) x.lane[i] = (int32_t)(((int64_t)x.lane[i] * y.lane[i]) >> 32);
  return x;
}

// Shifted left by a positive number, right by a negative one, rounded down.
static inline int32x4_t vshlq_r_s32(int32x4_t x, int32_t left) {
  for (int i = 0; i < 4; ++i) {
    x.lane[i] = left < 0 ? x.lane[i] >> -left : (int32_t)((uint32_t)x.lane[i] << left);
  }
  return x;
}

static inline int32x4_t vminq_s32(int32x4_t x, int32x4_t y) {
  for (int i = 0; i < 4; ++i) x.lane[i] = x.lane[i] < y.lane[i] ? x.lane[i] : y.lane[i];
  return x;
}

static inline int32x4_t vmaxq_s32(int32x4_t x, int32x4_t y) {
  for (int i = 0; i < 4; ++i) x.lane[i] = x.lane[i] > y.lane[i] ? x.lane[i] : y.lane[i];
  return x;
}

#endif  // MCUC_TEST_UNIT_ARM_ARM_MVE_H
