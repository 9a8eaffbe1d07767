// Pixels of planes with AVX-512 F, BW, DQ and VL.
#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/picture/template.h"
#include "cpu/simd/vector_avx512.h"

/// Where the words of 16 pixels are in two vectors: red and green in pairs, then blue in every other word.
struct Places {
    std::uint16_t words[64] = {};
    constexpr Places() {
        for (int pixel = 0; pixel < 16; ++pixel) {
            for (int channel = 0; channel < 3; ++channel) {
                words[3 * pixel + channel] = static_cast<std::uint16_t>(2 * pixel + (channel == 2 ? 32 : channel));
            }
        }
    }
};
constexpr Places places;

struct Avx512 : Avx512Vector {
    /// A sample of pixel i goes to lane 3 i + channel, modulo 16, of its channel: no two share one.
    static void store_pixels(const Vector (&samples)[3], float* pixels) {
        const __m512i lane = _mm512_setr_epi32(0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10, 5);
        const Vector red = _mm512_permutexvar_ps(lane, samples[0]);  // the index counts modulo 16
        const Vector green = _mm512_permutexvar_ps(_mm512_sub_epi32(lane, _mm512_set1_epi32(11)), samples[1]);
        const Vector blue = _mm512_permutexvar_ps(_mm512_sub_epi32(lane, _mm512_set1_epi32(22)), samples[2]);
        constexpr __mmask16 first = 0x9249, second = 0x2492, third = 0x4924;  // each third lane
        store(pixels, blend(red, second, green, third, blue));
        store(pixels + 16, blend(red, first, green, second, blue));
        store(pixels + 32, blend(red, third, green, first, blue));
    }

    static void store_pixels(const Vector (&samples)[3], std::uint8_t* pixels) {
        const __m512i blue = _mm512_slli_epi32(rounded(samples[2]), 16);
        const __m512i colours = _mm512_or_si512(red_and_green<8>(samples), blue);
        const __m128i pairs = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
        const __m512i quarters = _mm512_shuffle_epi8(colours, _mm512_broadcast_i32x4(pairs));  // 12 bytes in each
        const __m512i words = _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
        _mm512_mask_storeu_epi32(pixels, 0x0fff, _mm512_permutexvar_epi32(words, quarters));
    }

    static void store_pixels(const Vector (&samples)[3], std::uint16_t* pixels) {
        const __m512i colours = red_and_green<16>(samples), blue = rounded(samples[2]);
        const auto words = [&](const std::uint16_t* from) {
            return _mm512_permutex2var_epi16(colours, _mm512_loadu_si512(from), blue);
        };
        const __m256i last = _mm512_castsi512_si256(words(places.words + 32));
        _mm512_storeu_si512(pixels, words(places.words));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(pixels + 32), last);
    }

  private:
    static __m512i rounded(Vector samples) { return _mm512_cvtps_epi32(samples); }

    template <int bits>
    static __m512i red_and_green(const Vector (&samples)[3]) {
        return _mm512_or_si512(rounded(samples[0]), _mm512_slli_epi32(rounded(samples[1]), bits));
    }

    static Vector blend(Vector red, __mmask16 with_green, Vector green, __mmask16 with_blue, Vector blue) {
        return _mm512_mask_blend_ps(with_blue, _mm512_mask_blend_ps(with_green, red, green), blue);
    }
};

}  // namespace

const InterleaveCode<float> interleave_avx512_float = interleave_code<Avx512, float>();
const InterleaveCode<std::uint8_t> interleave_avx512_uint8 = interleave_code<Avx512, std::uint8_t>();
const InterleaveCode<std::uint16_t> interleave_avx512_uint16 = interleave_code<Avx512, std::uint16_t>();

}  // namespace amsr::cpu
