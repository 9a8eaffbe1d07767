// The 16-bit types: every value survives the way to float32 and back, and rounding goes to the nearest, ties to even.
#include <cmath>
#include <limits>

#include "check.h"
#include "cpu/simd/storage.h"

using namespace amsr::cpu;

namespace {

template <class T>
void every_value_survives() {
    for (unsigned bits = 0; bits <= 0xffff; ++bits) {
        const T value{static_cast<std::uint16_t>(bits)};
        const float as_float = to_float(value);
        T back;
        assign(back, as_float);
        if (std::isnan(as_float)) {
            CHECK(std::isnan(to_float(back)), "NaN %#x became %#x", bits, back.bits);
        } else {
            CHECK(back.bits == bits, "%#x became %#x", bits, back.bits);
        }
    }
}

/// Between two neighbouring values: just below the middle goes down, just above goes up, the middle to the even one.
template <class T>
void rounds_to_nearest_even(unsigned largest) {
    for (unsigned bits = 0; bits < largest; ++bits) {
        const float low = to_float(T{static_cast<std::uint16_t>(bits)});
        const float high = to_float(T{static_cast<std::uint16_t>(bits + 1)});
        const float middle = low + (high - low) / 2;
        T below, above, tie;
        assign(below, std::nextafter(middle, low));
        assign(above, std::nextafter(middle, high));
        assign(tie, middle);
        CHECK(below.bits == bits && above.bits == bits + 1 && tie.bits == bits + (bits & 1u), "around %#x: %#x %#x %#x",
              bits, below.bits, tie.bits, above.bits);
    }
}

}  // namespace

int main() {
    every_value_survives<float16>();
    every_value_survives<bfloat16>();
    rounds_to_nearest_even<float16>(0x7bff);
    rounds_to_nearest_even<bfloat16>(0x7f7f);
    CHECK(to_float16(65520.0f).bits == 0x7c00, "the first value that rounds to infinity");
    CHECK(to_float16(65519.0f).bits == 0x7bff, "the last value that does not");
    CHECK(to_float16(-std::numeric_limits<float>::infinity()).bits == 0xfc00, "minus infinity");
    CHECK(std::isnan(to_float(to_bfloat16(float_of_bits(0x7fffffffu)))), "a NaN whose payload would overflow");
}
