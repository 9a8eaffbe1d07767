// Convolutions without intrinsics.
#include <cmath>
#include <type_traits>

#include "cpu/simd/hints.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/convolution/template.h"
#include "cpu/simd/vector_portable.h"

template <class T>
struct Portable : PortableVector {
    using Storage = T;
    using Weight = float;
    using WeightVector = Vector;
    using Input = float;
    static constexpr int depth = 1, panel_max = 2;
    static constexpr int rows(int vectors) { return vectors == 2 ? 6 : 8; }
    static constexpr int unroll(int) { return 1; }
    static constexpr int dot_rows = 3;

    static WeightVector load_weights(const float* from) { return load(from); }
    static Vector load_part(const float* from, int first, int last) {  // lanes [first, last), zero elsewhere
        return map([&](int i) { return first <= i && i < last ? from[i] : 0.0f; });
    }
    static Vector load_inputs(const T* from) { return load(from, lanes); }
    static Input broadcast(const T* from) { return to_float(*from); }
    static Input broadcast_last(const T* from) { return broadcast(from); }
    template <class Value>  // an Input, or a vector of inputs
    static Vector multiply_add(Value a, Vector b, Vector sum) {
        return sum + a * b;
    }
};

}  // namespace

const ConvolutionCode<float> convolution_portable_float = code_of<Portable<float>>();
const ConvolutionCode<float16> convolution_portable_float16 = code_of<Portable<float16>>();
const ConvolutionCode<bfloat16> convolution_portable_bfloat16 = code_of<Portable<bfloat16>>();

}  // namespace amsr::cpu
