// PixelConv2d of every instruction set and storage type, on random shapes, against its definition.
#include <algorithm>
#include <type_traits>

#include "check.h"
#include "closeness.h"
#include "cpu/convolution/pixel_convolution.h"
#include "cpu/convolution/taps.h"
#include "random.h"
#include "reference.h"

using namespace amsr::cpu;
using namespace amsr::test;
using amsr::Activation;

namespace {

/// Some outputs without some taps, as in rearranged transposed convolutions.
template <class T>
void leave_out_taps(Random& random, const ConvolutionShape& shape, std::vector<T>& weight) {
    for (std::size_t i = 0; i < shape.outputs * shape.taps; ++i) {
        if (random.coin()) continue;
        const std::size_t output = i / shape.taps, tap = i % shape.taps;
        for (std::size_t input = 0; input < shape.group_inputs(); ++input) {
            weight[(output * shape.group_inputs() + input) * shape.taps + tap] = T{};
        }
    }
}

ConvolutionShape random_shape(Random& random) {
    const std::size_t side = 2 * random.count(0, 2) + 1;
    const auto groups = random.one_of<std::size_t>({1, 1, 2, 4}), upscale = random.one_of<std::size_t>({1, 2, 4});
    const auto inputs = random.one_of<std::size_t>({1, 3, 8, 12, 32, 64});
    ConvolutionShape shape{groups * upscale * upscale * random.count(1, 6), groups * inputs, groups, side * side,
                           upscale};
    if (random.number(0, 3) == 0) {  // enough for Winograd's filtering
        shape.inputs = groups * random.one_of<std::size_t>({16, 28, 32, 48});
        shape.outputs = groups * upscale * upscale * random.one_of<std::size_t>({3, 16, 80});
    }
    return shape;
}

template <class T>
void check_case(InstructionSet set, Random& random, const ConvolutionShape& shape) {
    const std::size_t side = square_root(shape.taps), height = random.count(1, 9),
                      width = random.one_of<std::size_t>({1, 2, 7, 48, 49, 100});
    const std::size_t channels = shape.outputs / (shape.upscale * shape.upscale);
    const auto pixels = random.values<T>(height * width * shape.inputs), bias = random.values<T>(shape.outputs);
    auto weight = random.values<T>(shape.outputs * shape.group_inputs() * shape.taps);
    if (random.coin()) leave_out_taps(random, shape, weight);
    const bool with_residual = random.coin(), is_nearest = random.coin();
    const auto residual = random.values<T>(height * width * (is_nearest ? channels : shape.outputs));
    const Activation activation = random.activation(with_residual);

    const PixelConvolution<T> convolution(set, shape, weight.data(), bias.data(), activation);
    const PixelResidual<T> added{with_residual ? residual.data() : nullptr, is_nearest};
    std::vector<T> out(height * width * shape.outputs);
    const std::size_t middle = height / 3;
    convolution.run(pixels.data(), height, width, added, middle, height, out.data());
    convolution.run(pixels.data(), height, width, added, 0, middle, out.data());
    const auto number = [](std::size_t value) { return static_cast<std::int64_t>(value); };
    amsr::reference::Values residuals;
    if (with_residual) residuals = amsr::reference::values_of(residual);
    if (with_residual && is_nearest) {
        residuals =
            amsr::reference::nearest(residuals, number(height), number(width), number(shape.upscale), number(channels));
    }
    const auto expected = amsr::reference::pixel_conv2d(
        {number(shape.outputs), number(shape.inputs), number(shape.groups), number(side),
         amsr::reference::values_of(weight), amsr::reference::values_of(bias), activation},
        amsr::reference::values_of(pixels), number(height), number(width), number(shape.upscale), residuals);
    for (std::size_t i = 0; i < out.size(); ++i) {
        CHECK(is_close(out[i], expected[i]), "%s, %zu -> %zu in %zu groups, upscale %zu, value %zu: %g, not %g",
              name_of(set), shape.inputs, shape.outputs, shape.groups, shape.upscale, i, to_float(out[i]), expected[i]);
    }
}

template <class T>
std::vector<float> widened(const std::vector<T>& values) {
    std::vector<float> wide(values.size());
    std::transform(values.begin(), values.end(), wide.begin(), [](T value) { return to_float(value); });
    return wide;
}

/// 16 bits are only how values are stored: results are those of float32, rounded once.
template <class T>
void check_sums(InstructionSet set, Random& random, const ConvolutionShape& shape) {
    if (set == InstructionSet::avx512_bf16 && std::is_same_v<T, bfloat16>) return;  // has products of its own
    const std::size_t height = 3, width = 49;
    const auto run = [&](const auto& pixels, const auto& weight, const auto& bias) {
        using Value = typename std::decay_t<decltype(pixels)>::value_type;
        std::vector<Value> out(height * width * shape.outputs);
        const PixelConvolution<Value> convolution(set, shape, weight.data(), bias.data(), Activation{});
        convolution.run(pixels.data(), height, width, PixelResidual<Value>{}, 0, height, out.data());
        return out;
    };
    const auto pixels = random.values<T>(height * width * shape.inputs), bias = random.values<T>(shape.outputs);
    auto weight = random.values<T>(shape.outputs * shape.group_inputs() * shape.taps);
    if (random.coin()) leave_out_taps(random, shape, weight);
    const std::vector<T> out = run(pixels, weight, bias);
    const std::vector<float> expected = run(widened(pixels), widened(weight), widened(bias));
    for (std::size_t i = 0; i < out.size(); ++i) {
        T rounded;
        assign(rounded, expected[i]);
        CHECK(out[i].bits == rounded.bits, "%s, %zu -> %zu in %zu groups, upscale %zu, value %zu: %g, not %g",
              name_of(set), shape.inputs, shape.outputs, shape.groups, shape.upscale, i, to_float(out[i]), expected[i]);
    }
}

}  // namespace

int main() {
    Random random(3);
    for (const InstructionSet set : available_instruction_sets()) {
        for (int i = 0; i < 40; ++i) {
            const ConvolutionShape shape = random_shape(random);
            check_case<float>(set, random, shape);
            check_case<float16>(set, random, shape);
            check_case<bfloat16>(set, random, shape);
            check_sums<float16>(set, random, shape);
            check_sums<bfloat16>(set, random, shape);
        }
        for (const std::size_t side : {23u, 25u, 47u, 49u, 51u, 99u}) {  // of the size of a block and larger
            check_case<float>(set, random, {1, 1, 1, side * side});
        }
    }
}
