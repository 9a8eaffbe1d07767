#include "cpu/picture/interleave.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <type_traits>

namespace amsr::cpu {
namespace {

constexpr std::size_t block = 512;  // pixels of a row at a time, so that all of them stay in the L1 cache

template <class T>
constexpr float white = std::is_floating_point_v<T> ? 1.0f : static_cast<float>(std::numeric_limits<T>::max());

/// The bits of the exponent, all of them set where a value is not finite.
std::uint32_t exponent_bits(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits & 0x7f800000u;
}

bool all_finite(const float* values, std::size_t count) {
    std::uint32_t largest = 0;
    for (std::size_t i = 0; i < count; ++i) largest = std::max(largest, exponent_bits(values[i]));
    return largest != 0x7f800000u;
}

template <class T>
T to_sample(float value) {
    const float clipped = std::min(std::max(value, 0.0f), 1.0f) * white<T>;
    if constexpr (std::is_floating_point_v<T>) {
        return clipped;
    } else {
        constexpr float shift = 8388608.0f;  // 2^23: float32 has no fractions from there on, so the sum is rounded
        return static_cast<T>(static_cast<std::int32_t>((clipped + shift) - shift));
    }
}

template <class T>
void to_samples(const float* values, std::size_t count, T* samples) {
    for (std::size_t i = 0; i < count; ++i) samples[i] = to_sample<T>(values[i]);
}

void mean_of_three(const std::array<const float*, 3>& planes, std::size_t count, float* mean) {
    for (std::size_t i = 0; i < count; ++i) mean[i] = (planes[0][i] + planes[1][i] + planes[2][i]) / 3.0f;
}

}  // namespace

template <class T>
bool interleave(const Planes& planes, bool grey, T* pixels, std::size_t row_stride) {
    std::array<float, block> mean;
    std::array<std::array<T, block>, 3> samples;
    for (std::size_t y = 0; y < planes.height; ++y) {
        for (std::size_t x = 0; x < planes.width; x += block) {
            const std::size_t count = std::min(block, planes.width - x);
            const float* first = planes.values + y * planes.row_stride + x;
            std::array<const float*, 3> rows{first, first + planes.plane_stride, first + 2 * planes.plane_stride};
            for (const float* row : rows) {
                if (!all_finite(row, count)) return false;
            }
            if (grey) {
                mean_of_three(rows, count, mean.data());
                rows.fill(mean.data());
            }
            for (std::size_t channel = 0; channel < 3; ++channel) {
                to_samples(rows[channel], count, samples[channel].data());
            }
            T* out = pixels + y * row_stride + 3 * x;
            for (std::size_t i = 0; i < count; ++i) {
                for (std::size_t channel = 0; channel < 3; ++channel) out[3 * i + channel] = samples[channel][i];
            }
        }
    }
    return true;
}

template bool interleave(const Planes&, bool, float*, std::size_t);
template bool interleave(const Planes&, bool, std::uint8_t*, std::size_t);
template bool interleave(const Planes&, bool, std::uint16_t*, std::size_t);

}  // namespace amsr::cpu
