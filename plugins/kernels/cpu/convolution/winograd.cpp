#include "cpu/convolution/winograd.h"

#include <algorithm>
#include <array>

#include "cpu/simd/hints.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

constexpr std::size_t block_tiles = 48;    // of 2 x 2 output pixels, side by side
constexpr std::size_t panel_outputs = 64;  // their products and transformed inputs stay in the L2 cache

/// Between the 16 values of a tile, `channels` wide: not a multiple of the page, or they would share one set of the L1
/// cache.
constexpr std::size_t value_stride(std::size_t channels) { return block_tiles * channels + cache_line / sizeof(float); }

/// G g: three taps as four.
std::array<float, 4> transform(float a, float b, float c) { return {a, (a + b + c) / 2, (a - b + c) / 2, c}; }

/// G g G^T of the taps of one input, which lie `stride` apart.
template <class T>
std::array<float, 16> transform_taps(const T* taps, std::size_t stride) {
    std::array<float, 4> lines[3];
    for (std::size_t y = 0; y < 3; ++y) {
        const T* line = taps + 3 * y * stride;
        lines[y] = transform(to_float(line[0]), to_float(line[stride]), to_float(line[2 * stride]));
    }
    std::array<float, 16> result;
    for (std::size_t x = 0; x < 4; ++x) {
        const std::array<float, 4> column = transform(lines[0][x], lines[1][x], lines[2][x]);
        for (std::size_t y = 0; y < 4; ++y) result[4 * y + x] = column[y];
    }
    return result;
}

}  // namespace

template <class T>
struct Winograd<T>::Block {
    std::size_t tile_y, tile_x, count;
    float* values;    // [16][block_tiles][whole vectors of inputs]
    float* products;  // [16][block_tiles][whole vectors of a panel's outputs]
    float* sums;      // [2][2 * block_tiles][the same]: of the pixels
};

template <class T>
std::vector<typename Winograd<T>::Panel> Winograd<T>::panels_of(const ConvolutionShape& shape) {
    std::vector<Panel> panels;
    for (OutputVector& run : output_vectors(shape, panel_outputs)) {
        const bool fits = !panels.empty() && panels.back().runs[0].group == run.group &&
                          panels.back().outputs + run.outputs.size() <= panel_outputs;
        if (!fits) panels.emplace_back();
        panels.back().outputs += run.outputs.size();
        panels.back().runs.push_back(std::move(run));
    }
    return panels;
}

template <class T>
std::size_t Winograd<T>::vector_operations(InstructionSet set, const ConvolutionShape& shape) {
    constexpr std::size_t transform = 220;  // of a vector of a tile: what its loads, sums and stores take, as measured
    const ConvolutionCode<T>& code = vector_code<ConvolutionCode<T>>(set);
    if (code.depth > 1 || shape.taps != 9 || shape.group_inputs() < 16) return unsuitable;
    std::size_t of_tile = transform * vectors_of(shape.inputs, code.lanes);
    for (const Panel& panel : panels_of(shape)) {
        of_tile += (transformed * shape.group_inputs() + transform) * vectors_of(panel.outputs, code.lanes);
    }
    return of_tile / 4;
}

template <class T>
Winograd<T>::Winograd(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
                      const Activation& activation)
    : code_(vector_code<ConvolutionCode<T>>(set)),
      shape_(shape),
      activation_(activation),
      value_channels_(in_whole_vectors(shape.inputs, code_.lanes)),
      zeros_(shape.inputs),
      panels_(panels_of(shape)) {
    for (Panel& panel : panels_) pack(set, weight, bias, panel);
}

/// The panel's biases, and its weights as those of 16 products.
template <class T>
void Winograd<T>::pack(InstructionSet set, const T* weight, const T* bias, Panel& panel) const {
    const std::size_t inputs = shape_.group_inputs();
    const ConvolutionShape products{in_whole_vectors(panel.outputs, code_.lanes), inputs, 1, 1};
    std::vector<float> weights[transformed];  // [outputs, inputs] each
    for (const OutputVector& run : panel.runs) {
        for (const std::size_t output : run.outputs) {
            panel.bias.push_back(to_float(bias[output]));
            for (std::size_t input = 0; input < inputs; ++input) {
                const auto values = transform_taps(weight + output * shape_.taps * inputs + input, inputs);
                for (std::size_t i = 0; i < transformed; ++i) weights[i].push_back(values[i]);
            }
        }
    }
    panel.bias.resize(products.outputs);
    const std::vector<float> zeros(products.outputs);
    for (std::size_t i = 0; i < transformed; ++i) {
        weights[i].resize(products.outputs * inputs);
        panel.products[i] =
            std::make_unique<const Convolution<float>>(set, products, weights[i].data(), zeros.data(), Activation{});
    }
}

