// MaskedConv2d of every instruction set and storage type, on random shapes and tables, against its definition.
#include <stdexcept>

#include "check.h"
#include "closeness.h"
#include "cpu/convolution/masked_convolution.h"
#include "random.h"
#include "reference.h"

using namespace amsr::cpu;
using namespace amsr::test;
using amsr::Activation;

namespace {

template <class T>
void check_case(InstructionSet set, Random& random) {
    const std::size_t groups = random.count(1, 6), side = 2 * random.count(0, 2) + 1;
    ConvolutionShape shape{groups * random.count(1, groups == 1 ? 70 : 20), groups * random.count(1, 20), groups,
                           side * side};
    if (random.number(0, 3) == 0) shape = {random.count(1, 6), 32 * random.count(1, 3), 1, side * side};
    const std::size_t rows = random.number(0, 3) == 0 ? 0 : random.count(1, 250), pixels = random.count(1, 50);
    const auto row_values = random.values<T>(rows * shape.inputs), surround = random.values<T>(pixels * shape.inputs);
    const auto weight = random.values<T>(shape.outputs * shape.group_inputs() * shape.taps);
    const auto bias = random.values<T>(shape.outputs), residual = random.values<T>(rows * shape.outputs);
    const bool with_residual = random.coin();
    const Activation activation = random.activation(with_residual);
    std::vector<std::int32_t> neighbors(rows * shape.taps);
    for (auto& entry : neighbors) entry = static_cast<std::int32_t>(random.count(0, rows + pixels));

    const MaskedConvolution<T> convolution(set, shape, weight.data(), bias.data(), activation);
    const auto run = [&](std::size_t first, std::size_t last, std::vector<T>& out) {
        return convolution.run(row_values.data(), rows, surround.data(), pixels, neighbors.data(),
                               with_residual ? residual.data() : nullptr, first, last, out.data());
    };
    std::vector<T> out(rows * shape.outputs), in_two_parts(out.size());
    CHECK(run(0, rows, out), "%s", name_of(set));
    const std::size_t middle = rows / 3;
    CHECK(run(middle, rows, in_two_parts) && run(0, middle, in_two_parts), "%s", name_of(set));
    const auto number = [](std::size_t value) { return static_cast<std::int64_t>(value); };
    const auto expected = amsr::reference::masked_conv2d(
        {number(shape.outputs), number(shape.inputs), number(shape.groups), number(side),
         amsr::reference::values_of(weight), amsr::reference::values_of(bias), activation},
        amsr::reference::values_of(row_values), amsr::reference::values_of(surround),
        {neighbors.begin(), neighbors.end()},
        with_residual ? amsr::reference::values_of(residual) : amsr::reference::Values{});
    for (std::size_t i = 0; i < out.size(); ++i) {
        CHECK(is_close(out[i], expected[i]), "%s, %zu -> %zu in %zu groups: %g, not %g", name_of(set), shape.inputs,
              shape.outputs, shape.groups, to_float(out[i]), expected[i]);
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
