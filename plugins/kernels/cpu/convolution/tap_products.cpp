#include "cpu/convolution/tap_products.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "cpu/convolution/output_vectors.h"
#include "cpu/convolution/taps.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

constexpr std::size_t operations_per_run = 8;  // of a vector of sums: what its loads, sum and store take, as measured

/// Weights [Co, k * k, Ci] by where an output lies after the pixel shuffle: line i, column j * C + c.
template <class T>
class PlacedWeights {
  public:
    PlacedWeights(const ConvolutionShape& shape, const T* weight) : shape_(shape), weight_(weight) {}

    std::size_t output(std::size_t line, std::size_t column) const {
        const std::size_t r = shape_.upscale, channels = shape_.outputs / (r * r);
        return (column % channels * r + line) * r + column / channels;
    }

    const T* at(std::size_t tap, std::size_t line, std::size_t column) const {
        return weight_ + (output(line, column) * shape_.taps + tap) * shape_.inputs;
    }

    /// The columns [first, last) of a line outside of which a tap has no weights.
    std::pair<std::size_t, std::size_t> used_columns(std::size_t tap, std::size_t line) const {
        const auto is_used = [&](std::size_t column) {
            const T* values = at(tap, line, column);
            return std::any_of(values, values + shape_.inputs, [](T value) { return !(to_float(value) == 0.0f); });
        };
        std::size_t first = 0, last = shape_.outputs / shape_.upscale;
        while (first < last && !is_used(first)) ++first;
        while (first < last && !is_used(last - 1)) --last;
        return {first, last};
    }

  private:
    const ConvolutionShape& shape_;
    const T* weight_;
};

/// The products of a line of the kernel: those of a tap and a line of outputs lie side by side.
struct LineProducts {
    std::vector<std::vector<ProductRun>> runs;  // of each line of outputs
    std::size_t count = 0;
};

template <class T>
LineProducts line_products(const ConvolutionShape& shape, const PlacedWeights<T>& placed, std::size_t tap_y) {
    const std::size_t side = square_root(shape.taps);
    LineProducts products;
    products.runs.resize(shape.upscale);
    for (std::size_t tap_x = 0; tap_x < side; ++tap_x) {
        for (std::size_t line = 0; line < shape.upscale; ++line) {
            const auto [first, last] = placed.used_columns(tap_y * side + tap_x, line);
            if (first == last) continue;
            products.runs[line].push_back({first, last - first, tap_x, products.count});
            products.count += last - first;
        }
    }
    return products;
}

/// The weights [products, Ci] of a line of the kernel.
template <class T>
std::vector<float> product_weights(const ConvolutionShape& shape, const PlacedWeights<T>& placed, std::size_t tap_y,
                                   const LineProducts& products) {
    std::vector<float> weights(products.count * shape.inputs);
    for (std::size_t line = 0; line < shape.upscale; ++line) {
        for (const ProductRun& run : products.runs[line]) {
            for (std::size_t i = 0; i < run.count; ++i) {
                const T* from = placed.at(tap_y * square_root(shape.taps) + run.row, line, run.column + i);
                float* to = weights.data() + (run.first_product + i) * shape.inputs;
                std::transform(from, from + shape.inputs, to, [](T value) { return to_float(value); });
            }
        }
    }
    return weights;
}

}  // namespace

/// Pixels of a line that are computed together, and memory for what is made of them.
template <class T>
struct TapProducts<T>::Block {
    std::size_t y, x, count;
    float* sums;      // [upscale][block_pixels][sum_stride]
    float* products;  // of a line of the kernel
    std::vector<float>& widened;
};

template <class T>
std::size_t TapProducts<T>::vector_operations(InstructionSet set, const ConvolutionShape& shape, const T* weight) {
    const ConvolutionCode<T>& code = vector_code<ConvolutionCode<T>>(set);
    const std::size_t side = square_root(shape.taps);
    if (code.depth > 1 || shape.groups > 1 || side == 1 || side > convolution_block_rows / 2) return unsuitable;
    const std::size_t of_run = operations_per_run * vectors_of(shape.outputs / shape.upscale, code.lanes);
    const PlacedWeights<T> placed(shape, weight);
    std::size_t total = 0;
    for (std::size_t tap_y = 0; tap_y < side; ++tap_y) {
        const LineProducts products = line_products(shape, placed, tap_y);
        total += vectors_of(products.count, code.lanes) * shape.inputs;
        for (const auto& runs : products.runs) total += of_run * runs.size();
    }
    return total;
}

