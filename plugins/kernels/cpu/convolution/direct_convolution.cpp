#include "cpu/convolution/direct_convolution.h"

#include <algorithm>

#include "cpu/convolution/taps.h"

namespace amsr::cpu {
namespace {

constexpr std::size_t joined_inputs_max = 8;  // more are worth taps of their own, and no copy with a border

bool joins(const ConvolutionShape& shape) {
    return shape.groups == 1 && shape.taps > 1 && shape.inputs <= joined_inputs_max;
}

/// With the taps of a line joined to one tap of k * Ci inputs: weights [Co, k, k, Ci] are [Co, k, k * Ci] too.
ConvolutionShape inner_shape(const ConvolutionShape& shape) {
    if (!joins(shape)) return shape;
    const std::size_t side = square_root(shape.taps);
    return {shape.outputs, side * shape.inputs, 1, side, shape.upscale};
}

}  // namespace

/// What the taps of a block read: `count` pixels of a line and k / 2 on both sides, of k lines.
template <class T>
class DirectConvolution<T>::Lines {
  public:
    explicit Lines(const DirectConvolution& convolution)
        : side_(convolution.side_),
          inputs_(convolution.shape_.inputs),
          joined_(convolution.joined_),
          zeros_(convolution.convolution_.zeros()),
          sources_(side_ * stride(), zeros_) {
        for (std::size_t line = 0; line < side_; ++line) {
            const T* const* start = sources_.data() + line * stride();
            for (std::size_t x = 0; x < (joined_ ? 1 : side_); ++x) taps_.push_back(start + x);
        }
        if (joined_) copies_.resize(side_ * stride() * inputs_);
    }

    void point(const T* pixels, std::size_t height, std::size_t width, std::size_t y, std::size_t x,
               std::size_t count) {
        for (std::size_t line = 0; line < side_; ++line) {
            const T** sources = sources_.data() + line * stride();
            const std::size_t below = y + line, radius = side_ / 2,
                              wanted = count + 2 * radius;  // below: source + radius
            const bool inside = below >= radius && below < height + radius;
            const T* const from = inside ? pixels + (below - radius) * width * inputs_ : nullptr;
            const std::size_t first = inside ? std::min(wanted, x < radius ? radius - x : 0) : wanted;
            const std::size_t last = inside ? std::min(wanted, width + radius - x) : wanted;
            if (joined_) {
                copy(from, x + first - radius, first, last, wanted, copies_.data() + line * stride() * inputs_);
                point_to_copies(sources, count, copies_.data() + line * stride() * inputs_);
            } else {
                std::fill(sources, sources + first, zeros_);
                for (std::size_t i = first; i < last; ++i) sources[i] = from + (x + i - radius) * inputs_;
                std::fill(sources + last, sources + stride(), zeros_);
            }
        }
    }

    const T* const* const* taps() const { return taps_.data(); }

  private:
    std::size_t stride() const { return convolution_block_rows + side_ + tile_rows_max; }

    /// A line with its border: pixels [first, last) of `wanted` come from the line, from its pixel `x` on.
    void copy(const T* from, std::size_t x, std::size_t first, std::size_t last, std::size_t wanted, T* to) const {
        std::fill(to, to + first * inputs_, T{});
        if (first < last) std::copy_n(from + x * inputs_, (last - first) * inputs_, to + first * inputs_);
        std::fill(to + last * inputs_, to + wanted * inputs_, T{});
    }

    void point_to_copies(const T** sources, std::size_t count, const T* copied) const {
        for (std::size_t i = 0; i < count; ++i) sources[i] = copied + i * inputs_;
        std::fill(sources + count, sources + stride(), zeros_);
    }

    std::size_t side_, inputs_;
    bool joined_;
    const T* zeros_;
    std::vector<const T*> sources_;      // [k][stride]
    std::vector<const T* const*> taps_;  // shifted views of the sources
    std::vector<T> copies_;              // [k][stride][inputs], where taps are joined
};

template <class T>
std::size_t DirectConvolution<T>::vector_operations(InstructionSet set, const ConvolutionShape& shape,
                                                    const T* weight) {
    return Convolution<T>::vector_operations(set, inner_shape(shape), weight);
}

template <class T>
DirectConvolution<T>::DirectConvolution(InstructionSet set, const ConvolutionShape& shape, const T* weight,
                                        const T* bias, const Activation& activation)
    : shape_(shape),
      side_(square_root(shape.taps)),
      joined_(joins(shape)),
      convolution_(set, inner_shape(shape), weight, bias, activation) {}

template <class T>
void DirectConvolution<T>::run(const T* pixels, std::size_t height, std::size_t width, const PixelResidual<T>& residual,
                               std::size_t first, std::size_t last, T* out) const {
    const std::size_t row = shape_.outputs / shape_.upscale, line = width * row;  // of the output
    Lines lines(*this);
    ResidualBlock<T> residual_block(residual, shape_, width, convolution_block_rows);
    // Blocks of one column after the other: what a line reads is still in the L2 cache for the next one.
    for (std::size_t x = 0; x < width; x += convolution_block_rows) {
        const std::size_t count = std::min(width - x, convolution_block_rows);
        for (std::size_t y = first; y < last; ++y) {
            lines.point(pixels, height, width, y, x, count);
            convolution_.run({lines.taps(), count, residual_block.find(y, x, count), residual_block.line_stride(),
                              out + y * shape_.upscale * line + x * row, line, convolution_.shape().taps - 1,
                              joined_ ? 0 : width * shape_.inputs});
        }
    }
}

template class DirectConvolution<float>;
template class DirectConvolution<float16>;
template class DirectConvolution<bfloat16>;

}  // namespace amsr::cpu
