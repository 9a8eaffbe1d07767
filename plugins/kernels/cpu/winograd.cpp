#include "winograd.h"

#include <algorithm>
#include <array>

#include "prefetch.h"

namespace amsr::cpu {
namespace {

constexpr std::size_t block_tiles = 48;  // of 2 x 2 output pixels, side by side

/// Between the 16 values of a tile, `channels` wide: not a multiple of the page, or they would share one set of the L1
/// cache.
constexpr std::size_t value_stride(std::size_t channels) { return block_tiles * channels + cache_line / sizeof(float); }

/// G g: three taps as four.
std::array<float, 4> transform(float a, float b, float c) { return {a, (a + b + c) / 2, (a - b + c) / 2, c}; }

/// G g G^T of the taps of one input, which lie `stride` apart.
std::array<float, 16> transform_taps(const float* taps, std::size_t stride) {
    std::array<float, 4> lines[3];
    for (std::size_t y = 0; y < 3; ++y) {
        const float* line = taps + 3 * y * stride;
        lines[y] = transform(line[0], line[stride], line[2 * stride]);
    }
    std::array<float, 16> result;
    for (std::size_t x = 0; x < 4; ++x) {
        const std::array<float, 4> column = transform(lines[0][x], lines[1][x], lines[2][x]);
        for (std::size_t y = 0; y < 4; ++y) result[4 * y + x] = column[y];
    }
    return result;
}

}  // namespace

bool Winograd::suits(InstructionSet set, const ConvolutionShape& shape) {
    const std::size_t lanes = convolution_code<float>(set).lanes, least_inputs = 16;  // of a group
    if (shape.taps != 9 || shape.group_inputs() < least_inputs || shape.inputs % lanes != 0) return false;
    const std::vector<OutputVector> vectors = output_vectors(shape, lanes);
    return std::all_of(vectors.begin(), vectors.end(),
                       [&](const OutputVector& vector) { return vector.outputs.size() == lanes; });
}

Winograd::Winograd(InstructionSet set, const ConvolutionShape& shape, const float* weight, const float* bias,
                   float negative_slope)
    : code_(convolution_code<float>(set)), shape_(shape), negative_slope_(negative_slope), zeros_(shape.inputs) {
    const std::size_t inputs = shape.group_inputs();
    for (OutputVector& vector : output_vectors(shape, code_.lanes)) {
        const bool fits = !panels_.empty() && panels_.back().first_input == vector.group * inputs &&
                          panels_.back().bias.size() + code_.lanes <= panel_outputs;
        if (!fits) panels_.push_back({vector.group * inputs, {}, {}, {}});
        for (const std::size_t output : vector.outputs) panels_.back().bias.push_back(bias[output]);
        panels_.back().vectors.push_back(std::move(vector));
    }
    for (Panel& panel : panels_) {
        const ConvolutionShape products{panel.bias.size(), inputs, 1, 1};
        std::vector<float> weights[transformed];  // [outputs, inputs] each
        for (const OutputVector& vector : panel.vectors) {
            for (const std::size_t output : vector.outputs) {
                for (std::size_t input = 0; input < inputs; ++input) {
                    const auto values = transform_taps(weight + output * shape.taps * inputs + input, inputs);
                    for (std::size_t i = 0; i < transformed; ++i) weights[i].push_back(values[i]);
                }
            }
        }
        const std::vector<float> zeros(products.outputs);
        for (std::size_t i = 0; i < transformed; ++i) {
            panel.products[i] =
                std::make_unique<const Convolution<float>>(set, products, weights[i].data(), zeros.data(), 1.0f);
        }
    }
}

/// The transformed inputs [16][block_tiles][Ci] of `count` tiles.
void Winograd::transform_inputs(const float* pixels, std::size_t height, std::size_t width, std::size_t tile_y,
                                std::size_t tile_x, std::size_t count, float* values) const {
    for (std::size_t tile = 0; tile < count; ++tile) {
        const float* sources[transformed];
        for (std::size_t i = 0; i < transformed; ++i) {
            const std::size_t below = 2 * tile_y + i / 4, right = 2 * (tile_x + tile) + i % 4;  // source, and 1
            const bool inside = below >= 1 && below <= height && right >= 1 && right <= width;
            sources[i] = inside ? pixels + ((below - 1) * width + right - 1) * shape_.inputs : zeros_.data();
        }
        code_.winograd_input(sources, shape_.inputs, values + tile * shape_.inputs, value_stride(shape_.inputs));
    }
}

/// The products [16][block_tiles][outputs of the panel].
void Winograd::multiply(const Panel& panel, const float* values, std::size_t count, float* products) const {
    for (std::size_t i = 0; i < transformed; ++i) {
        const float* sources[block_tiles + tile_rows_max];
        for (std::size_t tile = 0; tile < block_tiles + tile_rows_max; ++tile) {
            const std::size_t row = std::min(tile, count - 1);
            sources[tile] = values + i * value_stride(shape_.inputs) + row * shape_.inputs + panel.first_input;
        }
        const float* const* taps = sources;
        panel.products[i]->run({&taps, count, nullptr, products + i * value_stride(panel.bias.size()), 0, 1, 0});
    }
}

/// Turns the products of a row of tiles into the output pixels of lines [first, last).
void Winograd::store(const Panel& panel, const float* products, std::size_t width, std::size_t tile_y,
                     std::size_t tile_x, std::size_t count, const float* residual, std::size_t first, std::size_t last,
                     float* out) const {
    const std::size_t r = shape_.upscale, row = shape_.outputs / r, outputs = panel.bias.size();
    std::vector<std::size_t> places;
    for (const OutputVector& vector : panel.vectors) places.push_back(vector.line * width * row + vector.column);
    for (std::size_t tile = 0; tile < count; ++tile) {
        const float* residuals[4] = {};
        float* outs[4] = {};
        for (std::size_t i = 0; i < 4; ++i) {
            const std::size_t y = 2 * tile_y + i / 2, x = 2 * (tile_x + tile) + i % 2;
            if (y < first || y >= last || x >= width) continue;
            outs[i] = out + (y * r * width + x) * row;
            if (residual != nullptr) residuals[i] = residual + (outs[i] - out);
        }
        code_.winograd_output(products + tile * outputs, value_stride(outputs), panel.bias.data(), places.data(),
                              places.size(), negative_slope_, residuals, outs);
    }
}

void Winograd::run(const float* pixels, std::size_t height, std::size_t width, const float* residual, std::size_t first,
                   std::size_t last, float* out) const {
    const std::size_t tiles = (width + 1) / 2;
    const std::unique_ptr<float[]> values(new float[transformed * value_stride(shape_.inputs)]);
    const std::unique_ptr<float[]> products(new float[transformed * value_stride(panel_outputs)]);
    for (std::size_t tile_x = 0; tile_x < tiles; tile_x += block_tiles) {
        const std::size_t count = std::min(tiles - tile_x, block_tiles);
        for (std::size_t tile_y = first / 2; 2 * tile_y < last; ++tile_y) {
            transform_inputs(pixels, height, width, tile_y, tile_x, count, values.get());
            for (const Panel& panel : panels_) {
                multiply(panel, values.get(), count, products.get());
                store(panel, products.get(), width, tile_y, tile_x, count, residual, first, last, out);
            }
        }
    }
}

}  // namespace amsr::cpu
