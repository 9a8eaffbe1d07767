// The 16-bit storage types of tensors, and their conversion to and from the float32 that all sums are made in.
// Internal linkage: each instruction set's translation unit must keep its own copies.
#pragma once

#include <cstdint>
#include <cstring>

namespace amsr::cpu {

/// The upper half of a float32.
struct bfloat16 {
    std::uint16_t bits;
};

/// IEEE 754 binary16.
struct float16 {
    std::uint16_t bits;
};

static inline float float_of_bits(std::uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline std::uint32_t bits_of_float(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline float to_float(float value) { return value; }

static inline float to_float(bfloat16 value) { return float_of_bits(static_cast<std::uint32_t>(value.bits) << 16); }

static inline float to_float(float16 value) {
    const std::uint32_t sign = (value.bits & 0x8000u) << 16, magnitude = (value.bits & 0x7fffu) << 13;
    if (magnitude >= 0x0f800000u) return float_of_bits(sign | magnitude | 0x7f800000u);  // infinity, NaN
    const float rebiased = float_of_bits(magnitude) * 0x1p112f;                          // exact, subnormals too
    return float_of_bits(sign | bits_of_float(rebiased));
}

/// Rounds to the nearest, ties to even; NaN stays NaN.
static inline bfloat16 to_bfloat16(float value) {
    const std::uint32_t bits = bits_of_float(value);
    const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
    const std::uint32_t rounded = is_nan ? bits | 0x400000u : bits + 0x7fffu + ((bits >> 16) & 1u);
    return {static_cast<std::uint16_t>(rounded >> 16)};
}

/// Rounds to the nearest, ties to even; what is too large becomes infinite, NaN stays NaN.
static inline float16 to_float16(float value) {
    const std::uint32_t sign = (bits_of_float(value) >> 16) & 0x8000u, magnitude = bits_of_float(value) & 0x7fffffffu;
    std::uint32_t half;
    if (magnitude > 0x7f800000u) {
        half = 0x7e00u;
    } else if (magnitude >= 0x477ff000u) {  // 65520, from where the nearest is infinity
        half = 0x7c00u;
    } else if (magnitude < 0x38800000u) {  // 2^-14: one unit of a subnormal is one of the sum's last place
        half = bits_of_float(float_of_bits(magnitude) + 0.5f) - bits_of_float(0.5f);
    } else {
        half = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
    }
    return {static_cast<std::uint16_t>(sign | half)};
}

static inline void assign(float& to, float value) { to = value; }
static inline void assign(bfloat16& to, float value) { to = to_bfloat16(value); }
static inline void assign(float16& to, float value) { to = to_float16(value); }

}  // namespace amsr::cpu
