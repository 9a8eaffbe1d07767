// Convolutions with AVX2, FMA and F16C.
#include <immintrin.h>

#include <type_traits>

#include "cpu/simd/hints.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/convolution/template.h"
#include "cpu/simd/vector_avx2.h"

template <class T>
struct Avx2 : Avx2Vector {
    using Storage = T;
    using Weight = float;
    using WeightVector = Vector;
    using Input = Vector;
    static constexpr int depth = 1, panel_max = 2;
    // Sums, weights and one input fill the 16 registers.
    static constexpr int rows(int vectors) { return vectors == 2 ? 6 : 12; }
    static constexpr int unroll(int) { return 1; }
    static constexpr int dot_rows = 4;

    static WeightVector load_weights(const float* from) { return load(from); }
    static Vector load_part(const float* from, int first, int last) {  // lanes [first, last), zero elsewhere
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        const __m256i below = _mm256_cmpgt_epi32(_mm256_set1_epi32(last), lane);
        return _mm256_maskload_ps(from, _mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(first), lane), below));
    }
    static Input load_inputs(const T* from) { return load(from, lanes); }
    static Input broadcast(const float* from) { return _mm256_broadcast_ss(from); }
    static Input broadcast(const float16* from) {
        return _mm256_cvtph_ps(_mm_set1_epi16(static_cast<short>(from->bits)));
    }
    static Input broadcast(const bfloat16* from) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_set1_epi16(static_cast<short>(from->bits)), 16));
    }
    static Input broadcast_last(const T* from) { return broadcast(from); }
};

}  // namespace

const ConvolutionCode<float> convolution_avx2_float = code_of<Avx2<float>>();
const ConvolutionCode<float16> convolution_avx2_float16 = code_of<Avx2<float16>>();
const ConvolutionCode<bfloat16> convolution_avx2_bfloat16 = code_of<Avx2<bfloat16>>();

}  // namespace amsr::cpu
