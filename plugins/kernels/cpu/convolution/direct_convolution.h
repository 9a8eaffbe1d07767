// PixelConv2d tap by tap: any shape.
#pragma once

#include "cpu/convolution/pixel_residual.h"

namespace amsr::cpu {

template <class T>
class DirectConvolution {
  public:
    /// Operations of whole vectors for a pixel: what it costs.
    static std::size_t vector_operations(InstructionSet set, const ConvolutionShape& shape, const T* weight);

    /// weight [Co, k * k, Ci / groups] and bias [Co] are copied.
    DirectConvolution(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
                      const Activation& activation);

    /// As PixelConvolution::run.
    void run(const T* pixels, std::size_t height, std::size_t width, const PixelResidual<T>& residual,
             std::size_t first, std::size_t last, T* out) const;

  private:
    class Lines;

    ConvolutionShape shape_;
    std::size_t side_;  // k
    bool joined_;       // neighbours in a line are one tap: for few inputs
    Convolution<T> convolution_;
};

}  // namespace amsr::cpu
