// One name for the code of each instruction set; a translation unit of its own defines each (window_layer/SET.cpp).
#pragma once

#include "cpu/simd/prefetch.h"
#include "cpu/simd/unroll.h"
#include "cpu/window_layer/window_layer.h"

namespace amsr::cpu {

extern const WindowLayerCode<float> window_layer_avx512_float, window_layer_avx2_float, window_layer_neon_float,
    window_layer_portable_float;
extern const WindowLayerCode<float16> window_layer_avx512_float16, window_layer_avx2_float16, window_layer_neon_float16,
    window_layer_portable_float16;
extern const WindowLayerCode<bfloat16> window_layer_avx512_bf16_bfloat16, window_layer_avx512_bfloat16,
    window_layer_avx2_bfloat16, window_layer_neon_bfloat16, window_layer_portable_bfloat16;

}  // namespace amsr::cpu
