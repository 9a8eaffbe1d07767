#include "cpu/convolution/masked_convolution.h"

#include <algorithm>
#include <cassert>

#include "cpu/simd/prefetch.h"

namespace amsr::cpu {

template <class T>
MaskedConvolution<T>::MaskedConvolution(InstructionSet set, const ConvolutionShape& shape, const T* weight,
                                        const T* bias, const Activation& activation)
    : convolution_(set, shape, taps_first(weight, shape).data(), bias, activation), side_(square_root(shape.taps)) {}

template <class T>
bool MaskedConvolution<T>::run(const T* rows, std::size_t row_count, const T* surround, std::size_t pixel_count,
                               const std::int32_t* neighbors, const T* residual, std::size_t first, std::size_t last,
                               T* out) const {
    assert(first <= last && last <= row_count);
    constexpr std::size_t stride = convolution_block_rows + tile_rows_max;
    const std::size_t taps = shape().taps, inputs = shape().inputs, outputs = shape().outputs;
    const std::size_t outside = row_count + pixel_count;
    const auto place = [&](std::size_t row, std::size_t tap) {  // in rows, surround and zero, one after the other
        return std::size_t{static_cast<std::uint32_t>(neighbors[row * taps + tap])};
    };
    const auto address = [&](std::size_t source) {
        return source < row_count ? rows + source * inputs
               : source < outside ? surround + (source - row_count) * inputs
                                  : convolution_.zeros();
    };
    const auto fetch = [&](const T* row) {
        for (std::size_t byte = 0; byte < inputs * sizeof(T); byte += cache_line) {
            AMSR_PREFETCH(reinterpret_cast<const char*>(row) + byte, 0, 2);
        }
    };
    std::vector<const T*> pointers(taps * stride, convolution_.zeros());
    std::vector<const T* const*> tap_rows(taps);
    for (std::size_t tap = 0; tap < taps; ++tap) tap_rows[tap] = pointers.data() + tap * stride;
    for (std::size_t begin = first; begin < last; begin += convolution_block_rows) {
        const std::size_t end = std::min(last, begin + convolution_block_rows);
        for (std::size_t row = begin; row < end; ++row) {
            for (std::size_t tap = 0; tap < taps; ++tap) {
                const std::size_t source = place(row, tap);
                if (source > outside) return false;
                pointers[tap * stride + row - begin] = address(source);
            }
        }
        // What the next block reads for the first time comes from memory meanwhile: mostly the last tap of its rows,
        // and of the surround also the last taps of the lines above.
        for (std::size_t row = end; row < std::min(last, end + convolution_block_rows); ++row) {
            for (std::size_t tap = side_ - 1; tap < taps; tap += side_) {
                const std::size_t source = place(row, tap);
                if (tap + 1 == taps || source >= row_count) fetch(address(source));
            }
        }
        convolution_.run({tap_rows.data(), end - begin, residual == nullptr ? nullptr : residual + begin * outputs, 0,
                          out + begin * outputs, 0, taps - 1, 0});
    }
    return true;
}

template class MaskedConvolution<float>;
template class MaskedConvolution<float16>;
template class MaskedConvolution<bfloat16>;

}  // namespace amsr::cpu
