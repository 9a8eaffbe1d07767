// One name for the code of each instruction set; a translation unit of its own defines each (convolution/SET.cpp).
#pragma once

#include <type_traits>

#include "cpu/convolution/convolution.h"
#include "cpu/simd/prefetch.h"
#include "cpu/simd/unroll.h"

namespace amsr::cpu {

extern const ConvolutionCode<float> avx512_float, avx2_float, neon_float, portable_float;
extern const ConvolutionCode<float16> avx512_float16, avx2_float16, neon_float16, portable_float16;
extern const ConvolutionCode<bfloat16> avx512_bf16_bfloat16, avx512_bfloat16, avx2_bfloat16, neon_bfloat16,
    portable_bfloat16;

}  // namespace amsr::cpu
