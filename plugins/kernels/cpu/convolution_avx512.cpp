// Convolutions with AVX-512 F, BW, DQ, VL.
#include <immintrin.h>

#include "convolution_code.h"

namespace amsr::cpu {
namespace {

#include "convolution_template.h"

template <class T>
struct Avx512 {
    using Storage = T;
    using Weight = float;
    using Vector = __m512;
    using WeightVector = __m512;
    using Input = __m512;
    static constexpr int lanes = 16, depth = 1, panel_max = 4;
    // Sums, weights and one input fill the 32 registers.
    static constexpr int rows(int vectors) { return vectors == 4 ? 6 : vectors == 2 ? 12 : 24; }
    static constexpr int unroll(int vectors) { return vectors == 4 ? 1 : 2; }
    static constexpr int dot_rows = 8;

    static Vector load(const float* from) { return _mm512_loadu_ps(from); }
    static WeightVector load_weights(const float* from) { return _mm512_loadu_ps(from); }
    static Vector load_values(const float* from, int columns) { return _mm512_maskz_loadu_ps(kept(columns), from); }
    static Vector load_values(const float16* from, int columns) {
        return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(kept(columns), from));
    }
    static Vector load_values(const bfloat16* from, int columns) {
        const __m512i bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(kept(columns), from));
        return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
    }
    static Vector load_part(const float* from, int first, int last) {  // lanes [first, last), zero elsewhere
        return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << last) - (1u << first)), from);
    }
    static Input load_inputs(const T* from) {
        Vector values = load_values(from, lanes);
#ifdef __GNUC__
        __asm__("" : "+v"(values));  // or GCC would load them again for each product
#endif
        return values;
    }
    static Input broadcast(const float* from) { return _mm512_set1_ps(*from); }
    static Input broadcast(const float16* from) {
        return _mm512_cvtph_ps(_mm256_set1_epi16(static_cast<short>(from->bits)));
    }
    static Input broadcast(const bfloat16* from) {
        return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_set1_epi16(static_cast<short>(from->bits)), 16));
    }
    static Input broadcast_last(const T* from) { return broadcast(from); }
    static Vector multiply_add(Input a, WeightVector b, Vector sum) { return _mm512_fmadd_ps(a, b, sum); }
    static Vector zero() { return _mm512_setzero_ps(); }
    static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
    static Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
    static float sum(Vector x) { return _mm512_reduce_add_ps(x); }
    static Vector leaky_relu(Vector x, float slope) {
        const __mmask16 negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
        return _mm512_mask_mul_ps(x, negative, x, _mm512_set1_ps(slope));
    }
    static __mmask16 kept(int columns) {
        return columns >= lanes ? 0xffff : static_cast<__mmask16>((1u << columns) - 1u);
    }
    static void store(float* to, Vector from, int columns) { _mm512_mask_storeu_ps(to, kept(columns), from); }
    static void store(float16* to, Vector from, int columns) {
        _mm256_mask_storeu_epi16(to, kept(columns), _mm512_cvtps_ph(from, _MM_FROUND_TO_NEAREST_INT));
    }
    static void store(bfloat16* to, Vector from, int columns) {  // as to_bfloat16
        const __m512i bits = _mm512_castps_si512(from);
        const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
        const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
        const __mmask16 is_nan = _mm512_cmp_ps_mask(from, from, _CMP_UNORD_Q);
        const __m512i result = _mm512_mask_or_epi32(rounded, is_nan, bits, _mm512_set1_epi32(0x400000));
        _mm256_mask_storeu_epi16(to, kept(columns), _mm512_cvtepi32_epi16(_mm512_srli_epi32(result, 16)));
    }
};

}  // namespace

const ConvolutionCode<float> avx512_float = code_of<Avx512<float>>();
const ConvolutionCode<float16> avx512_float16 = code_of<Avx512<float16>>();
const ConvolutionCode<bfloat16> avx512_bfloat16 = code_of<Avx512<bfloat16>>();

}  // namespace amsr::cpu
