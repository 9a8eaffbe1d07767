// WindowLayer without intrinsics.
#include <cmath>
#include <type_traits>

#include "cpu/simd/hints.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/simd/vector_portable.h"
#include "cpu/window_layer/template.h"

struct Portable : FloatWords<PortableVector> {
    static constexpr int tile = 6, panel = 2;
};

}  // namespace

const WindowLayerCode<float> window_layer_portable_float = code_of<Portable, float>();
const WindowLayerCode<float16> window_layer_portable_float16 = code_of<Portable, float16>();
const WindowLayerCode<bfloat16> window_layer_portable_bfloat16 = code_of<Portable, bfloat16>();

}  // namespace amsr::cpu
