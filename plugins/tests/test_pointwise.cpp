// Pointwise of one to four tensors, of every instruction set and storage type, against a plain loop in double.
#include "check.h"
#include "cpu/convolution/pointwise.h"
#include "random_case.h"

using namespace amsr::cpu;
using amsr::Activation;

namespace {

template <class T>
void check_case(InstructionSet set, Random& random) {
    const std::size_t tensors = random.number(1, 4), channels = random.one_of<std::size_t>({1, 12, 33, 64});
    const std::size_t outputs = random.number(1, 70), rows = random.number(0, 150), all = tensors * channels;
    const bool with_residual = random.number(0, 1) == 1;
    const Activation activation = random_activation(random, with_residual);
    const std::vector<T> weight = random.values<T>(outputs * all), bias = random.values<T>(outputs);
    const std::vector<T> residual = random.values<T>(rows * outputs);
    std::vector<std::vector<T>> values;
    std::vector<const T*> sources;
    for (std::size_t i = 0; i < tensors; ++i) values.push_back(random.values<T>(rows * channels));
    for (const auto& tensor : values) sources.push_back(tensor.data());
    const Pointwise<T> pointwise(set, tensors, channels, outputs, weight.data(), bias.data(), activation);
    std::vector<T> out(rows * outputs);
    const std::size_t middle = rows / 3;
    pointwise.run(sources.data(), with_residual ? residual.data() : nullptr, middle, rows, out.data());
    pointwise.run(sources.data(), with_residual ? residual.data() : nullptr, 0, middle, out.data());
    for (std::size_t i = 0; i < out.size(); ++i) {
        const std::size_t row = i / outputs, output = i % outputs;
        double sum = to_float(bias[output]);
        for (std::size_t input = 0; input < all; ++input) {
            sum += static_cast<double>(to_float(values[input / channels][row * channels + input % channels])) *
                   to_float(weight[output * all + input]);
        }
        const double expected = activated(activation, sum, with_residual ? to_float(residual[i]) : 0.0);
        CHECK(is_close(out[i], expected), "%s, %zu x %zu -> %zu: %g, not %g", name_of(set), tensors, channels, outputs,
              to_float(out[i]), expected);
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
