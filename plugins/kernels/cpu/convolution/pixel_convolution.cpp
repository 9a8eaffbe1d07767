#include "cpu/convolution/pixel_convolution.h"

#include <algorithm>
#include <cassert>

#include "cpu/convolution/taps.h"

namespace amsr::cpu {

template <class T>
PixelConvolution<T>::PixelConvolution(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
                                      const Activation& activation)
    : form_(cheapest(set, shape, taps_first(weight, shape).data(), bias, activation)) {}

template <class T>
typename PixelConvolution<T>::Form PixelConvolution<T>::cheapest(InstructionSet set, const ConvolutionShape& shape,
                                                                 const T* weight, const T* bias,
                                                                 const Activation& activation) {
    const std::size_t direct = DirectConvolution<T>::vector_operations(set, shape, weight);
    const std::size_t products = TapProducts<T>::vector_operations(set, shape, weight);
    const std::size_t winograd = Winograd<T>::vector_operations(set, shape);
    if (winograd < std::min(direct, products)) {
        return std::make_unique<const Winograd<T>>(set, shape, weight, bias, activation);
    }
    if (products < direct) return std::make_unique<const TapProducts<T>>(set, shape, weight, bias, activation);
    return std::make_unique<const DirectConvolution<T>>(set, shape, weight, bias, activation);
}

template <class T>
void PixelConvolution<T>::run(const T* pixels, std::size_t height, std::size_t width, const PixelResidual<T>& residual,
                              std::size_t first, std::size_t last, T* out) const {
    assert(first <= last && last <= height);
    std::visit([&](const auto& form) { form->run(pixels, height, width, residual, first, last, out); }, form_);
}

template class PixelConvolution<float>;
template class PixelConvolution<float16>;
template class PixelConvolution<bfloat16>;

}  // namespace amsr::cpu
