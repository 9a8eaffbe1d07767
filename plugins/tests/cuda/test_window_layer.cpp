// WindowLayer on random layers, against its definition.
#include "cuda/windows.h"
#include "gpu.h"
#include "random_layer.h"

using namespace amsr;
using namespace amsr::test;
using cuda::WindowGrid;
using cuda::WindowLayerShape;

namespace {

template <class T>
Buffer<unsigned char> pack(const RandomLayer<T>& layer, const WindowLayerShape& shape) {
    std::vector<Buffer<T>> memory;
    for (const std::vector<T>& weight : layer.weights) memory.emplace_back(weight);
    const auto w = [&memory](std::size_t i) { return memory[i].data(); };
    const std::size_t bytes = cuda::packed_window_layer_bytes(type_of<T>, shape);
    CHECK(bytes > 0, "the shape is taken");
    Buffer<unsigned char> result(bytes);
    CHECK_CUDA(cuda::pack_window_layer(
        type_of<T>, shape, {w(0), w(1), w(2), w(3), w(4), w(5), w(6), w(7), w(8), w(9), w(10), w(11), w(12)},
        result.data(), nullptr));
    CHECK_CUDA(cudaDeviceSynchronize());
    return result;
}

template <class T>
void check(Random& random, const WindowLayerShape& shape, std::int64_t down, std::int64_t across, std::int64_t shift,
           bool in_place, const std::vector<std::int64_t>& windows, float epsilon = 1e-5f) {
    RandomLayer<T> layer(random, shape.channels, shape.hidden, shape.heads, shape.window_size);
    layer.epsilon = epsilon;
    const WindowGrid grid{down * shape.window_size, across * shape.window_size, shape.window_size, shift};
    const auto pixels = random.values<T>(grid.height * grid.width * shape.channels);
    const reference::Values expected =
        reference::window_layer(layer.definition(), reference::values_of(pixels), windows,
                                {grid.height, grid.width, grid.window_size, grid.shift});
    const Buffer<T> memory(pixels), other(pixels.size());
    const Buffer<std::int64_t> window_memory(windows);
    const auto packed = pack(layer, shape);
    T* const out = in_place ? memory.data() : other.data();
    CHECK_CUDA(cuda::window_layer(type_of<T>, shape, grid, memory.data(), window_memory.data(),
                                  static_cast<std::int64_t>(windows.size()), packed.data(), layer.epsilon, out,
                                  nullptr));
    const auto actual = (in_place ? memory : other).values();
    const double tolerance = sizeof(T) == 4 ? 2e-5 : 8e-3;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        CHECK(std::abs(cpu::to_float(actual[i]) - expected[i]) <= tolerance * (1 + std::abs(expected[i])),
              "%d bits, %d channels, %d heads, shift %d: %g, not %g", static_cast<int>(sizeof(T)) * 8,
              static_cast<int>(shape.channels), static_cast<int>(shape.heads), static_cast<int>(shift),
              cpu::to_float(actual[i]), expected[i]);
    }
}

template <class T>
void check_type(Random& random) {
    const WindowLayerShape swinir{60, 120, 6, 8};
    check<T>(random, swinir, 2, 2, 4, true, {0, 1, 2, 3});
    check<T>(random, swinir, 2, 3, 0, false, {1, 4, 4, 4});
    check<T>(random, swinir, 1, 2, 4, false, {});
    check<T>(random, {48, 40, 4, 8}, 1, 2, 3, true, {1});
    if (sizeof(T) == 2) check<T>(random, {64, 100, 4, 8}, 1, 1, 0, true, {0});
    check<T>(random, {6, 7, 3, 4}, 2, 2, 1, false, {0, 3});
    check<T>(random, {32, 20, 2, 7}, 3, 3, 3, true, {0, 4, 5, 7, 8}, 0.0f);  // with padding among the tokens
}

}  // namespace

int main() {
    skip_without_device();
    Random random(1);
    check_type<float>(random);
    check_type<cpu::float16>(random);
    CHECK(cuda::packed_window_layer_bytes(cuda::ElementType::float16, {180, 360, 6, 8}) == 0, "180 channels");
    CHECK(cuda::packed_window_layer_bytes(cuda::ElementType::float16, {60, 120, 7, 8}) == 0, "60 channels in 7 heads");
}
