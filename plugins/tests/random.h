// Random numbers for the C++ tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "cpu/simd/storage.h"
#include "epilogue.h"

namespace amsr::test {

class Random {
  public:
    explicit Random(unsigned seed) : engine_(seed) {}

    std::int64_t number(std::int64_t low, std::int64_t high) {
        return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
    }
    std::size_t count(std::size_t low, std::size_t high) {
        return std::uniform_int_distribution<std::size_t>(low, high)(engine_);
    }
    bool coin() { return number(0, 1) == 1; }

    template <class Value>
    Value one_of(const std::vector<Value>& choices) {
        return choices[count(0, choices.size() - 1)];
    }

    template <class T>
    std::vector<T> values(std::size_t size, float scale = 1.0f, float mean = 0.0f) {
        std::normal_distribution<float> normal(mean, scale);
        std::vector<T> result(size);
        for (T& value : result) cpu::assign(value, normal(engine_));
        return result;
    }
    template <class T>
    std::vector<T> values(std::int64_t size, float scale = 1.0f, float mean = 0.0f) {
        return values<T>(static_cast<std::size_t>(size), scale, mean);
    }

    /// Samples of a picture, in [0, 1].
    std::vector<float> samples(std::size_t size) {
        std::uniform_real_distribution<float> sample(0, 1);
        std::vector<float> result(size);
        for (float& value : result) value = sample(engine_);
        return result;
    }

    std::vector<unsigned char> bytes(std::size_t size) {
        std::vector<unsigned char> result(size);
        for (auto& byte : result) byte = static_cast<unsigned char>(number(0, 255));
        return result;
    }

    /// Positions in [0, limit), increasing: none, all, or each with some chance; the last one may come again, as
    /// padding does.
    std::vector<std::int64_t> positions(std::int64_t limit) {
        auto result = positions(limit, one_of<double>({0.0, 0.3, 0.6, 1.0}));
        if (!result.empty() && number(0, 2) == 0) result.insert(result.end(), count(1, 5), result.back());
        return result;
    }

    /// Positions in [0, limit), increasing, each taken with a probability.
    std::vector<std::int64_t> positions(std::int64_t limit, double density) {
        std::vector<std::int64_t> result;
        for (std::int64_t i = 0; i < limit; ++i) {
            if (std::bernoulli_distribution(density)(engine_)) result.push_back(i);
        }
        return result;
    }

    /// What an operator with a residual, or one without, may do to its sums.
    Activation activation(bool with_residual) {
        std::vector<Activation::Kind> kinds;
        for (const Epilogue& epilogue : epilogues::of_masked_conv2d) {
            if (epilogue.has_residual() == with_residual) kinds.push_back(epilogue.activation);
        }
        return {one_of(kinds), one_of<float>({0.0f, 0.1f, 1.0f})};
    }

  private:
    std::mt19937 engine_;
};

}  // namespace amsr::test
