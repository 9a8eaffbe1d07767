// A random Transformer layer for the tests of WindowLayer.
#pragma once

#include <array>
#include <cmath>

#include "random.h"
#include "reference.h"

namespace amsr::test {

template <class T>
struct RandomLayer {
    std::int64_t channels, hidden, heads;
    float epsilon = 1e-5f;
    /// In the order of the operator's inputs: norm1, qkv, position bias, proj, norm2, fc1, fc2.
    std::array<std::vector<T>, 13> weights;

    RandomLayer(Random& random, std::int64_t of_channels, std::int64_t of_hidden, std::int64_t of_heads,
                std::int64_t window_size)
        : channels(of_channels), hidden(of_hidden), heads(of_heads) {
        const std::int64_t c = channels, f = hidden, n = window_size * window_size;
        const auto matrix = [&](std::int64_t outputs, std::int64_t inputs) {
            return random.values<T>(outputs * inputs, 1.0f / std::sqrt(static_cast<float>(inputs)));
        };
        const auto scales = [&] { return random.values<T>(c, 0.3f, 1.0f); };
        const auto biases = [&](std::int64_t count) { return random.values<T>(count, 0.3f); };
        weights = {scales(),     biases(c),    matrix(3 * c, c), biases(3 * c), random.values<T>(heads * n * n),
                   matrix(c, c), biases(c),    scales(),         biases(c),     matrix(f, c),
                   biases(f),    matrix(c, f), biases(c)};
    }

    reference::Layer definition() const {
        const auto v = [this](std::size_t i) { return reference::values_of(weights[i]); };
        return {channels, hidden, heads, static_cast<double>(epsilon),
                v(0),     v(1),   v(2),  v(3),
                v(4),     v(5),   v(6),  v(7),
                v(8),     v(9),   v(10), v(11),
                v(12)};
    }
};

}  // namespace amsr::test
