// WindowLayer with NEON (64-bit ARM).
#include <arm_neon.h>

#include <type_traits>

#include "cpu/simd/hints.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/simd/vector_neon.h"
#include "cpu/window_layer/template.h"

struct Neon : FloatWords<NeonVector> {
    static constexpr int tile = 6, panel = 4;  // sums, operands and a weight take 29 of the 32 registers
};

}  // namespace

const WindowLayerCode<float> window_layer_neon_float = code_of<Neon, float>();
const WindowLayerCode<float16> window_layer_neon_float16 = code_of<Neon, float16>();
const WindowLayerCode<bfloat16> window_layer_neon_bfloat16 = code_of<Neon, bfloat16>();

}  // namespace amsr::cpu
