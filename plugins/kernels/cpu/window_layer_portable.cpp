// WindowLayer without intrinsics.
#include <cmath>
#include <type_traits>
#include <utility>

#include "window_layer_code.h"

namespace amsr::cpu {
namespace {

#include "vector_portable.h"
#include "window_layer_template.h"

struct Portable : PortableVector {
    using Word = float;
    using Words = Vector;
    static constexpr int depth = 1, tile = 6, panel = 2;

    static float word(const float* values) { return *values; }
    static Words load_words(const float* from) { return load(from); }
    static Words broadcast(const float* from) { return set(*from); }
    static Vector dot(Words a, Words b, Vector sum) { return multiply_add(a, b, sum); }
    static void store_along(float* to, Vector from) { store(to, from); }
};

}  // namespace

const WindowLayerCode<float> window_layer_portable_float = code_of<Portable, float>();
const WindowLayerCode<float16> window_layer_portable_float16 = code_of<Portable, float16>();
const WindowLayerCode<bfloat16> window_layer_portable_bfloat16 = code_of<Portable, bfloat16>();

}  // namespace amsr::cpu
