// WindowLayer with AVX-512 F, BW, DQ, VL.
#include <immintrin.h>

#include <type_traits>

#include "cpu/simd/hints.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/simd/vector_avx512.h"
#include "cpu/window_layer/template.h"

struct Avx512 : FloatWords<Avx512Vector> {
    static constexpr int tile = 6, panel = 4;  // sums, operands and a weight take 29 of the 32 registers
};

}  // namespace

const WindowLayerCode<float> window_layer_avx512_float = code_of<Avx512, float>();
const WindowLayerCode<float16> window_layer_avx512_float16 = code_of<Avx512, float16>();
const WindowLayerCode<bfloat16> window_layer_avx512_bfloat16 = code_of<Avx512, bfloat16>();

}  // namespace amsr::cpu
