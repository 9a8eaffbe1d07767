// Pixels of random planes, against their definition, on every instruction set, at all small widths and larger ones.
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include "check.h"
#include "cpu/picture/interleave.h"

using namespace amsr::cpu;

namespace {

template <class T>
T expected_sample(float value) {
    const float clipped = std::fmin(std::fmax(value, 0.0f), 1.0f);
    if constexpr (std::is_floating_point_v<T>) {
        return clipped;
    } else {
        return static_cast<T>(std::nearbyint(clipped * static_cast<float>(std::numeric_limits<T>::max())));
    }
}

template <class T>
void check_case(InstructionSet set, std::mt19937& random, std::size_t height, std::size_t width, bool grey) {
    const std::size_t row_stride = width + 3, plane_stride = height * row_stride + 5, out_stride = 3 * width + 2;
    std::uniform_real_distribution<float> around(-0.3f, 1.3f);
    std::vector<float> values(3 * plane_stride, std::numeric_limits<float>::quiet_NaN());
    for (std::size_t plane = 0; plane < 3; ++plane) {
        for (std::size_t y = 0; y < height; ++y) {
            for (std::size_t x = 0; x < width; ++x) values[plane * plane_stride + y * row_stride + x] = around(random);
        }
    }
    const T untouched = static_cast<T>(7);
    std::vector<T> pixels(height * out_stride, untouched);
    const Planes planes{values.data(), height, width, plane_stride, row_stride};
    CHECK(interleave(set, planes, grey, pixels.data(), out_stride), "%s, %zu x %zu: finite", name_of(set), height,
          width);
    for (std::size_t y = 0; y < height; ++y) {
        for (std::size_t x = 0; x < width; ++x) {
            const float* at = values.data() + y * row_stride + x;
            const float mean = (at[0] + at[plane_stride] + at[2 * plane_stride]) / 3.0f;
            for (std::size_t channel = 0; channel < 3; ++channel) {
                const T wanted = expected_sample<T>(grey ? mean : at[channel * plane_stride]);
                CHECK(pixels[y * out_stride + 3 * x + channel] == wanted,
                      "%s, %zu x %zu: row %zu, column %zu, channel %zu", name_of(set), height, width, y, x, channel);
            }
        }
        CHECK(pixels[y * out_stride + 3 * width] == untouched, "%s, %zu x %zu: behind row %zu", name_of(set), height,
              width, y);
    }
    for (const float odd : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
        std::vector<float> spoiled = values;
        spoiled[2 * plane_stride + (height - 1) * row_stride + width - 1] = odd;
        const Planes other{spoiled.data(), height, width, plane_stride, row_stride};
        CHECK(!interleave(set, other, grey, pixels.data(), out_stride), "%s, %zu x %zu: not finite", name_of(set),
              height, width);
    }
}

template <class T>
void check_type(InstructionSet set, std::mt19937& random) {
    for (const bool grey : {false, true}) {
        for (std::size_t width = 1; width < 40; ++width) check_case<T>(set, random, 3, width, grey);
        for (const std::size_t width : {511u, 1030u}) check_case<T>(set, random, 2, width, grey);
    }
}

}  // namespace

int main() {
    std::mt19937 random(1);
    for (const InstructionSet set : available_instruction_sets()) {
        check_type<float>(set, random);
        check_type<std::uint8_t>(set, random);
        check_type<std::uint16_t>(set, random);
    }
}
