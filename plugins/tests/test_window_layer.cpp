// WindowLayer of every instruction set and storage type, on random shapes and windows, against plain loops in double.
#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

#include "check.h"
#include "cpu/window_layer/window_layer.h"

using namespace amsr::cpu;

namespace {

constexpr float epsilon = 1e-5f;
using Doubles = std::vector<double>;

template <class T>
struct Case {
    WindowLayerShape shape;
    WindowGrid grid;
    std::vector<std::int64_t> windows;
    std::vector<T> pixels, norm1_weight, norm1_bias, qkv_weight, qkv_bias, position_bias, proj_weight, proj_bias,
        norm2_weight, norm2_bias, fc1_weight, fc1_bias, fc2_weight, fc2_bias;

    explicit Case(std::mt19937& random) {
        const auto number = [&random](int low, int high) {
            return std::uniform_int_distribution<int>(low, high)(random);
        };
        const auto normal = [&random](std::vector<T>& values, std::size_t count, double scale, double mean = 0) {
            std::normal_distribution<double> distribution(mean, scale);
            values.resize(count);
            for (T& value : values) assign(value, static_cast<float>(distribution(random)));
        };
        const std::int64_t side = std::vector<int>{1, 2, 3, 5, 8}[static_cast<std::size_t>(number(0, 4))];
        const std::int64_t down = number(1, 3), across = number(1, 3);
        grid = {down * side, across * side, side, number(0, static_cast<int>(side) - 1)};
        const auto heads = static_cast<std::size_t>(number(1, 6)), depth = static_cast<std::size_t>(number(1, 12));
        shape = {heads * depth, static_cast<std::size_t>(number(1, 130)), heads, static_cast<std::size_t>(side * side)};
        for (std::int64_t window = 0; window < grid.window_count(); ++window) {
            if (number(0, 1)) windows.insert(windows.end(), static_cast<std::size_t>(number(1, 2)), window);
        }
        const std::size_t c = shape.channels, f = shape.hidden;
        const double narrow = 1 / std::sqrt(static_cast<double>(c)), wide = 1 / std::sqrt(static_cast<double>(f));
        normal(pixels, static_cast<std::size_t>(grid.height * grid.width) * c, 1);
        normal(norm1_weight, c, 0.3, 1);
        normal(norm1_bias, c, 0.3);
        normal(qkv_weight, 3 * c * c, narrow);
        normal(qkv_bias, 3 * c, 1);
        normal(position_bias, heads * shape.tokens * shape.tokens, 1);
        normal(proj_weight, c * c, narrow);
        normal(proj_bias, c, 1);
        normal(norm2_weight, c, 0.3, 1);
        normal(norm2_bias, c, 0.3);
        normal(fc1_weight, f * c, narrow);
        normal(fc1_bias, f, 1);
        normal(fc2_weight, c * f, wide);
        normal(fc2_bias, c, 1);
    }

    WindowLayerWeights<T> weights() const {
        return {norm1_weight.data(), norm1_bias.data(), qkv_weight.data(),   qkv_bias.data(),   position_bias.data(),
                proj_weight.data(),  proj_bias.data(),  norm2_weight.data(), norm2_bias.data(), fc1_weight.data(),
                fc1_bias.data(),     fc2_weight.data(), fc2_bias.data()};
    }

    std::int64_t line(std::int64_t window, std::size_t token) const {  // before the shift
        return window / (grid.width / grid.window_size) * grid.window_size +
               static_cast<std::int64_t>(token) / grid.window_size;
    }
    std::int64_t column(std::int64_t window, std::size_t token) const {
        return window % (grid.width / grid.window_size) * grid.window_size +
               static_cast<std::int64_t>(token) % grid.window_size;
    }
    std::size_t pixel(std::int64_t window, std::size_t token) const {
        const std::int64_t y = (line(window, token) + grid.shift) % grid.height;
        return static_cast<std::size_t>(y * grid.width + (column(window, token) + grid.shift) % grid.width);
    }
    /// Whether both tokens went around the same edges of the image.
    bool together(std::int64_t window, std::size_t a, std::size_t b) const {
        const std::int64_t bottom = grid.height - grid.shift, right = grid.width - grid.shift;
        return (line(window, a) >= bottom) == (line(window, b) >= bottom) &&
               (column(window, a) >= right) == (column(window, b) >= right);
    }

    /// y [outputs] = weight [outputs, inputs] x + bias.
    static Doubles linear(const std::vector<T>& weight, const std::vector<T>& bias, const Doubles& x) {
        Doubles y(bias.size());
        for (std::size_t o = 0; o < y.size(); ++o) {
            y[o] = to_float(bias[o]);
            for (std::size_t i = 0; i < x.size(); ++i) y[o] += x[i] * to_float(weight[o * x.size() + i]);
        }
        return y;
    }

    static Doubles normalised(const std::vector<T>& weight, const std::vector<T>& bias, const Doubles& x) {
        double mean = 0, variance = 0;
        for (const double value : x) mean += value / static_cast<double>(x.size());
        for (const double value : x) variance += (value - mean) * (value - mean) / static_cast<double>(x.size());
        Doubles y(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) {
            y[i] = (x[i] - mean) / std::sqrt(variance + epsilon) * to_float(weight[i]) + to_float(bias[i]);
        }
        return y;
    }

