// The vector code of each instruction set. convolution/SET.cpp, picture/SET.cpp and window_layer/SET.cpp define it,
// compiled with their own flags; vector_code.cpp holds the table.
#pragma once

#include <cstdint>

#include "cpu/convolution/code.h"
#include "cpu/picture/code.h"
#include "cpu/simd/instruction_set.h"
#include "cpu/window_layer/code.h"

namespace amsr::cpu {

/// Code is ConvolutionCode or WindowLayerCode of a storage type, or InterleaveCode of a type of sample; the set is one
/// of this build.
template <class Code>
const Code& vector_code(InstructionSet set);

extern const ConvolutionCode<float> convolution_avx512_float, convolution_avx2_float, convolution_neon_float,
    convolution_portable_float;
extern const ConvolutionCode<float16> convolution_avx512_float16, convolution_avx2_float16, convolution_neon_float16,
    convolution_portable_float16;
extern const ConvolutionCode<bfloat16> convolution_avx512_bf16, convolution_avx512_bfloat16, convolution_avx2_bfloat16,
    convolution_neon_bfloat16, convolution_portable_bfloat16;
extern const WindowLayerCode<float> window_layer_avx512_float, window_layer_avx2_float, window_layer_neon_float,
    window_layer_portable_float;
extern const WindowLayerCode<float16> window_layer_avx512_float16, window_layer_avx2_float16, window_layer_neon_float16,
    window_layer_portable_float16;
extern const WindowLayerCode<bfloat16> window_layer_avx512_bf16, window_layer_avx512_bfloat16,
    window_layer_avx2_bfloat16, window_layer_neon_bfloat16, window_layer_portable_bfloat16;
extern const InterleaveCode<float> interleave_avx512_float, interleave_avx2_float, interleave_neon_float,
    interleave_portable_float;
extern const InterleaveCode<std::uint8_t> interleave_avx512_uint8, interleave_avx2_uint8, interleave_neon_uint8,
    interleave_portable_uint8;
extern const InterleaveCode<std::uint16_t> interleave_avx512_uint16, interleave_avx2_uint16, interleave_neon_uint16,
    interleave_portable_uint16;

}  // namespace amsr::cpu
