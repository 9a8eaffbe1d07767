// Convolutions in bfloat16 with AVX512_BF16: dot products of pairs, summed in float32.
#include <immintrin.h>

#include <type_traits>

#include "cpu/simd/hints.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/convolution/template.h"
#include "cpu/simd/vector_avx512.h"

struct Avx512Bf16 : Avx512Vector {
    using Storage = bfloat16;
    using Weight = bfloat16;
    using WeightVector = __m512i;
    using Input = __m512i;
    static constexpr int depth = 2, panel_max = 4;
    static constexpr int rows(int vectors) { return 24 / vectors; }
    static constexpr int unroll(int vectors) { return 4 / vectors; }
    static constexpr int dot_rows = 8;

    static WeightVector load_weights(const bfloat16* from) { return _mm512_loadu_si512(from); }
    static Input load_inputs(const bfloat16* from) {
        Input values = _mm512_loadu_si512(from);
#ifdef __GNUC__
        __asm__("" : "+v"(values));  // or GCC would load them again for each product
#endif
        return values;
    }
    static Input broadcast(const bfloat16* from) {
        int pair;
        std::memcpy(&pair, from, sizeof(pair));
        return _mm512_set1_epi32(pair);
    }
    static Input broadcast_last(const bfloat16* from) { return _mm512_set1_epi32(from->bits); }
    using Avx512Vector::multiply_add;
    static Vector multiply_add(Input a, WeightVector b, Vector sum) {
        return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
    }
    static void store(bfloat16* to, Vector from, int columns) {
        _mm256_mask_storeu_epi16(to, kept(columns), (__m256i)_mm512_cvtneps_pbh(from));
    }
};

}  // namespace

const ConvolutionCode<bfloat16> convolution_avx512_bf16 = code_of<Avx512Bf16>();

}  // namespace amsr::cpu
