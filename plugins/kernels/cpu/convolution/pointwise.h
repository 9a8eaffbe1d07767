// Pointwise: a 1x1 convolution of the concatenation of several tensors. Each tensor is one tap; nothing is
// concatenated.
#pragma once

#include "cpu/convolution/convolution.h"

namespace amsr::cpu {

template <class T>
class Pointwise {
  public:
    /// weight [Co, tensors * channels] and bias [Co] are copied.
    Pointwise(InstructionSet set, std::size_t tensors, std::size_t channels, std::size_t outputs, const T* weight,
              const T* bias, const Activation& activation)
        : convolution_(set, {outputs, channels, 1, tensors}, weight, bias, activation) {}

    /// Computes out[first .. last) of [Q, Co] from tensors [Q, channels], with residual [Q, Co] unless it is null.
    void run(const T* const* tensors, const T* residual, std::size_t first, std::size_t last, T* out) const;

  private:
    const ConvolutionShape& shape() const { return convolution_.shape(); }

    Convolution<T> convolution_;
};

}  // namespace amsr::cpu
