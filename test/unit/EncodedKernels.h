// The kernels of runtime/ for one encoding, made as the emitter makes them: those of csc<u8> with other readers. Define
// GAPS, VALUES (names of readers) and CODE (of ValueCode) before each inclusion, which adds one row to
// AllEncodedKernels().
#ifndef MCUC_TEST_UNIT_ENCODEDKERNELS_H
#define MCUC_TEST_UNIT_ENCODEDKERNELS_H

#include <vector>

#include "../../runtime/conv_csc.h"
#include "../../runtime/conv_i8_results.h"
#include "../../runtime/conv_mixed_results.h"
#include "../../runtime/conv_tap_i8.h"
#include "../../runtime/fc_i8_results.h"
#include "../../runtime/gaps_all.h"
#include "../../runtime/gaps_bitmap.h"
#include "../../runtime/gaps_rice.h"
#include "../../runtime/gaps_u4.h"
#include "../../runtime/gaps_u8.h"
#include "../../runtime/mixed_f32.h"
#include "../../runtime/values_book3.h"
#include "../../runtime/values_book4.h"
#include "../../runtime/values_f32.h"
#include "../../runtime/values_i3.h"
#include "../../runtime/values_i4.h"
#include "../../runtime/values_i8.h"
#include "../../runtime/values_n3.h"
#include "../../runtime/values_n4.h"
#include "../../runtime/values_rice.h"
#include "mcuc/IR/Tensor.h"

namespace mcuc::kernels {

struct EncodedKernels {
  Encoding encoding;
  ElementType element;
  using ConvI8 = void (*)(const mcuc_conv*, const mcuc_conv_quant*, const int8_t* x, const uint8_t* gaps,
                          const void* values, const int32_t* bias, const int32_t* mul, const int8_t* shift, int8_t* y);
  ConvI8 conv_any, conv, conv_max;
  void (*fc)(const mcuc_fc_quant*, const int8_t* x, const uint8_t* gaps, const void* values, const int32_t* bias,
             const int32_t* mul, const int8_t* shift, int8_t* y);
  void (*conv_f32)(const mcuc_conv*, const mcuc_mixed_f32*, const float* x, const uint8_t* gaps, const void* values,
                   const float* scale, const float* bias, void* y);
  void (*fc_f32)(int32_t rows, int32_t inputs, int32_t outputs, const mcuc_mixed_f32*, const float* x,
                 const uint8_t* gaps, const void* values, const float* scale, const float* bias, void* y);
};

inline std::vector<EncodedKernels>& AllEncodedKernels() {
  static std::vector<EncodedKernels> all;
  return all;
}

}  // namespace mcuc::kernels

#define MCUC_JOIN2(a, b) a##b
#define MCUC_JOIN(a, b) MCUC_JOIN2(a, b)
#define MCUC_ENCODED_NAMESPACE MCUC_JOIN(MCUC_JOIN(of_, GAPS), MCUC_JOIN(_, VALUES))
#define mcuc_gaps_u8 MCUC_JOIN(mcuc_gaps_, GAPS)
#define mcuc_start_gaps_u8 MCUC_JOIN(mcuc_start_gaps_, GAPS)
#define mcuc_gap_u8 MCUC_JOIN(mcuc_gap_, GAPS)
#define mcuc_values_i8 MCUC_JOIN(mcuc_values_, VALUES)
#define mcuc_value_i8 MCUC_JOIN(mcuc_value_, VALUES)

#endif  // MCUC_TEST_UNIT_ENCODEDKERNELS_H

#undef MCUC_FC_CSC_U8_I8_H
#undef MCUC_FC_CSC_F32_U8_I8_H
#undef MCUC_CONV_CSC_U8_I8_H
#undef MCUC_CONV_CSC_MAX_U8_I8_H
#undef MCUC_CONV_CSC_ANY_U8_I8_H
#undef MCUC_CONV_CSC_TILES_U8_I8_H
#undef MCUC_CONV_CSC_F32_U8_I8_H

namespace mcuc::kernels {
namespace MCUC_ENCODED_NAMESPACE {

#include "../../runtime/conv_csc_f32_u8_i8.h"
#include "../../runtime/fc_csc_f32_u8_i8.h"
#ifndef FLOAT_ONLY
#include "../../runtime/conv_csc_any_u8_i8.h"
#include "../../runtime/conv_csc_max_u8_i8.h"
#include "../../runtime/conv_csc_u8_i8.h"
#include "../../runtime/fc_csc_u8_i8.h"

#define MCUC_CONV_OF(kernel)                                                                                 \
  [](const mcuc_conv* s, const mcuc_conv_quant* q, const int8_t* x, const uint8_t* gaps, const void* values, \
     const int32_t* bias, const int32_t* mul, const int8_t* shift,                                           \
     int8_t* y) { kernel(s, q, x, gaps, static_cast<const mcuc_values_i8*>(values), bias, mul, shift, y); }
#else
#define MCUC_CONV_OF(kernel) nullptr
#endif

[[maybe_unused]] const bool kAdded = [] {
  AllEncodedKernels().push_back(EncodedKernels{
      {GapCode::GAPS, ValueCode::CODE},
      sizeof(mcuc_values_i8) == 4 ? ElementType::f32 : ElementType::i8,
      MCUC_CONV_OF(mcuc_conv_csc_any_u8_i8),
      MCUC_CONV_OF(mcuc_conv_csc_u8_i8),
      MCUC_CONV_OF(mcuc_conv_csc_max_u8_i8),
#ifndef FLOAT_ONLY
      [](const mcuc_fc_quant* s, const int8_t* x, const uint8_t* gaps, const void* values, const int32_t* bias,
         const int32_t* mul, const int8_t* shift,
         int8_t* y) { mcuc_fc_csc_u8_i8(s, x, gaps, static_cast<const mcuc_values_i8*>(values), bias, mul, shift, y); },
#else
      nullptr,
#endif
      [](const mcuc_conv* s, const mcuc_mixed_f32* q, const float* x, const uint8_t* gaps, const void* values,
         const float* scale, const float* bias, void* y) {
        mcuc_conv_csc_f32_u8_i8(s, q, x, gaps, static_cast<const mcuc_values_i8*>(values), scale, bias, y);
      },
      [](int32_t rows, int32_t inputs, int32_t outputs, const mcuc_mixed_f32* q, const float* x, const uint8_t* gaps,
         const void* values, const float* scale, const float* bias, void* y) {
        mcuc_fc_csc_f32_u8_i8(rows, inputs, outputs, q, x, gaps, static_cast<const mcuc_values_i8*>(values), scale,
                              bias, y);
      }});
  return true;
}();

}  // namespace MCUC_ENCODED_NAMESPACE
}  // namespace mcuc::kernels

#undef MCUC_CONV_OF
#undef GAPS
#undef VALUES
#undef CODE
