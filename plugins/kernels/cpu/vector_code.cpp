#include "cpu/vector_code.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <tuple>

namespace amsr::cpu {
namespace {

struct Row {
    InstructionSet set;
    std::tuple<const ConvolutionCode<float>*, const ConvolutionCode<float16>*, const ConvolutionCode<bfloat16>*,
               const WindowLayerCode<float>*, const WindowLayerCode<float16>*, const WindowLayerCode<bfloat16>*,
               const InterleaveCode<float>*, const InterleaveCode<std::uint8_t>*, const InterleaveCode<std::uint16_t>*>
        code;
};

const Row table[] = {
#ifdef AMSR_X86
    {InstructionSet::avx512_bf16,
     {&convolution_avx512_float, &convolution_avx512_float16, &convolution_avx512_bf16, &window_layer_avx512_float,
      &window_layer_avx512_float16, &window_layer_avx512_bf16, &interleave_avx512_float, &interleave_avx512_uint8,
      &interleave_avx512_uint16}},
    {InstructionSet::avx512,
     {&convolution_avx512_float, &convolution_avx512_float16, &convolution_avx512_bfloat16, &window_layer_avx512_float,
      &window_layer_avx512_float16, &window_layer_avx512_bfloat16, &interleave_avx512_float, &interleave_avx512_uint8,
      &interleave_avx512_uint16}},
    {InstructionSet::avx2,
     {&convolution_avx2_float, &convolution_avx2_float16, &convolution_avx2_bfloat16, &window_layer_avx2_float,
      &window_layer_avx2_float16, &window_layer_avx2_bfloat16, &interleave_avx2_float, &interleave_avx2_uint8,
      &interleave_avx2_uint16}},
#endif
#ifdef AMSR_NEON
    {InstructionSet::neon,
     {&convolution_neon_float, &convolution_neon_float16, &convolution_neon_bfloat16, &window_layer_neon_float,
      &window_layer_neon_float16, &window_layer_neon_bfloat16, &interleave_neon_float, &interleave_neon_uint8,
      &interleave_neon_uint16}},
#endif
    {InstructionSet::portable,
     {&convolution_portable_float, &convolution_portable_float16, &convolution_portable_bfloat16,
      &window_layer_portable_float, &window_layer_portable_float16, &window_layer_portable_bfloat16,
      &interleave_portable_float, &interleave_portable_uint8, &interleave_portable_uint16}},
};

}  // namespace

template <class Code>
const Code& vector_code(InstructionSet set) {
    const auto row = std::find_if(std::begin(table), std::end(table), [&](const Row& r) { return r.set == set; });
    assert(row != std::end(table));
    return *std::get<const Code*>(row->code);
}

template const ConvolutionCode<float>& vector_code(InstructionSet);
template const ConvolutionCode<float16>& vector_code(InstructionSet);
template const ConvolutionCode<bfloat16>& vector_code(InstructionSet);
template const WindowLayerCode<float>& vector_code(InstructionSet);
template const WindowLayerCode<float16>& vector_code(InstructionSet);
template const WindowLayerCode<bfloat16>& vector_code(InstructionSet);
template const InterleaveCode<float>& vector_code(InstructionSet);
template const InterleaveCode<std::uint8_t>& vector_code(InstructionSet);
template const InterleaveCode<std::uint16_t>& vector_code(InstructionSet);

}  // namespace amsr::cpu