template <class T>
void Winograd<T>::transform_inputs(const T* pixels, std::size_t height, std::size_t width, const Block& block) const {
    for (std::size_t tile = 0; tile < block.count; ++tile) {
        const T* sources[transformed];
        for (std::size_t i = 0; i < transformed; ++i) {
            // of the source, and 1
            const std::size_t below = 2 * block.tile_y + i / 4, right = 2 * (block.tile_x + tile) + i % 4;
            const bool inside = below >= 1 && below <= height && right >= 1 && right <= width;
            sources[i] = inside ? pixels + ((below - 1) * width + right - 1) * shape_.inputs : zeros_.data();
        }
        code_.winograd_input(sources, shape_.inputs, block.values + tile * value_channels_,
                             value_stride(value_channels_));
    }
}

template <class T>
void Winograd<T>::multiply(const Panel& panel, const Block& block) const {
    const float* first = block.values + panel.runs[0].group * shape_.group_inputs();
    for (std::size_t i = 0; i < transformed; ++i) {
        const float* sources[block_tiles + tile_rows_max];
        for (std::size_t tile = 0; tile < block_tiles + tile_rows_max; ++tile) {
            sources[tile] =
                first + i * value_stride(value_channels_) + std::min(tile, block.count - 1) * value_channels_;
        }
        const float* const* taps = sources;
        float* products = block.products + i * value_stride(panel.bias.size());
        panel.products[i]->run({&taps, block.count, nullptr, 0, products, 0, 1, 0});
    }
}

template <class T>
void Winograd<T>::transform_products(const Panel& panel, const Block& block) const {
    const std::size_t outputs = panel.bias.size();
    for (std::size_t tile = 0; tile < block.count; ++tile) {
        float* const upper = block.sums + 2 * tile * outputs;
        float* const lower = upper + 2 * block_tiles * outputs;
        float* const sums[4] = {upper, upper + outputs, lower, lower + outputs};
        code_.winograd_output(block.products + tile * outputs, value_stride(outputs), panel.bias.data(),
                              outputs / code_.lanes, sums);
    }
}

/// What the pixels of line y become.
template <class T>
void Winograd<T>::finish(const Panel& panel, const Block& block, std::size_t width, std::size_t y,
                         ResidualBlock<T>& residual, T* out) const {
    const std::size_t r = shape_.upscale, row = shape_.outputs / r, outputs = panel.bias.size();
    const std::size_t x = 2 * block.tile_x, count = std::min(width - x, 2 * block.count);
    const float* sums = block.sums + y % 2 * 2 * block_tiles * outputs;
    const T* residuals = residual.find(y, x, count);
    for (const OutputVector& run : panel.runs) {
        const T* added = residuals == nullptr ? nullptr : residuals + run.line * residual.line_stride() + run.column;
        code_.finish_sums(sums, outputs, count, run.outputs.size(), activation_, added,
                          out + ((y * r + run.line) * width + x) * row + run.column, row);
        sums += run.outputs.size();
    }
}

template <class T>
void Winograd<T>::run(const T* pixels, std::size_t height, std::size_t width, const PixelResidual<T>& residual,
                      std::size_t first, std::size_t last, T* out) const {
    const std::size_t tiles = (width + 1) / 2;
    const std::unique_ptr<float[]> values(new float[transformed * value_stride(value_channels_)]);
    const std::unique_ptr<float[]> products(new float[transformed * value_stride(panel_outputs)]);
    const std::unique_ptr<float[]> sums(new float[4 * block_tiles * panel_outputs + code_.lanes]);
    ResidualBlock<T> residual_block(residual, shape_, width, 2 * block_tiles);
    for (std::size_t tile_x = 0; tile_x < tiles; tile_x += block_tiles) {
        const std::size_t count = std::min(tiles - tile_x, block_tiles);
        for (std::size_t tile_y = first / 2; 2 * tile_y < last; ++tile_y) {
            const Block block{tile_y, tile_x, count, values.get(), products.get(), sums.get()};
            transform_inputs(pixels, height, width, block);
            for (const Panel& panel : panels_) {
                multiply(panel, block);
                transform_products(panel, block);
                for (std::size_t y = std::max(first, 2 * tile_y); y < std::min(last, 2 * tile_y + 2); ++y) {
                    finish(panel, block, width, y, residual_block, out);
                }
            }
        }
    }
}

template class Winograd<float>;
template class Winograd<float16>;
template class Winograd<bfloat16>;

}  // namespace amsr::cpu
