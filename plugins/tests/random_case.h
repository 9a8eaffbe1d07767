// What the tests of the convolutions share: random numbers, and how close a result must come.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "storage.h"

namespace amsr::cpu {

class Random {
  public:
    explicit Random(unsigned seed) : engine_(seed) {}

    std::size_t number(std::size_t low, std::size_t high) {
        return std::uniform_int_distribution<std::size_t>(low, high)(engine_);
    }

    template <class Value>
    Value one_of(const std::vector<Value>& values) {
        return values[number(0, values.size() - 1)];
    }

    template <class T>
    std::vector<T> values(std::size_t count) {
        std::normal_distribution<float> normal;
        std::vector<T> result(count);
        for (T& value : result) assign(value, normal(engine_));
        return result;
    }

  private:
    std::mt19937 engine_;
};

inline double leaky_relu(double sum, float negative_slope) { return sum < 0 ? sum * negative_slope : sum; }

template <class T>
double rounding = 1e-5;
template <>
inline double rounding<float16> = 1.0 / (1 << 11);
template <>
inline double rounding<bfloat16> = 1.0 / (1 << 8);

template <class T>
bool is_close(T actual, double expected) {
    return std::abs(to_float(actual) - expected) <= 5e-4 + rounding<T> * std::abs(expected);
}

}  // namespace amsr::cpu
