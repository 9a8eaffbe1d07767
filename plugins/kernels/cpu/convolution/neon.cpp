// Convolutions with NEON (64-bit ARM).
#include <arm_neon.h>

#include <type_traits>

#include "cpu/simd/hints.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/convolution/template.h"
#include "cpu/simd/vector_neon.h"

template <class T>
struct Neon : NeonVector {
    using Storage = T;
    using Weight = float;
    using WeightVector = Vector;
    using Input = Vector;
    static constexpr int depth = 1, panel_max = 4;
    // Sums, weights and one input fill the 32 registers.
    static constexpr int rows(int vectors) { return 24 / vectors; }
    static constexpr int unroll(int) { return 1; }
    static constexpr int dot_rows = 8;

    static WeightVector load_weights(const float* from) { return load(from); }
    static Vector load_part(const float* from, int first, int last) {  // lanes [first, last), zero elsewhere
        float values[lanes] = {};
        for (int i = first; i < last; ++i) values[i] = from[i];
        return vld1q_f32(values);
    }
    static Input load_inputs(const T* from) { return load(from, lanes); }
    static Input broadcast(const float* from) { return vld1q_dup_f32(from); }
    static Input broadcast(const float16* from) { return vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(from->bits))); }
    static Input broadcast(const bfloat16* from) { return vdupq_n_f32(to_float(*from)); }
    static Input broadcast_last(const T* from) { return broadcast(from); }
};

}  // namespace

const ConvolutionCode<float> convolution_neon_float = code_of<Neon<float>>();
const ConvolutionCode<float16> convolution_neon_float16 = code_of<Neon<float16>>();
const ConvolutionCode<bfloat16> convolution_neon_bfloat16 = code_of<Neon<bfloat16>>();

}  // namespace amsr::cpu
