#include "cpu/convolution/pointwise.h"

#include <algorithm>
#include <cassert>

namespace amsr::cpu {

template <class T>
void Pointwise<T>::run(const T* const* tensors, const T* residual, std::size_t first, std::size_t last, T* out) const {
    assert(first <= last);
    constexpr std::size_t stride = convolution_block_rows + tile_rows_max;
    const std::size_t taps = shape().taps, inputs = shape().inputs, outputs = shape().outputs;
    std::vector<const T*> pointers(taps * stride, convolution_.zeros());
    std::vector<const T* const*> tap_rows(taps);
    for (std::size_t tap = 0; tap < taps; ++tap) tap_rows[tap] = pointers.data() + tap * stride;
    for (std::size_t begin = first; begin < last; begin += convolution_block_rows) {
        const std::size_t count = std::min(last - begin, convolution_block_rows);
        for (std::size_t tap = 0; tap < taps; ++tap) {
            const T* row = tensors[tap] + begin * inputs;
            for (std::size_t i = 0; i < count; ++i, row += inputs) pointers[tap * stride + i] = row;
        }
        convolution_.run({tap_rows.data(), count, residual == nullptr ? nullptr : residual + begin * outputs, 0,
                          out + begin * outputs, 0, 0, convolution_block_rows * inputs});
    }
}

template class Pointwise<float>;
template class Pointwise<float16>;
template class Pointwise<bfloat16>;

}  // namespace amsr::cpu
