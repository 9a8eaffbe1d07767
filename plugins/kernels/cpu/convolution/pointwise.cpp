#include "cpu/convolution/pointwise.h"

#include <algorithm>
#include <cassert>

#include "cpu/convolution/tap_rows.h"

namespace amsr::cpu {

template <class T>
void Pointwise<T>::run(const T* const* tensors, const T* residual, std::size_t first, std::size_t last, T* out) const {
    assert(first <= last);
    const std::size_t taps = shape().taps, inputs = shape().inputs, outputs = shape().outputs;
    TapRows<T> sources(taps, convolution_.zeros());
    for (std::size_t begin = first; begin < last; begin += convolution_block_rows) {
        const std::size_t count = std::min(last - begin, convolution_block_rows);
        for (std::size_t tap = 0; tap < taps; ++tap) {
            const T* row = tensors[tap] + begin * inputs;
            const T** const to = sources.of_tap(tap);
            for (std::size_t i = 0; i < count; ++i, row += inputs) to[i] = row;
        }
        convolution_.run({sources.taps(), count, residual == nullptr ? nullptr : residual + begin * outputs, 0,
                          out + begin * outputs, 0, 0, convolution_block_rows * inputs});
    }
}

template class Pointwise<float>;
template class Pointwise<float16>;
template class Pointwise<bfloat16>;

}  // namespace amsr::cpu
