// PixelConv2d of every instruction set and storage type, on random shapes, against a plain loop in double.
#include "check.h"
#include "cpu/convolution/pixel_convolution.h"
#include "random_case.h"

using namespace amsr::cpu;
using amsr::Activation;

namespace {

template <class T>
struct Case {
    ConvolutionShape shape;
    std::size_t side, height, width;
    Activation activation;
    bool is_nearest;
    std::vector<T> pixels, weight, bias, residual;  // the residual is empty where there is none

    explicit Case(Random& random) : side(2 * random.number(0, 2) + 1), height(random.number(1, 9)) {
        const std::size_t groups = random.one_of<std::size_t>({1, 1, 2, 4}),
                          upscale = random.one_of<std::size_t>({1, 2, 4});
        const std::size_t inputs = random.one_of<std::size_t>({1, 3, 8, 12, 32, 64});
        shape = {groups * upscale * upscale * random.number(1, 6), groups * inputs, groups, side * side, upscale};
        if (random.number(0, 3) == 0) {  // enough for Winograd's filtering
            shape.inputs = groups * random.one_of<std::size_t>({16, 28, 32, 48});
            shape.outputs = groups * upscale * upscale * random.one_of<std::size_t>({3, 16, 80});
        }
        width = random.one_of<std::size_t>({1, 2, 7, 48, 49, 100});
        pixels = random.values<T>(height * width * shape.inputs);
        weight = random.values<T>(shape.outputs * shape.group_inputs() * shape.taps);
        if (random.number(0, 1) == 1) leave_out_taps(random);
        bias = random.values<T>(shape.outputs);
        const bool with_residual = random.number(0, 1) == 1;
        is_nearest = random.number(0, 1) == 1;
        const std::size_t residuals = is_nearest ? shape.outputs / (upscale * upscale) : shape.outputs;
        if (with_residual) residual = random.values<T>(height * width * residuals);
        activation = random_activation(random, with_residual);
    }

    /// Some outputs without some taps, as in rearranged transposed convolutions.
    void leave_out_taps(Random& random) {
        for (std::size_t i = 0; i < shape.outputs * shape.taps; ++i) {
            if (random.number(0, 1) == 1) continue;
            const std::size_t output = i / shape.taps, tap = i % shape.taps;
            for (std::size_t input = 0; input < shape.group_inputs(); ++input) {
                weight[(output * shape.group_inputs() + input) * shape.taps + tap] = T{};
            }
        }
    }

    double sum(std::size_t y, std::size_t x, std::size_t output) const {
        const std::size_t inputs = shape.group_inputs(), group = output / shape.group_outputs();
        double result = to_float(bias[output]);
        for (std::size_t tap = 0; tap < shape.taps; ++tap) {
            const std::size_t v = y + tap / side - side / 2, u = x + tap % side - side / 2;
            if (v >= height || u >= width) continue;  // those below 0 wrap around
            for (std::size_t i = 0; i < inputs; ++i) {
                result += static_cast<double>(to_float(pixels[(v * width + u) * shape.inputs + group * inputs + i])) *
                          to_float(weight[(output * inputs + i) * shape.taps + tap]);
            }
        }
        return result;
    }
};

template <class T>
void check_case(InstructionSet set, Random& random) {
    const Case<T> c(random);
    const PixelConvolution<T> convolution(set, c.shape, c.weight.data(), c.bias.data(), c.activation);
    const PixelResidual<T> residual{c.residual.empty() ? nullptr : c.residual.data(), c.is_nearest};
    std::vector<T> out(c.height * c.width * c.shape.outputs);
    const std::size_t middle = c.height / 3, r = c.shape.upscale, channels = c.shape.outputs / (r * r);
    convolution.run(c.pixels.data(), c.height, c.width, residual, middle, c.height, out.data());
    convolution.run(c.pixels.data(), c.height, c.width, residual, 0, middle, out.data());
    for (std::size_t y = 0; y < c.height; ++y) {
        for (std::size_t x = 0; x < c.width; ++x) {
            for (std::size_t output = 0; output < c.shape.outputs; ++output) {
                const std::size_t channel = output / (r * r), i = output / r % r, j = output % r;
                const std::size_t place = ((y * r + i) * c.width * r + x * r + j) * channels + channel;
                const std::size_t source = c.is_nearest ? (y * c.width + x) * channels + channel : place;
                const double added = c.residual.empty() ? 0.0 : to_float(c.residual[source]);
                const double expected = activated(c.activation, c.sum(y, x, output), added);
                CHECK(is_close(out[place], expected),
                      "%s, %zu -> %zu in %zu groups, upscale %zu, at (%zu, %zu): %g, not %g", name_of(set),
                      c.shape.inputs, c.shape.outputs, c.shape.groups, r, y, x, to_float(out[place]), expected);
            }
        }
    }
}

}  // namespace

int main() {
    Random random(3);
    for (const InstructionSet set : available_instruction_sets()) {
        for (int i = 0; i < 40; ++i) {
            check_case<float>(set, random);
            check_case<float16>(set, random);
            check_case<bfloat16>(set, random);
        }
    }
}
