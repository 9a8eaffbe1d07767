// Convolutions with NEON (64-bit ARM).
#include <arm_neon.h>

#include "convolution_code.h"

namespace amsr::cpu {
namespace {

#include "convolution_template.h"

template <class T>
struct Neon {
    using Storage = T;
    using Weight = float;
    using Vector = float32x4_t;
    using WeightVector = float32x4_t;
    using Input = float32x4_t;
    static constexpr int lanes = 4, depth = 1, panel_max = 4;
    // Sums, weights and one input fill the 32 registers.
    static constexpr int rows(int vectors) { return vectors == 4 ? 6 : vectors == 2 ? 12 : 24; }
    static constexpr int unroll(int) { return 1; }
    static constexpr int dot_rows = 8;

    static Vector load(const float* from) { return vld1q_f32(from); }
    static WeightVector load_weights(const float* from) { return vld1q_f32(from); }
    static Vector load_values(const T* from, int columns) {
        if (columns >= lanes) return load_inputs(from);
        float values[lanes] = {};
        for (int i = 0; i < columns; ++i) values[i] = to_float(from[i]);
        return vld1q_f32(values);
    }
    static Vector load_part(const float* from, int first, int last) {  // lanes [first, last), zero elsewhere
        float values[lanes] = {};
        for (int i = first; i < last; ++i) values[i] = from[i];
        return vld1q_f32(values);
    }
    static Input load_inputs(const float* from) { return vld1q_f32(from); }
    static Input load_inputs(const float16* from) {
        return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&from->bits)));
    }
    static Input load_inputs(const bfloat16* from) {
        return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(&from->bits), 16));
    }
    static Input broadcast(const float* from) { return vld1q_dup_f32(from); }
    static Input broadcast(const float16* from) {
        return vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(from->bits)));
    }
    static Input broadcast(const bfloat16* from) { return vdupq_n_f32(to_float(*from)); }
    static Input broadcast_last(const T* from) { return broadcast(from); }
    static Vector multiply_add(Input a, WeightVector b, Vector sum) { return vfmaq_f32(sum, a, b); }
    static Vector zero() { return vdupq_n_f32(0.0f); }
    static Vector add(Vector a, Vector b) { return vaddq_f32(a, b); }
    static Vector subtract(Vector a, Vector b) { return vsubq_f32(a, b); }
    static float sum(Vector x) { return vaddvq_f32(x); }
    static Vector leaky_relu(Vector x, float slope) {
        return vbslq_f32(vcltzq_f32(x), vmulq_n_f32(x, slope), x);
    }
    static void store(float* to, Vector from, int columns) {
        if (columns >= lanes) {
            vst1q_f32(to, from);
        } else {
            float values[lanes];
            vst1q_f32(values, from);
            for (int i = 0; i < columns; ++i) to[i] = values[i];
        }
    }
    static void store(float16* to, Vector from, int columns) {
        const float16x4_t halves = vcvt_f16_f32(from);
        std::memcpy(to, &halves, static_cast<std::size_t>(columns < lanes ? columns : lanes) * sizeof(*to));
    }
    static void store(bfloat16* to, Vector from, int columns) {
        float values[lanes];
        vst1q_f32(values, from);
        for (int i = 0; i < lanes && i < columns; ++i) to[i] = to_bfloat16(values[i]);
    }
};

}  // namespace

const ConvolutionCode<float> neon_float = code_of<Neon<float>>();
const ConvolutionCode<float16> neon_float16 = code_of<Neon<float16>>();
const ConvolutionCode<bfloat16> neon_bfloat16 = code_of<Neon<bfloat16>>();

}  // namespace amsr::cpu
