// WindowLayer in bfloat16 with AVX512_BF16: dot products of pairs, summed in float32.
#include <immintrin.h>

#include <type_traits>

#include "cpu/simd/hints.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/simd/vector_avx512.h"
#include "cpu/window_layer/template.h"

struct Avx512Bf16 : Avx512Vector {
    struct Word {
        bfloat16 first, second;
    };
    using Words = __m512i;
    static constexpr int depth = 2, tile = 6, panel = 4;  // sums, operands and a weight take 29 of the 32 registers

    static Word word(const float* values) { return {to_bfloat16(values[0]), to_bfloat16(values[1])}; }
    static Words load_words(const Word* from) { return _mm512_loadu_si512(from); }
    static Words broadcast(const Word* from) {
        int pair;
        std::memcpy(&pair, from, sizeof(pair));
        return _mm512_set1_epi32(pair);
    }
    static Vector dot(Words a, Words b, Vector sum) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }
    static void store_pairs(Word* to, Vector first, Vector second) {
        const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(first));
        const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(second));
        _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
    static void store_along(Word* to, Vector from) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh(from));
    }
};

}  // namespace

const WindowLayerCode<bfloat16> window_layer_avx512_bf16 = code_of<Avx512Bf16, bfloat16>();

}  // namespace amsr::cpu
