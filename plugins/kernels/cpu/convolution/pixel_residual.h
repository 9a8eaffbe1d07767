// What the forms of PixelConv2d share: what they cost where they can't be used, and what is added to their sums.
#pragma once

#include <limits>

#include "cpu/convolution/convolution.h"

namespace amsr::cpu {

/// What a form costs that a convolution can't be computed in.
constexpr std::size_t unsuitable = std::numeric_limits<std::size_t>::max();

template <class T>
struct PixelResidual {
    const T* values = nullptr;  // shaped as the output, or null
    bool is_nearest = false;    // [P, Co / r^2]: that of a pixel is added to all that the pixel becomes
};

/// The residuals of blocks of pixels, one block at a time, as the vector code reads them.
template <class T>
class ResidualBlock {
  public:
    ResidualBlock(const PixelResidual<T>& residual, const ConvolutionShape& shape, std::size_t width,
                  std::size_t pixels_max)
        : residual_(residual),
          r_(shape.upscale),
          channels_(shape.outputs / (r_ * r_)),
          width_(width),
          line_(residual.is_nearest ? pixels_max * r_ * channels_ : 0) {}

    std::size_t line_stride() const { return residual_.is_nearest ? 0 : width_ * r_ * channels_; }

    /// Those of `count` pixels from (y, x) on: lines [count][Co / r]; null where there are none.
    const T* find(std::size_t y, std::size_t x, std::size_t count) {
        if (residual_.values == nullptr) return nullptr;
        if (!residual_.is_nearest) return residual_.values + (y * r_ * width_ + x) * r_ * channels_;
        enlarge(residual_.values + (y * width_ + x) * channels_, count);
        return line_.data();
    }

  private:
    void enlarge(const T* from, std::size_t count) {
        T* to = line_.data();
        for (std::size_t i = 0; i < count; ++i, from += channels_, to += r_ * channels_) {
            for (std::size_t c = 0; c < channels_; ++c) {
                for (std::size_t j = 0; j < r_; ++j) to[j * channels_ + c] = from[c];
            }
        }
    }

    PixelResidual<T> residual_;
    std::size_t r_, channels_, width_;
    std::vector<T> line_;  // where a residual is enlarged
};

}  // namespace amsr::cpu
