// Pointwise of one to four tensors, of every instruction set and storage type, against its definition.
#include "check.h"
#include "closeness.h"
#include "cpu/convolution/pointwise.h"
#include "random.h"
#include "reference.h"

using namespace amsr::cpu;
using namespace amsr::test;
using amsr::Activation;

namespace {

template <class T>
void check_case(InstructionSet set, Random& random) {
    const std::size_t tensors = random.count(1, 4), channels = random.one_of<std::size_t>({1, 12, 33, 64});
    const std::size_t outputs = random.count(1, 70), rows = random.count(0, 150), all = tensors * channels;
    const bool with_residual = random.coin();
    const Activation activation = random.activation(with_residual);
    const auto weight = random.values<T>(outputs * all), bias = random.values<T>(outputs);
    const auto residual = random.values<T>(rows * outputs);
    std::vector<std::vector<T>> values;
    std::vector<const T*> sources;
    std::vector<amsr::reference::Values> inputs;
    for (std::size_t i = 0; i < tensors; ++i) values.push_back(random.values<T>(rows * channels));
    for (const auto& tensor : values) {
        sources.push_back(tensor.data());
        inputs.push_back(amsr::reference::values_of(tensor));
    }
    const Pointwise<T> pointwise(set, tensors, channels, outputs, weight.data(), bias.data(), activation);
    std::vector<T> out(rows * outputs);
    const std::size_t middle = rows / 3;
    pointwise.run(sources.data(), with_residual ? residual.data() : nullptr, middle, rows, out.data());
    pointwise.run(sources.data(), with_residual ? residual.data() : nullptr, 0, middle, out.data());
    const auto expected =
        amsr::reference::pointwise({static_cast<std::int64_t>(outputs), static_cast<std::int64_t>(all), 1, 1,
                                    amsr::reference::values_of(weight), amsr::reference::values_of(bias), activation},
                                   inputs, static_cast<std::int64_t>(rows),
                                   with_residual ? amsr::reference::values_of(residual) : amsr::reference::Values{});
    for (std::size_t i = 0; i < out.size(); ++i) {
        CHECK(is_close(out[i], expected[i]), "%s, %zu x %zu -> %zu: %g, not %g", name_of(set), tensors, channels,
              outputs, to_float(out[i]), expected[i]);
    }
}

}  // namespace

int main() {
    Random random(2);
    for (const InstructionSet set : available_instruction_sets()) {
        for (int i = 0; i < 40; ++i) {
            check_case<float>(set, random);
            check_case<float16>(set, random);
            check_case<bfloat16>(set, random);
        }
    }
}
