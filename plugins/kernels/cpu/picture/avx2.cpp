// Pixels of planes with AVX2.
#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/picture/template.h"
#include "cpu/simd/vector_avx2.h"

struct Avx2 : Avx2Vector {
    /// A sample of pixel i goes to lane 3 i + channel, modulo 8, of its channel: no two share one.
    static void store_pixels(const Vector (&samples)[3], float* pixels) {
        const Vector red = _mm256_permutevar8x32_ps(samples[0], _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5));
        const Vector green = _mm256_permutevar8x32_ps(samples[1], _mm256_setr_epi32(5, 0, 3, 6, 1, 4, 7, 2));
        const Vector blue = _mm256_permutevar8x32_ps(samples[2], _mm256_setr_epi32(2, 5, 0, 3, 6, 1, 4, 7));
        constexpr int first = 0b01001001, second = 0b10010010, third = 0b00100100;  // each third lane
        store(pixels, _mm256_blend_ps(_mm256_blend_ps(red, green, second), blue, third));
        store(pixels + 8, _mm256_blend_ps(_mm256_blend_ps(red, green, third), blue, first));
        store(pixels + 16, _mm256_blend_ps(_mm256_blend_ps(red, green, first), blue, second));
    }

    static void store_pixels(const Vector (&samples)[3], std::uint8_t* pixels) {
        const __m256i colours = _mm256_or_si256(red_and_green<8>(samples), _mm256_slli_epi32(rounded(samples[2]), 16));
        const __m256i pairs = of_both_halves(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
        const __m256i halves = _mm256_shuffle_epi8(colours, pairs);  // 12 bytes in each
        const __m256i bytes = _mm256_permutevar8x32_epi32(halves, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
        store_half(pixels, bytes);
        store_quarter(pixels + 16, _mm256_extracti128_si256(bytes, 1));
    }

    static void store_pixels(const Vector (&samples)[3], std::uint16_t* pixels) {
        const __m256i colours = red_and_green<16>(samples), blue = rounded(samples[2]);
        const __m256i start = _mm256_or_si256(
            _mm256_shuffle_epi8(colours, of_both_halves(0, 1, 2, 3, -1, -1, 4, 5, 6, 7, -1, -1, 8, 9, 10, 11)),
            _mm256_shuffle_epi8(blue, of_both_halves(-1, -1, -1, -1, 0, 1, -1, -1, -1, -1, 4, 5, -1, -1, -1, -1)));
        const __m256i end = _mm256_or_si256(
            _mm256_shuffle_epi8(colours,
                                of_both_halves(-1, -1, 12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1)),
            _mm256_shuffle_epi8(blue, of_both_halves(8, 9, -1, -1, -1, -1, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1)));
        store_half(pixels, start);
        store_quarter(pixels + 8, _mm256_castsi256_si128(end));
        store_half(pixels + 12, _mm256_permute2x128_si256(start, start, 1));
        store_quarter(pixels + 20, _mm256_extracti128_si256(end, 1));
    }

  private:
    static __m256i rounded(Vector samples) { return _mm256_cvtps_epi32(samples); }

    template <int bits>
    static __m256i red_and_green(const Vector (&samples)[3]) {
        return _mm256_or_si256(rounded(samples[0]), _mm256_slli_epi32(rounded(samples[1]), bits));
    }

    template <class... Index>
    static __m256i of_both_halves(Index... index) {
        return _mm256_broadcastsi128_si256(_mm_setr_epi8(static_cast<char>(index)...));
    }

    static void store_half(void* to, __m256i from) {
        _mm_storeu_si128(static_cast<__m128i*>(to), _mm256_castsi256_si128(from));
    }
    static void store_quarter(void* to, __m128i from) { _mm_storel_epi64(static_cast<__m128i*>(to), from); }
};

}  // namespace

const InterleaveCode<float> interleave_avx2_float = interleave_code<Avx2, float>();
const InterleaveCode<std::uint8_t> interleave_avx2_uint8 = interleave_code<Avx2, std::uint8_t>();
const InterleaveCode<std::uint16_t> interleave_avx2_uint16 = interleave_code<Avx2, std::uint16_t>();

}  // namespace amsr::cpu
