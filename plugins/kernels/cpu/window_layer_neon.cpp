// WindowLayer with NEON (64-bit ARM).
#include <arm_neon.h>

#include <cmath>
#include <type_traits>

#include "window_layer_code.h"

namespace amsr::cpu {
namespace {

#include "vector_neon.h"
#include "window_layer_template.h"

struct Neon : NeonVector {
    using Word = float;
    using Words = float32x4_t;
    static constexpr int depth = 1, tile = 6, panel = 4;  // sums, operands and a weight take 29 of the 32 registers

    static float word(const float* values) { return *values; }
    static Words load_words(const float* from) { return load(from); }
    static Words broadcast(const float* from) { return vld1q_dup_f32(from); }
    static Vector dot(Words a, Words b, Vector sum) { return multiply_add(a, b, sum); }
    static void store_along(float* to, Vector from) { store(to, from); }
};

}  // namespace

const WindowLayerCode<float> window_layer_neon_float = code_of<Neon, float>();
const WindowLayerCode<float16> window_layer_neon_float16 = code_of<Neon, float16>();
const WindowLayerCode<bfloat16> window_layer_neon_bfloat16 = code_of<Neon, bfloat16>();

}  // namespace amsr::cpu
