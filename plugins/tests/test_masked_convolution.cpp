// MaskedConv2d of every instruction set and storage type, on random shapes and tables, against a plain loop in double.
#include <stdexcept>

#include "check.h"
#include "cpu/convolution/masked_convolution.h"
#include "random_case.h"

using namespace amsr::cpu;
using amsr::Activation;

namespace {

template <class T>
struct Case {
    ConvolutionShape shape;
    std::size_t rows, pixels;
    Activation activation;
    std::vector<T> row_values, surround, weight, bias, residual;  // the residual is empty where there is none
    std::vector<std::int32_t> neighbors;

    explicit Case(Random& random) {
        const std::size_t groups = random.number(1, 6), side = 2 * random.number(0, 2) + 1;
        shape = {groups * random.number(1, groups == 1 ? 70 : 20), groups * random.number(1, 20), groups, side * side};
        if (random.number(0, 3) == 0) shape = {random.number(1, 6), 32 * random.number(1, 3), 1, side * side};
        rows = random.number(0, 3) == 0 ? 0 : random.number(1, 250);
        pixels = random.number(1, 50);
        row_values = random.values<T>(rows * shape.inputs);
        surround = random.values<T>(pixels * shape.inputs);
        weight = random.values<T>(shape.outputs * shape.group_inputs() * shape.taps);
        bias = random.values<T>(shape.outputs);
        const bool with_residual = random.number(0, 1) == 1;
        if (with_residual) residual = random.values<T>(rows * shape.outputs);
        activation = random_activation(random, with_residual);
        for (std::size_t i = 0; i < rows * shape.taps; ++i) {
            neighbors.push_back(static_cast<std::int32_t>(random.number(0, rows + pixels)));
        }
    }

    /// What a tap of a row reads; null outside the image.
    const T* source(std::size_t row, std::size_t tap) const {
        const auto at = static_cast<std::size_t>(neighbors[row * shape.taps + tap]);
        if (at < rows) return row_values.data() + at * shape.inputs;
        return at < rows + pixels ? surround.data() + (at - rows) * shape.inputs : nullptr;
    }

    double expected(std::size_t row, std::size_t output) const {
        const std::size_t inputs = shape.group_inputs(), group = output / shape.group_outputs();
        double sum = to_float(bias[output]);
        for (std::size_t tap = 0; tap < shape.taps; ++tap) {
            const T* values = source(row, tap);
            for (std::size_t i = 0; values != nullptr && i < inputs; ++i) {
                sum += static_cast<double>(to_float(values[group * inputs + i])) *
                       to_float(weight[(output * inputs + i) * shape.taps + tap]);
            }
        }
        return activated(activation, sum, residual.empty() ? 0.0 : to_float(residual[row * shape.outputs + output]));
    }
};

template <class T>
void check_case(InstructionSet set, Random& random) {
    const Case<T> c(random);
    const MaskedConvolution<T> convolution(set, c.shape, c.weight.data(), c.bias.data(), c.activation);
    const T* residual = c.residual.empty() ? nullptr : c.residual.data();
    const auto run = [&](std::size_t first, std::size_t last, std::vector<T>& out) {
        return convolution.run(c.row_values.data(), c.rows, c.surround.data(), c.pixels, c.neighbors.data(), residual,
                               first, last, out.data());
    };
    std::vector<T> out(c.rows * c.shape.outputs), in_two_parts(out.size());
    CHECK(run(0, c.rows, out), "%s", name_of(set));
    const std::size_t middle = c.rows / 3;
    CHECK(run(middle, c.rows, in_two_parts) && run(0, middle, in_two_parts), "%s", name_of(set));
    for (std::size_t i = 0; i < out.size(); ++i) {
        const double expected = c.expected(i / c.shape.outputs, i % c.shape.outputs);
        CHECK(is_close(out[i], expected), "%s, %zu -> %zu in %zu groups: %g, not %g", name_of(set), c.shape.inputs,
              c.shape.outputs, c.shape.groups, to_float(out[i]), expected);
        CHECK(to_float(in_two_parts[i]) == to_float(out[i]), "%s: how rows are split must not matter", name_of(set));
    }
}

void check_bad_input() {
    const std::vector<float> ones(64, 1.0f);
    bool refused = false;
    try {
        MaskedConvolution<float>(InstructionSet::portable, {6, 5, 2, 1}, ones.data(), ones.data(), Activation{});
    } catch (const std::invalid_argument&) {
        refused = true;
    }
    CHECK(refused, "5 inputs in 2 groups");
    const MaskedConvolution<float> convolution(InstructionSet::portable, {1, 1, 1, 1}, ones.data(), ones.data(),
                                               Activation{});
    float out = 0;
    for (const std::int32_t source : {4, -1}) {
        CHECK(!convolution.run(ones.data(), 1, ones.data(), 2, &source, nullptr, 0, 1, &out), "a table entry of %d",
              source);
    }
}

/// Neither a ReLU nor leaving out taps without weights may hide a NaN.
void check_nan_is_kept(InstructionSet set) {
    const float zero = 0.0f, nan = std::nanf("");
    const std::int32_t source = 0;
    float out = 0;
    for (const bool in_bias : {true, false}) {
        const MaskedConvolution<float> convolution(set, {1, 1, 1, 1}, in_bias ? &zero : &nan, in_bias ? &nan : &zero,
                                                   Activation{Activation::leaky_relu, 0.0f});
        CHECK(convolution.run(&zero, 1, &zero, 1, &source, nullptr, 0, 1, &out) && std::isnan(out), "%s", name_of(set));
    }
}

}  // namespace

int main() {
    Random random(1);
    for (const InstructionSet set : available_instruction_sets()) {
        for (int i = 0; i < 60; ++i) {
            check_case<float>(set, random);
            check_case<float16>(set, random);
            check_case<bfloat16>(set, random);
        }
        check_nan_is_kept(set);
    }
    check_bad_input();
}
