// The taps of a square kernel, and weights in their order.
#pragma once

#include <cstddef>
#include <vector>

#include "cpu/convolution/code.h"

namespace amsr::cpu {

/// The side of a kernel of so many taps.
std::size_t square_root(std::size_t taps);

/// Weights [Co, Ci / groups, taps] as [Co, taps, Ci / groups].
template <class T>
std::vector<T> taps_first(const T* weight, const ConvolutionShape& shape);

}  // namespace amsr::cpu