    /// What attention gives for a token, of the query, key and value of all tokens.
    Doubles attend(std::int64_t window, std::size_t token, const std::vector<Doubles>& qkv) const {
        const std::size_t c = shape.channels, depth = c / shape.heads;
        Doubles mixed(c);
        for (std::size_t head = 0; head < shape.heads; ++head) {
            Doubles scores(shape.tokens);
            for (std::size_t other = 0; other < shape.tokens; ++other) {
                double score = 0;
                for (std::size_t d = head * depth; d < (head + 1) * depth; ++d)
                    score += qkv[token][d] * qkv[other][c + d];
                score /= std::sqrt(static_cast<double>(depth));
                score += to_float(position_bias[(head * shape.tokens + token) * shape.tokens + other]);
                scores[other] = score - (together(window, token, other) ? 0 : 100);
            }
            const double largest = *std::max_element(scores.begin(), scores.end());
            double sum = 0;
            for (const double score : scores) sum += std::exp(score - largest);
            for (std::size_t other = 0; other < shape.tokens; ++other) {
                const double share = std::exp(scores[other] - largest) / sum;
                for (std::size_t d = head * depth; d < (head + 1) * depth; ++d)
                    mixed[d] += share * qkv[other][2 * c + d];
            }
        }
        return mixed;
    }

    Doubles expected() const {
        Doubles all;
        for (const T value : pixels) all.push_back(to_float(value));
        for (std::size_t i = 0; i < windows.size(); ++i) {
            if (i > 0 && windows[i] == windows[i - 1]) continue;
            std::vector<Doubles> tokens, qkv;
            for (std::size_t t = 0; t < shape.tokens; ++t) {
                const auto from = all.begin() + static_cast<std::ptrdiff_t>(pixel(windows[i], t) * shape.channels);
                tokens.emplace_back(from, from + static_cast<std::ptrdiff_t>(shape.channels));
                qkv.push_back(linear(qkv_weight, qkv_bias, normalised(norm1_weight, norm1_bias, tokens.back())));
            }
            for (std::size_t t = 0; t < shape.tokens; ++t) {
                Doubles x = tokens[t];
                add(x, linear(proj_weight, proj_bias, attend(windows[i], t, qkv)));
                Doubles hidden = linear(fc1_weight, fc1_bias, normalised(norm2_weight, norm2_bias, x));
                for (double& value : hidden) value *= 0.5 * (1 + std::erf(value / std::sqrt(2.0)));
                add(x, linear(fc2_weight, fc2_bias, hidden));
                std::copy(x.begin(), x.end(),
                          all.begin() + static_cast<std::ptrdiff_t>(pixel(windows[i], t) * shape.channels));
            }
        }
        return all;
    }

    static void add(Doubles& x, const Doubles& y) {
        for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
    }
};

template <class T>
void check_case(InstructionSet set, std::mt19937& random, double absolute, double relative) {
    const Case<T> c(random);
    const WindowLayer<T> layer(set, c.shape, c.weights(), epsilon);
    std::vector<T> out = c.pixels, in_two_parts = c.pixels;
    const std::size_t count = c.windows.size(), middle = count / 3;
    layer.run(c.windows.data(), count, c.grid, 0, count, out.data());
    layer.run(c.windows.data(), count, c.grid, middle, count, in_two_parts.data());
    layer.run(c.windows.data(), count, c.grid, 0, middle, in_two_parts.data());
    const Doubles expected = c.expected();
    for (std::size_t i = 0; i < out.size(); ++i) {
        const double actual = to_float(out[i]);
        CHECK(std::abs(actual - expected[i]) <= absolute + relative * std::abs(expected[i]),
              "%s: %zu channels, %zu hidden, %zu heads, windows of %zu, shift %d: %g, not %g", name_of(set),
              c.shape.channels, c.shape.hidden, c.shape.heads, c.shape.tokens, static_cast<int>(c.grid.shift), actual,
              expected[i]);
        CHECK(to_float(in_two_parts[i]) == actual, "%s: how windows are split must not matter", name_of(set));
    }
}

void check_bad_shape() {
    const std::vector<float> ones(64, 1.0f);
    const float* w = ones.data();
    bool refused = false;
    try {
        WindowLayer<float>(InstructionSet::portable, {5, 1, 2, 1}, {w, w, w, w, w, w, w, w, w, w, w, w, w}, epsilon);
    } catch (const std::invalid_argument&) {
        refused = true;
    }
    CHECK(refused, "5 channels in 2 heads");
}

/// Attention whose largest score is far from zero, and features beyond where GELU is computed.
void check_large_values(InstructionSet set) {
    std::mt19937 random(2);
    Case<float> c(random);
    for (float& value : c.fc1_bias) value *= 1e4f;
    for (float& value : c.position_bias) value = value * 50 + 1e3f;
    c.windows = {0};
    const WindowLayer<float> layer(set, c.shape, c.weights(), epsilon);
    std::vector<float> out = c.pixels;
    layer.run(c.windows.data(), 1, c.grid, 0, 1, out.data());
    const Doubles expected = c.expected();
    for (std::size_t i = 0; i < out.size(); ++i) {
        CHECK(std::abs(out[i] - expected[i]) <= 0.1 + 1e-4 * std::abs(expected[i]), "%s: %g, not %g", name_of(set),
              static_cast<double>(out[i]), expected[i]);
    }
}

}  // namespace

int main() {
    std::mt19937 random(1);
    for (const InstructionSet set : available_instruction_sets()) {
        for (int i = 0; i < 60; ++i) {
            check_case<float>(set, random, 1e-4, 1e-5);
            check_case<float16>(set, random, 1e-3, 1.0 / (1 << 11));
            // In bfloat16, the operands of the products are rounded as well where the CPU has dot products of them.
            check_case<bfloat16>(set, random, set == InstructionSet::avx512_bf16 ? 0.15 : 1e-3, 1.0 / (1 << 8));
        }
        check_large_values(set);
    }
    check_bad_shape();
}
