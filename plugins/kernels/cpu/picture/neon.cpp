// Pixels of planes with NEON (64-bit ARM).
#include <arm_neon.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/picture/template.h"
#include "cpu/simd/vector_neon.h"

struct Neon : NeonVector {
    static void store_pixels(const Vector (&samples)[3], float* pixels) {
        vst3q_f32(pixels, {{samples[0], samples[1], samples[2]}});
    }

    static void store_pixels(const Vector (&samples)[3], std::uint8_t* pixels) {
        constexpr std::uint8_t places[16] = {0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14};
        const uint32x4_t green = vshlq_n_u32(rounded(samples[1]), 8), blue = vshlq_n_u32(rounded(samples[2]), 16);
        const uint32x4_t colours = vorrq_u32(vorrq_u32(rounded(samples[0]), green), blue);
        const uint8x16_t bytes = vqtbl1q_u8(vreinterpretq_u8_u32(colours), vld1q_u8(places));
        std::memcpy(pixels, &bytes, 12);
    }

    static void store_pixels(const Vector (&samples)[3], std::uint16_t* pixels) {
        vst3_u16(pixels, {{words(samples[0]), words(samples[1]), words(samples[2])}});
    }

  private:
    static uint32x4_t rounded(Vector samples) { return vcvtnq_u32_f32(samples); }
    static uint16x4_t words(Vector samples) { return vmovn_u32(rounded(samples)); }
};

}  // namespace

const InterleaveCode<float> interleave_neon_float = interleave_code<Neon, float>();
const InterleaveCode<std::uint8_t> interleave_neon_uint8 = interleave_code<Neon, std::uint8_t>();
const InterleaveCode<std::uint16_t> interleave_neon_uint16 = interleave_code<Neon, std::uint16_t>();

}  // namespace amsr::cpu
