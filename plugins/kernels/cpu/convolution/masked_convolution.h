// MaskedConv2d: a convolution at the masked pixels only. The neighbour table says what each tap of each pixel reads.
#pragma once

#include "cpu/convolution/convolution.h"

namespace amsr::cpu {

template <class T>
class MaskedConvolution {
  public:
    /// weight [Co, Ci / groups, k, k] and bias [Co] are copied; shape.taps is k * k.
    MaskedConvolution(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
                      const Activation& activation);

    /// Computes out[first .. last) of [Q, Co], with residual [Q, Co] unless it is null.
    /// rows [Q, Ci], surround [P, Ci], neighbors [Q, k * k]: j < Q is row j, Q + p surround pixel p, Q + P zero.
    /// Returns false, and leaves the rest undone, where the table names something else.
    bool run(const T* rows, std::size_t row_count, const T* surround, std::size_t pixel_count,
             const std::int32_t* neighbors, const T* residual, std::size_t first, std::size_t last, T* out) const;

  private:
    const ConvolutionShape& shape() const { return convolution_.shape(); }

    Convolution<T> convolution_;
    std::size_t side_;  // k
};

}  // namespace amsr::cpu
