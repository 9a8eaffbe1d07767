// WindowLayer on random layers, against the Transformer layer of SwinIR written plainly in double.
#include "cuda/windows.h"
#include "gpu.h"

using namespace amsr;
using namespace amsr::test;
using cuda::WindowGrid;
using cuda::WindowLayerShape;

namespace {

using Numbers = std::vector<double>;

template <class T>
struct Layer {
    WindowLayerShape shape;
    std::vector<T> norm1_weight, norm1_bias, qkv_weight, qkv_bias, position_bias, proj_weight, proj_bias, norm2_weight,
        norm2_bias, fc1_weight, fc1_bias, fc2_weight, fc2_bias;
    float epsilon = 1e-5f;

    Layer(Random& random, const WindowLayerShape& of) : shape(of) {
        const std::int64_t c = shape.channels, f = shape.hidden, n = shape.window_size * shape.window_size;
        const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
            return random.values<T>(rows * columns, 1.0f / std::sqrt(static_cast<float>(columns)));
        };
        norm1_weight = random.values<T>(c), norm1_bias = random.values<T>(c, 0.3f);
        qkv_weight = matrix(3 * c, c), qkv_bias = random.values<T>(3 * c, 0.3f);
        position_bias = random.values<T>(shape.heads * n * n);
        proj_weight = matrix(c, c), proj_bias = random.values<T>(c, 0.3f);
        norm2_weight = random.values<T>(c), norm2_bias = random.values<T>(c, 0.3f);
        fc1_weight = matrix(f, c), fc1_bias = random.values<T>(f, 0.3f);
        fc2_weight = matrix(c, f), fc2_bias = random.values<T>(c, 0.3f);
    }

    Buffer<unsigned char> packed() const {
        const Buffer<T> a(norm1_weight), b(norm1_bias), c(qkv_weight), d(qkv_bias), e(position_bias), f(proj_weight),
            g(proj_bias), h(norm2_weight), i(norm2_bias), j(fc1_weight), k(fc1_bias), l(fc2_weight), m(fc2_bias);
        const std::size_t bytes = cuda::packed_window_layer_bytes(type_of<T>, shape);
        CHECK(bytes > 0, "the shape is taken");
        Buffer<unsigned char> result(bytes);
        CHECK_CUDA(cuda::pack_window_layer(type_of<T>, shape,
                                           {a.data(), b.data(), c.data(), d.data(), e.data(), f.data(), g.data(),
                                            h.data(), i.data(), j.data(), k.data(), l.data(), m.data()},
                                           result.data(), nullptr));
        CHECK_CUDA(cudaDeviceSynchronize());
        return result;
    }

    Numbers normalized(const Numbers& x, const std::vector<T>& weight, const std::vector<T>& bias) const {
        Numbers result(x.size());
        const std::size_t c = static_cast<std::size_t>(shape.channels);
        for (std::size_t token = 0; token < x.size() / c; ++token) {
            double mean = 0, squares = 0;
            for (std::size_t i = 0; i < c; ++i) mean += x[token * c + i] / static_cast<double>(c);
            for (std::size_t i = 0; i < c; ++i)
                squares += std::pow(x[token * c + i] - mean, 2) / static_cast<double>(c);
            for (std::size_t i = 0; i < c; ++i) {
                result[token * c + i] =
                    (x[token * c + i] - mean) / std::sqrt(squares + epsilon) * cpu::to_float(weight[i]) +
                    cpu::to_float(bias[i]);
            }
        }
        return result;
    }

    static Numbers linear(const Numbers& x, const std::vector<T>& weight, const std::vector<T>& bias) {
        const std::size_t outputs = bias.size(), inputs = weight.size() / outputs, tokens = x.size() / inputs;
        Numbers result(tokens * outputs);
        for (std::size_t token = 0; token < tokens; ++token) {
            for (std::size_t o = 0; o < outputs; ++o) {
                double sum = cpu::to_float(bias[o]);
                for (std::size_t i = 0; i < inputs; ++i)
                    sum += x[token * inputs + i] * cpu::to_float(weight[o * inputs + i]);
                result[token * outputs + o] = sum;
            }
        }
        return result;
    }