template <class T>
TapProducts<T>::TapProducts(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
                            const Activation& activation)
    : code_(vector_code<ConvolutionCode<T>>(set)),
      shape_(shape),
      side_(square_root(shape.taps)),
      activation_(activation),
      row_(shape.outputs / shape.upscale),
      sum_stride_(in_whole_vectors(row_, code_.lanes)),
      bias_(shape.upscale * sum_stride_) {
    const PlacedWeights<T> placed(shape, weight);
    for (std::size_t line = 0; line < shape.upscale; ++line) {
        for (std::size_t column = 0; column < row_; ++column) {
            bias_[line * sum_stride_ + column] = to_float(bias[placed.output(line, column)]);
        }
    }
    for (std::size_t tap_y = 0; tap_y < side_; ++tap_y) {
        LineProducts products = line_products(shape, placed, tap_y);
        const std::vector<float> weights = product_weights(shape, placed, tap_y, products), zeros(products.count);
        KernelLine& kernel_line = lines_.emplace_back();
        if (products.count > 0) {
            kernel_line.products = std::make_unique<const Convolution<float>>(
                set, ConvolutionShape{products.count, shape.inputs, 1, 1}, weights.data(), zeros.data(), Activation{});
        }
        kernel_line.runs = std::move(products.runs);
    }
}

/// Values as floats: in a buffer, where they are not floats as they are.
template <class T>
const float* TapProducts<T>::widened(const T* values, std::size_t count, std::vector<float>& buffer) const {
    if constexpr (std::is_same_v<T, float>) {
        return values;
    } else {
        buffer.resize(count);
        code_.widen(values, count, buffer.data());
        return buffer.data();
    }
}

template <class T>
void TapProducts<T>::start_sums(const Block& block) const {
    for (std::size_t line = 0; line < shape_.upscale; ++line) {
        for (std::size_t i = 0; i < block.count; ++i) {
            std::copy_n(bias_.data() + line * sum_stride_, sum_stride_,
                        block.sums + (line * block_pixels() + i) * sum_stride_);
        }
    }
}

/// The products of the block's pixels and of k / 2 on both sides of them; those of pixels outside the line are zero.
template <class T>
void TapProducts<T>::multiply(const Convolution<float>& products, const T* line, std::size_t width,
                              const Block& block) const {
    const std::size_t radius = side_ / 2, count = block.count + 2 * radius;
    const float* sources[convolution_block_rows + tile_rows_max];
    std::fill(std::begin(sources), std::end(sources), products.zeros());
    const std::size_t first = block.x < radius ? radius - block.x : 0;  // those inside
    const std::size_t last = std::min(count, width + radius - block.x);
    const float* pixel =
        widened(line + (block.x + first - radius) * shape_.inputs, (last - first) * shape_.inputs, block.widened);
    for (std::size_t i = first; i < last; ++i, pixel += shape_.inputs) sources[i] = pixel;
    const float* const* taps = sources;
    products.run({&taps, count, nullptr, 0, block.products, 0, 0, 0});
}

template <class T>
void TapProducts<T>::add_products(const KernelLine& kernel_line, const Block& block) const {
    for (std::size_t line = 0; line < shape_.upscale; ++line) {
        const std::vector<ProductRun>& runs = kernel_line.runs[line];
        code_.add_products(runs.data(), runs.size(), block.products, kernel_line.products->shape().outputs, block.count,
                           block.sums + line * block_pixels() * sum_stride_, sum_stride_);
    }
}

template <class T>
void TapProducts<T>::finish(const Block& block, std::size_t width, ResidualBlock<T>& residual, T* out) const {
    const T* added = residual.find(block.y, block.x, block.count);
    for (std::size_t line = 0; line < shape_.upscale; ++line) {
        code_.finish_sums(block.sums + line * block_pixels() * sum_stride_, sum_stride_, block.count, row_, activation_,
                          added == nullptr ? nullptr : added + line * residual.line_stride(),
                          out + ((block.y * shape_.upscale + line) * width + block.x) * row_, row_);
    }
}

template <class T>
void TapProducts<T>::run(const T* pixels, std::size_t height, std::size_t width, const PixelResidual<T>& residual,
                         std::size_t first, std::size_t last, T* out) const {
    const std::size_t radius = side_ / 2;
    std::vector<float> sums(shape_.upscale * block_pixels() * sum_stride_);
    std::vector<float> products(convolution_block_rows * side_ * shape_.outputs), buffer;
    ResidualBlock<T> residual_block(residual, shape_, width, block_pixels());
    for (std::size_t y = first; y < last; ++y) {
        for (std::size_t x = 0; x < width; x += block_pixels()) {
            const Block block{y, x, std::min(width - x, block_pixels()), sums.data(), products.data(), buffer};
            start_sums(block);
            for (std::size_t tap_y = 0; tap_y < side_; ++tap_y) {
                const KernelLine& kernel_line = lines_[tap_y];
                const std::size_t below = y + tap_y;  // the line that is read, and radius
                if (below < radius || below >= height + radius || !kernel_line.products) continue;
                multiply(*kernel_line.products, pixels + (below - radius) * width * shape_.inputs, width, block);
                add_products(kernel_line, block);
            }
            finish(block, width, residual_block, out);
        }
    }
}

template class TapProducts<float>;
template class TapProducts<float16>;
template class TapProducts<bfloat16>;

}  // namespace amsr::cpu
