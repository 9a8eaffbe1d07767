#include "cpu/convolution/tap_products.h"

#include <algorithm>
#include <utility>

#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

constexpr std::size_t operations_per_run = 8;  // of a vector of sums: what its loads, sum and store take, as measured

/// Weights [Co, k * k, Ci] by where an output lies after the pixel shuffle: line i, column j * C + c.
class PlacedWeights {
  public:
    PlacedWeights(const ConvolutionShape& shape, const float* weight) : shape_(shape), weight_(weight) {}

    std::size_t output(std::size_t line, std::size_t column) const {
        const std::size_t r = shape_.upscale, channels = shape_.outputs / (r * r);
        return (column % channels * r + line) * r + column / channels;
    }

    const float* at(std::size_t tap, std::size_t line, std::size_t column) const {
        return weight_ + (output(line, column) * shape_.taps + tap) * shape_.inputs;
    }

    /// The columns [first, last) of a line outside of which a tap has no weights.
    std::pair<std::size_t, std::size_t> used_columns(std::size_t tap, std::size_t line) const {
        const auto is_used = [&](std::size_t column) {
            const float* values = at(tap, line, column);
            return std::any_of(values, values + shape_.inputs, [](float value) { return !(value == 0.0f); });
        };
        std::size_t first = 0, last = shape_.outputs / shape_.upscale;
        while (first < last && !is_used(first)) ++first;
        while (first < last && !is_used(last - 1)) --last;
        return {first, last};
    }

  private:
    const ConvolutionShape& shape_;
    const float* weight_;
};

}  // namespace

bool TapProducts::suits(const ConvolutionShape& shape) {
    return shape.groups == 1 && shape.taps > 1 && square_root(shape.taps) <= convolution_block_rows / 2;
}

TapProducts::TapProducts(InstructionSet set, const ConvolutionShape& shape, const float* weight, const float* bias,
                         const Activation& activation)
    : code_(vector_code<ConvolutionCode<float>>(set)),
      shape_(shape),
      side_(square_root(shape.taps)),
      activation_(activation),
      row_(shape.outputs / shape.upscale),
      sum_stride_((row_ + code_.lanes - 1) / code_.lanes * code_.lanes),
      bias_(shape.upscale * sum_stride_) {
    const PlacedWeights placed(shape, weight);
    for (std::size_t line = 0; line < shape.upscale; ++line) {
        for (std::size_t column = 0; column < row_; ++column) {
            bias_[line * sum_stride_ + column] = bias[placed.output(line, column)];
        }
    }
    for (std::size_t tap_y = 0; tap_y < side_; ++tap_y) {
        KernelLine kernel_line;
        kernel_line.runs.resize(shape.upscale);
        std::vector<float> chosen;  // [products, Ci]
        for (std::size_t tap_x = 0; tap_x < side_; ++tap_x) {
            for (std::size_t line = 0; line < shape.upscale; ++line) {
                const std::size_t tap = tap_y * side_ + tap_x;
                const auto [first, last] = placed.used_columns(tap, line);
                if (first == last) continue;
                kernel_line.runs[line].push_back({first, last - first, tap_x, chosen.size() / shape.inputs});
                for (std::size_t column = first; column < last; ++column) {
                    chosen.insert(chosen.end(), placed.at(tap, line, column),
                                  placed.at(tap, line, column) + shape.inputs);
                }
            }
        }
        if (!chosen.empty()) {
            const ConvolutionShape products{chosen.size() / shape.inputs, shape.inputs, 1, 1};
            const std::vector<float> zeros(products.outputs);
            kernel_line.products =
                std::make_unique<const Convolution<float>>(set, products, chosen.data(), zeros.data(), Activation{});
        }
        lines_.push_back(std::move(kernel_line));
    }
}

std::size_t TapProducts::vector_operations() const {
    std::size_t total = 0;
    for (const KernelLine& line : lines_) {
        if (line.products) total += line.products->vector_operations();
        for (const auto& runs : line.runs) total += operations_per_run * runs.size() * (sum_stride_ / code_.lanes);
    }
    return total;
}

/// The products of `count` pixels of a line from x - k / 2 on; those of pixels outside the line are zero.
void TapProducts::multiply(const Convolution<float>& products, const float* line, std::size_t width, std::size_t x,
                           std::size_t count, float* out) const {
    const std::size_t radius = side_ / 2;
    const float* sources[convolution_block_rows + tile_rows_max];
    std::fill(std::begin(sources), std::end(sources), products.zeros());
    for (std::size_t i = 0; i < count; ++i) {
        if (x + i >= radius && x + i < width + radius) sources[i] = line + (x + i - radius) * shape_.inputs;
    }
    const float* const* taps = sources;
    products.run({&taps, count, nullptr, 0, out, 0, 0, 0});
}

void TapProducts::run(const float* pixels, std::size_t height, std::size_t width, const PixelResidual<float>& residual,
                      std::size_t first, std::size_t last, float* out) const {
    const std::size_t r = shape_.upscale, radius = side_ / 2, block = convolution_block_rows - 2 * radius;
    std::vector<float> sums(r * block * sum_stride_);
    std::vector<float> products(convolution_block_rows * side_ * shape_.outputs);
    ResidualBlock<float> residual_block(residual, shape_, width, block);
    for (std::size_t y = first; y < last; ++y) {
        for (std::size_t x = 0; x < width; x += block) {
            const std::size_t count = std::min(width - x, block);
            for (std::size_t line = 0; line < r; ++line) {
                for (std::size_t i = 0; i < count; ++i) {
                    std::copy_n(bias_.data() + line * sum_stride_, sum_stride_,
                                sums.data() + (line * block + i) * sum_stride_);
                }
            }
            for (std::size_t tap_y = 0; tap_y < side_; ++tap_y) {
                const KernelLine& kernel_line = lines_[tap_y];
                const std::size_t below = y + tap_y;  // the line that is read, and radius
                if (below < radius || below >= height + radius || !kernel_line.products) continue;
                const std::size_t stride = kernel_line.products->shape().outputs;
                multiply(*kernel_line.products, pixels + (below - radius) * width * shape_.inputs, width, x,
                         count + 2 * radius, products.data());
                for (std::size_t line = 0; line < r; ++line) {
                    code_.add_products(kernel_line.runs[line].data(), kernel_line.runs[line].size(), products.data(),
                                       stride, count, sums.data() + line * block * sum_stride_, sum_stride_);
                }
            }
            const float* added = residual_block.find(y, x, count);
            for (std::size_t line = 0; line < r; ++line) {
                code_.finish_sums(sums.data() + line * block * sum_stride_, sum_stride_, count, row_, activation_,
                                  added == nullptr ? nullptr : added + line * residual_block.line_stride(),
                                  out + ((y * r + line) * width + x) * row_, row_);
            }
        }
    }
}

}  // namespace amsr::cpu
