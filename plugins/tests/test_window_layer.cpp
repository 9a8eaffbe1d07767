// WindowLayer of every instruction set and storage type, on random shapes and windows, against its definition.
#include <stdexcept>

#include "check.h"
#include "closeness.h"
#include "cpu/window_layer/window_layer.h"
#include "random_layer.h"

using namespace amsr;
using namespace amsr::cpu;

namespace {

template <class T>
struct Case {
    std::int64_t side, heads;
    test::RandomLayer<T> layer;
    WindowGrid grid;
    std::vector<std::int64_t> windows;
    std::vector<T> pixels;

    explicit Case(test::Random& random)
        : side(random.one_of<std::int64_t>({1, 2, 3, 5, 8})),
          heads(random.number(1, 6)),
          layer(random, heads * random.number(1, 12), random.number(1, 130), heads, side),
          grid{side * random.number(1, 3), side * random.number(1, 3), side, random.number(0, side - 1)},
          windows(random.positions(grid.window_count())),
          pixels(random.values<T>(grid.height * grid.width * layer.channels)) {
        layer.epsilon = random.one_of<float>({1e-5f, 1e-2f});
    }

    WindowLayer<T> packed(InstructionSet set) const {
        const auto number = [](std::int64_t value) { return static_cast<std::size_t>(value); };
        const auto w = [this](std::size_t i) { return layer.weights[i].data(); };
        return {set,
                {number(layer.channels), number(layer.hidden), number(heads), number(side * side)},
                {w(0), w(1), w(2), w(3), w(4), w(5), w(6), w(7), w(8), w(9), w(10), w(11), w(12)},
                layer.epsilon};
    }

    reference::Values expected() const {
        return reference::window_layer(layer.definition(), reference::values_of(pixels), windows,
                                       {grid.height, grid.width, side, grid.shift});
    }
};

template <class T>
void check_case(InstructionSet set, test::Random& random, double absolute) {
    const Case<T> c(random);
    const WindowLayer<T> layer = c.packed(set);
    std::vector<T> out = c.pixels, in_two_parts = c.pixels;
    const std::size_t count = c.windows.size(), middle = count / 3;
    layer.run(c.windows.data(), count, c.grid, 0, count, out.data());
    layer.run(c.windows.data(), count, c.grid, middle, count, in_two_parts.data());
    layer.run(c.windows.data(), count, c.grid, 0, middle, in_two_parts.data());
    const reference::Values expected = c.expected();
    for (std::size_t i = 0; i < out.size(); ++i) {
        CHECK(test::is_close(out[i], expected[i], absolute),
              "%s: %d channels, %d hidden, %d heads, side %d, shift %d: %g, not %g", name_of(set),
              static_cast<int>(c.layer.channels), static_cast<int>(c.layer.hidden), static_cast<int>(c.heads),
              static_cast<int>(c.side), static_cast<int>(c.grid.shift), to_float(out[i]), expected[i]);
        CHECK(to_float(in_two_parts[i]) == to_float(out[i]), "%s: how windows are split must not matter", name_of(set));
    }
}

void check_bad_shape() {
    const std::vector<float> ones(64, 1.0f);
    const float* w = ones.data();
    bool refused = false;
    try {
        WindowLayer<float>(InstructionSet::portable, {5, 1, 2, 1}, {w, w, w, w, w, w, w, w, w, w, w, w, w}, 1e-5f);
    } catch (const std::invalid_argument&) {
        refused = true;
    }
    CHECK(refused, "5 channels in 2 heads");
}

/// Attention whose largest score is far from zero, and features beyond where GELU is computed.
void check_large_values(InstructionSet set) {
    test::Random random(2);
    Case<float> c(random);
    for (float& value : c.layer.weights[10]) value *= 1e4f;
    for (float& value : c.layer.weights[4]) value = value * 50 + 1e3f;
    c.windows = {0};
    std::vector<float> out = c.pixels;
    c.packed(set).run(c.windows.data(), 1, c.grid, 0, 1, out.data());
    const reference::Values expected = c.expected();
    for (std::size_t i = 0; i < out.size(); ++i) {
        CHECK(std::abs(out[i] - expected[i]) <= 0.1 + 1e-4 * std::abs(expected[i]), "%s: %g, not %g", name_of(set),
              static_cast<double>(out[i]), expected[i]);
    }
}

}  // namespace

int main() {
    test::Random random(1);
    for (const InstructionSet set : available_instruction_sets()) {
        for (int i = 0; i < 60; ++i) {
            check_case<float>(set, random, 1e-4);
            check_case<float16>(set, random, 1e-3);
            // In bfloat16, the operands of the products are rounded as well where the CPU has dot products of them.
            check_case<bfloat16>(set, random, set == InstructionSet::avx512_bf16 ? 0.15 : 1e-3);
        }
        check_large_values(set);
    }
    check_bad_shape();
}
