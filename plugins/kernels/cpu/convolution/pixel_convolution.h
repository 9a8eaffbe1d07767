// PixelConv2d: a convolution at all pixels of a picture [P, C], zero outside, whose output is written pixel-shuffled.
#pragma once

#include <memory>

#include "cpu/convolution/tap_products.h"
#include "cpu/convolution/winograd.h"

namespace amsr::cpu {

template <class T>
class PixelConvolution {
  public:
    /// weight [Co, Ci / groups, k, k] and bias [Co] are copied; shape.taps is k * k, k odd.
    PixelConvolution(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
                     const Activation& activation);

    const ConvolutionShape& shape() const { return shape_; }

    /// Computes what lines [first .. last) of pixels [height * width, Ci] become: lines of out
    /// [height * r * width * r, Co / r^2].
    void run(const T* pixels, std::size_t height, std::size_t width, const PixelResidual<T>& residual,
             std::size_t first, std::size_t last, T* out) const;

  private:
    class Lines;

    ConvolutionShape shape_;
    std::size_t side_ = 1;  // k
    bool joined_;           // neighbours in a line are one tap: for few inputs
    Convolution<T> convolution_;
    std::unique_ptr<const TapProducts> products_;  // these two are null where they would not be faster
    std::unique_ptr<const Winograd> winograd_;
};

}  // namespace amsr::cpu
