// PixelConv2d: a convolution at all pixels of a picture [P, C], zero outside, whose output is written pixel-shuffled.
#pragma once

#include <memory>
#include <variant>

#include "cpu/convolution/direct_convolution.h"
#include "cpu/convolution/tap_products.h"
#include "cpu/convolution/winograd.h"

namespace amsr::cpu {

template <class T>
class PixelConvolution {
  public:
    /// weight [Co, Ci / groups, k, k] and bias [Co] are copied; shape.taps is k * k, k odd.
    PixelConvolution(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
                     const Activation& activation);

    /// Computes what lines [first .. last) of pixels [height * width, Ci] become: lines of out
    /// [height * r * width * r, Co / r^2].
    void run(const T* pixels, std::size_t height, std::size_t width, const PixelResidual<T>& residual,
             std::size_t first, std::size_t last, T* out) const;

  private:
    using Form = std::variant<std::unique_ptr<const DirectConvolution<T>>, std::unique_ptr<const TapProducts<T>>,
                              std::unique_ptr<const Winograd<T>>>;

    /// weight [Co, k * k, Ci / groups].
    static Form cheapest(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
                         const Activation& activation);

    Form form_;
};

}  // namespace amsr::cpu
