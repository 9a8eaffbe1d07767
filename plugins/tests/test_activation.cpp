// Activations of every instruction set over the whole range of float32, against double.
#include <cmath>

#include "check.h"
#include "cpu/convolution/pointwise.h"
#include "reference.h"

using namespace amsr::cpu;
using amsr::Activation;
namespace reference = amsr::reference;

namespace {

/// Numbers of all exponents and both signs, and the special ones.
std::vector<float> arguments() {
    std::vector<float> values{0.0f, -0.0f, 1e-45f, -1e-45f, 87.0f, -87.0f, 100.0f, -100.0f, 3.4e38f, -3.4e38f};
    for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += 9973) {
        const float value = float_of_bits(static_cast<std::uint32_t>(bits));
        if (std::isfinite(value)) values.push_back(value);
    }
    for (float value = -90.0f; value < 90.0f; value += 1.0f / 1024) values.push_back(value);
    return values;
}

/// What a 1x1 convolution that changes nothing makes of values, with a residual unless it is null.
std::vector<float> run(InstructionSet set, Activation::Kind kind, const std::vector<float>& values,
                       const float* residual) {
    const float weight = 1.0f, bias = 0.0f;
    const Pointwise<float> pointwise(set, 1, 1, 1, &weight, &bias, Activation{kind});
    std::vector<float> out(values.size());
    const float* tensor = values.data();
    pointwise.run(&tensor, residual, 0, values.size(), out.data());
    return out;
}

void check_silu(InstructionSet set, const std::vector<float>& values) {
    const std::vector<float> out = run(set, Activation::silu, values, nullptr);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double expected = reference::activate({Activation::silu}, values[i], 0.0),
                     error = std::abs(out[i] - expected);
        CHECK(error <= 2.5e-7 * std::abs(expected) + (values[i] < -87.0f ? 2e-36 : 1e-45), "%s: silu(%g) = %g, not %g",
              name_of(set), values[i], out[i], expected);
    }
}

void check_attention(InstructionSet set, const std::vector<float>& values) {
    const std::vector<float> ones(values.size(), 1.0f), out = run(set, Activation::attention, values, ones.data());
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double expected = reference::activate({Activation::attention}, values[i], 1.0);
        CHECK(std::abs(out[i] - expected) <= 3e-7 * (1.0 + std::abs(values[i])), "%s: attention(%g) = %g, not %g",
              name_of(set), values[i], out[i], expected);
    }
}

void check_special(InstructionSet set) {
    const float infinity = HUGE_VALF;
    const std::vector<float> out = run(set, Activation::silu, {infinity, -infinity, std::nanf("")}, nullptr);
    CHECK(out[0] == infinity, "%s: silu(infinity) = %g", name_of(set), out[0]);
    CHECK(std::abs(out[1]) <= 2e-36, "%s: silu(-infinity) = %g", name_of(set), out[1]);
    CHECK(std::isnan(out[2]), "%s: silu(NaN) = %g", name_of(set), out[2]);
}

}  // namespace

int main() {
    const std::vector<float> values = arguments();
    for (const InstructionSet set : available_instruction_sets()) {
        check_silu(set, values);
        check_attention(set, values);
        check_special(set);
    }
}
