// How close the results of kernels must come to their definition.
#pragma once

#include <cmath>

#include "cpu/simd/storage.h"

namespace amsr::test {

template <class T>
constexpr double rounding = 1e-6;
template <>
inline constexpr double rounding<cpu::float16> = 1.0 / (1 << 11);
template <>
inline constexpr double rounding<cpu::bfloat16> = 1.0 / (1 << 8);

template <class T>
bool is_close(T actual, double expected, double absolute = 5e-4) {
    return std::abs(cpu::to_float(actual) - expected) <= absolute + rounding<T> * std::abs(expected);
}

}  // namespace amsr::test
