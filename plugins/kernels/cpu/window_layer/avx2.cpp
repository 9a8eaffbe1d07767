// WindowLayer with AVX2, FMA and F16C.
#include <immintrin.h>

#include <type_traits>

#include "cpu/simd/hints.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/simd/vector_avx2.h"
#include "cpu/window_layer/template.h"

struct Avx2 : FloatWords<Avx2Vector> {
    static constexpr int tile = 6, panel = 2;  // sums, operands and a weight take 15 of the 16 registers
};

}  // namespace

const WindowLayerCode<float> window_layer_avx2_float = code_of<Avx2, float>();
const WindowLayerCode<float16> window_layer_avx2_float16 = code_of<Avx2, float16>();
const WindowLayerCode<bfloat16> window_layer_avx2_bfloat16 = code_of<Avx2, bfloat16>();

}  // namespace amsr::cpu
