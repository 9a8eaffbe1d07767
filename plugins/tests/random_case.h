// What the tests of the convolutions share: random numbers, and how close a result must come.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "cpu/simd/storage.h"
#include "epilogue.h"

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

inline Activation random_activation(Random& random, bool with_residual) {
    const float slope = random.one_of<float>({0.0f, 0.1f, 1.0f});
    std::vector<Activation::Kind> kinds{Activation::leaky_relu, Activation::silu};
    if (with_residual) kinds.push_back(Activation::attention);
    return {random.one_of(kinds), slope};
}

/// What a convolution makes of a sum.
inline double activated(const Activation& activation, double sum, double residual) {
    const double sigmoid = 1.0 / (1.0 + std::exp(-sum)), added = sum + residual;
    switch (activation.kind) {
        case Activation::leaky_relu:
            return added < 0 ? added * activation.negative_slope : added;
        case Activation::silu:
            return sum * sigmoid + residual;
        case Activation::attention:
            return added * (sigmoid - 0.5);
    }
    return std::nan("");
}

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