    Numbers attention(const Numbers& x, const std::vector<int>& parts) const {
        const auto c = static_cast<std::size_t>(shape.channels), heads = static_cast<std::size_t>(shape.heads);
        const std::size_t width = c / heads, n = parts.size();
        const Numbers qkv = linear(x, qkv_weight, qkv_bias);
        Numbers mixed(n * c);
        for (std::size_t head = 0; head < heads; ++head) {
            for (std::size_t q = 0; q < n; ++q) {
                Numbers weights(n);
                double sum = 0;
                for (std::size_t k = 0; k < n; ++k) {
                    double score =
                        cpu::to_float(position_bias[(head * n + q) * n + k]) - (parts[q] != parts[k] ? 100 : 0);
                    for (std::size_t i = 0; i < width; ++i) {
                        score += qkv[q * 3 * c + head * width + i] * qkv[k * 3 * c + c + head * width + i] /
                                 std::sqrt(static_cast<double>(width));
                    }
                    sum += weights[k] = std::exp(score);
                }
                for (std::size_t k = 0; k < n; ++k) {
                    for (std::size_t i = 0; i < width; ++i) {
                        mixed[q * c + head * width + i] += weights[k] / sum * qkv[k * 3 * c + 2 * c + head * width + i];
                    }
                }
            }
        }
        return linear(mixed, proj_weight, proj_bias);
    }

    Numbers run(const Numbers& tokens, const std::vector<int>& parts) const {
        Numbers x = tokens;
        const Numbers attended = attention(normalized(x, norm1_weight, norm1_bias), parts);
        for (std::size_t i = 0; i < x.size(); ++i) x[i] += attended[i];
        Numbers hidden = linear(normalized(x, norm2_weight, norm2_bias), fc1_weight, fc1_bias);
        for (double& value : hidden) value *= 0.5 * (1 + std::erf(value / std::sqrt(2.0)));
        const Numbers changed = linear(hidden, fc2_weight, fc2_bias);
        for (std::size_t i = 0; i < x.size(); ++i) x[i] += changed[i];
        return x;
    }
};

/// Pixels of a window and the region, before the shift, that each came from.
void place_window(const WindowGrid& grid, std::int64_t window, std::vector<std::int64_t>& pixels,
                  std::vector<int>& parts) {
    const std::int64_t side = grid.window_size, across = grid.width / side;
    for (std::int64_t token = 0; token < side * side; ++token) {
        const std::int64_t y = window / across * side + token / side + grid.shift;
        const std::int64_t x = window % across * side + token % side + grid.shift;
        pixels.push_back(y % grid.height * grid.width + x % grid.width);
        parts.push_back(static_cast<int>(y / grid.height * 2 + x / grid.width));
    }
}

template <class T>
void check(Random& random, const WindowLayerShape& shape, std::int64_t down, std::int64_t across, std::int64_t shift,
           bool in_place, const std::vector<std::int64_t>& windows, float epsilon = 1e-5f) {
    Layer<T> layer(random, shape);
    layer.epsilon = epsilon;
    const WindowGrid grid{down * shape.window_size, across * shape.window_size, shape.window_size, shift};
    const std::int64_t c = shape.channels;
    const auto pixels = random.values<T>(grid.height * grid.width * c);
    Numbers expected;
    for (const T& value : pixels) expected.push_back(cpu::to_float(value));
    const Numbers before = expected;
    for (const std::int64_t window : windows) {
        std::vector<std::int64_t> places;
        std::vector<int> parts;
        place_window(grid, window, places, parts);
        Numbers tokens;
        for (const std::int64_t place : places) {
            for (std::int64_t i = 0; i < c; ++i) tokens.push_back(before[static_cast<std::size_t>(place * c + i)]);
        }
        const Numbers result = layer.run(tokens, parts);
        for (std::size_t i = 0; i < result.size(); ++i) {
            expected[static_cast<std::size_t>(places[i / static_cast<std::size_t>(c)] * c) +
                     i % static_cast<std::size_t>(c)] = result[i];
        }
    }
    const Buffer<T> memory(pixels), other(pixels.size());
    const Buffer<std::int64_t> window_memory(windows);
    const auto packed = layer.packed();
    T* const out = in_place ? memory.data() : other.data();
    CHECK_CUDA(cuda::window_layer(type_of<T>, shape, grid, memory.data(), window_memory.data(),
                                  static_cast<std::int64_t>(windows.size()), packed.data(), layer.epsilon, out,
                                  nullptr));
    const auto actual = (in_place ? memory : other).values();
    const double tolerance = sizeof(T) == 4 ? 2e-5 : 8e-3;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        CHECK(std::abs(cpu::to_float(actual[i]) - expected[i]) <= tolerance * (1 + std::abs(expected[i])),
              "%d bits, %d channels, %d heads, shift %d: %g, not %g", static_cast<int>(sizeof(T)) * 8,
              static_cast<int>(c), static_cast<int>(shape.heads), static_cast<int>(shift), cpu::to_float(actual[i]),
              expected[i]);
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
