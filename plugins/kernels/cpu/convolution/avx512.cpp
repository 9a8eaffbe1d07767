// Convolutions with AVX-512 F, BW, DQ, VL.
#include <immintrin.h>

#include <type_traits>

#include "cpu/simd/hints.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/convolution/template.h"
#include "cpu/simd/vector_avx512.h"

template <class T>
struct Avx512 : Avx512Vector {
    using Storage = T;
    using Weight = float;
    using WeightVector = Vector;
    using Input = Vector;
    static constexpr int depth = 1, panel_max = 4;
    // Sums, weights and one input fill the 32 registers.
    static constexpr int rows(int vectors) { return 24 / vectors; }
    static constexpr int unroll(int vectors) { return vectors >= 3 ? 1 : 2; }
    static constexpr int dot_rows = 8;

    static WeightVector load_weights(const float* from) { return load(from); }
    static Vector load_part(const float* from, int first, int last) {  // lanes [first, last), zero elsewhere
        return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << last) - (1u << first)), from);
    }
    static Input load_inputs(const T* from) {
        Vector values = load(from, lanes);
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
};

}  // namespace

const ConvolutionCode<float> convolution_avx512_float = code_of<Avx512<float>>();
const ConvolutionCode<float16> convolution_avx512_float16 = code_of<Avx512<float16>>();
const ConvolutionCode<bfloat16> convolution_avx512_bfloat16 = code_of<Avx512<bfloat16>>();

}  // namespace amsr::cpu
