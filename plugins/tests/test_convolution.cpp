// MaskedConv2d of every instruction set and storage type, on random shapes and tables, against a plain loop in double.
#include "convolution.h"

#include <cmath>
#include <random>
#include <stdexcept>

#include "check.h"

using namespace amsr::cpu;

namespace {

template <class T>
struct Case {
    ConvolutionShape shape;
    std::size_t rows, pixels;
    float negative_slope;
    std::vector<T> row_values, surround, weight, bias;
    std::vector<std::int32_t> neighbors;

    explicit Case(std::mt19937& random) {
        const auto number = [&random](std::size_t low, std::size_t high) {
            return std::uniform_int_distribution<std::size_t>(low, high)(random);
        };
        const std::size_t groups = number(1, 4), side = 2 * number(0, 2) + 1;
        shape = {groups * number(1, 70), groups * number(1, 20), groups, side * side};
        rows = number(0, 3) == 0 ? 0 : number(1, 250);
        pixels = number(1, 50);
        negative_slope = std::vector<float>{0.0f, 0.1f, 1.0f}[number(0, 2)];
        const auto fill = [&random](std::vector<T>& values, std::size_t count) {
            std::normal_distribution<float> normal;
            values.resize(count);
            for (T& value : values) assign(value, normal(random));
        };
        fill(row_values, rows * shape.inputs);
        fill(surround, pixels * shape.inputs);
        fill(weight, shape.outputs * (shape.inputs / groups) * shape.taps);
        fill(bias, shape.outputs);
        neighbors.resize(rows * shape.taps);
        for (auto& source : neighbors) source = static_cast<std::int32_t>(number(0, rows + pixels));
    }

    /// What a tap of a row reads; null outside the image.
    const T* source(std::size_t row, std::size_t tap) const {
        const auto at = static_cast<std::size_t>(neighbors[row * shape.taps + tap]);
        if (at < rows) return row_values.data() + at * shape.inputs;
        return at < rows + pixels ? surround.data() + (at - rows) * shape.inputs : nullptr;
    }

    double expected(std::size_t row, std::size_t output) const {
        const std::size_t inputs = shape.inputs / shape.groups, group = output / (shape.outputs / shape.groups);
        double sum = to_float(bias[output]);
        for (std::size_t tap = 0; tap < shape.taps; ++tap) {
            const T* values = source(row, tap);
            for (std::size_t i = 0; values != nullptr && i < inputs; ++i) {
                sum += static_cast<double>(to_float(values[group * inputs + i])) *
                       to_float(weight[(output * inputs + i) * shape.taps + tap]);
            }
        }
        return sum < 0 ? sum * negative_slope : sum;
    }
};

template <class T>
void check_case(InstructionSet set, std::mt19937& random, double rounding) {
    const Case<T> c(random);
    const Convolution<T> convolution(set, c.shape, c.weight.data(), c.bias.data(), c.negative_slope);
    const auto run = [&](std::size_t first, std::size_t last, std::vector<T>& out) {
        return convolution.run(c.row_values.data(), c.rows, c.surround.data(), c.pixels, c.neighbors.data(), first,
                               last, out.data());
    };
    std::vector<T> out(c.rows * c.shape.outputs), in_two_parts(out.size());
    CHECK(run(0, c.rows, out), "%s", name_of(set));
    const std::size_t middle = c.rows / 3;
    CHECK(run(middle, c.rows, in_two_parts) && run(0, middle, in_two_parts), "%s", name_of(set));
    for (std::size_t i = 0; i < out.size(); ++i) {
        const double expected = c.expected(i / c.shape.outputs, i % c.shape.outputs), actual = to_float(out[i]);
        CHECK(std::abs(actual - expected) <= 2e-4 + rounding * std::abs(expected),
              "%s, %zu -> %zu in %zu groups: %g, not %g", name_of(set), c.shape.inputs, c.shape.outputs, c.shape.groups,
              actual, expected);
        CHECK(to_float(in_two_parts[i]) == to_float(out[i]), "%s: how rows are split must not matter", name_of(set));
    }
}

void check_bad_input() {
    const std::vector<float> ones(64, 1.0f);
    bool refused = false;
    try {
        Convolution<float>(InstructionSet::portable, {6, 5, 2, 1}, ones.data(), ones.data(), 1.0f);
    } catch (const std::invalid_argument&) {
        refused = true;
    }
    CHECK(refused, "5 inputs in 2 groups");
    const Convolution<float> convolution(InstructionSet::portable, {1, 1, 1, 1}, ones.data(), ones.data(), 1.0f);
    float out = 0;
    for (const std::int32_t source : {4, -1}) {
        CHECK(!convolution.run(ones.data(), 1, ones.data(), 2, &source, 0, 1, &out), "a table entry of %d", source);
    }
}

void check_nan_is_kept(InstructionSet set) {
    const float zero = 0.0f, nan = std::nanf("");
    const Convolution<float> convolution(set, {1, 1, 1, 1}, &zero, &nan, 0.0f);
    const std::int32_t source = 0;
    float out = 0;
    CHECK(convolution.run(&zero, 1, &zero, 1, &source, 0, 1, &out) && std::isnan(out), "%s: ReLU must not hide NaN",
          name_of(set));
}

}  // namespace

int main() {
    std::mt19937 random(1);
    for (const InstructionSet set : available_instruction_sets()) {
        for (int i = 0; i < 60; ++i) {
            check_case<float>(set, random, 1e-5);
            check_case<float16>(set, random, 1.0 / (1 << 11));
            check_case<bfloat16>(set, random, 1.0 / (1 << 8));
        }
        check_nan_is_kept(set);
    }
    check_bad_input();
}
