#include "convolution.h"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "convolution_code.h"

namespace amsr::cpu {
namespace {

constexpr std::size_t alignment = cache_line;  // and the widest vector

const ConvolutionCode<float>* code_for(InstructionSet set, const float*) {
    switch (set) {
#ifdef AMSR_X86
        case InstructionSet::avx512_bf16:
        case InstructionSet::avx512:
            return &avx512_float;
        case InstructionSet::avx2:
            return &avx2_float;
#endif
#ifdef AMSR_NEON
        case InstructionSet::neon:
            return &neon_float;
#endif
        default:
            return &portable_float;
    }
}

const ConvolutionCode<float16>* code_for(InstructionSet set, const float16*) {
    switch (set) {
#ifdef AMSR_X86
        case InstructionSet::avx512_bf16:
        case InstructionSet::avx512:
            return &avx512_float16;
        case InstructionSet::avx2:
            return &avx2_float16;
#endif
#ifdef AMSR_NEON
        case InstructionSet::neon:
            return &neon_float16;
#endif
        default:
            return &portable_float16;
    }
}

const ConvolutionCode<bfloat16>* code_for(InstructionSet set, const bfloat16*) {
    switch (set) {
#ifdef AMSR_X86
        case InstructionSet::avx512_bf16:
            return &avx512_bf16_bfloat16;
        case InstructionSet::avx512:
            return &avx512_bfloat16;
        case InstructionSet::avx2:
            return &avx2_bfloat16;
#endif
#ifdef AMSR_NEON
        case InstructionSet::neon:
            return &neon_bfloat16;
#endif
        default:
            return &portable_bfloat16;
    }
}

}  // namespace

template <class T>
Convolution<T>::Convolution(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
                            float negative_slope)
    : code_(code_for(set, weight)), shape_(shape), negative_slope_(negative_slope), zeros_(shape.inputs) {
    if (shape.groups == 0 || shape.inputs % shape.groups != 0 || shape.outputs % shape.groups != 0) {
        throw std::invalid_argument("channels are not a multiple of the groups");
    }
    while (side_ * side_ < shape.taps) ++side_;
    std::size_t room = code_->packed_bytes(shape) + alignment;
    weights_.resize(room);
    aligned_weights_ = weights_.data();
    std::align(alignment, room - alignment, aligned_weights_, room);
    bias_.resize(code_->padded_outputs(shape));
    code_->pack(shape, weight, bias, aligned_weights_, bias_.data());
}

template <class T>
bool Convolution<T>::run(const T* rows, std::size_t row_count, const T* surround, std::size_t pixel_count,
                         const std::int32_t* neighbors, std::size_t first, std::size_t last, T* out) const {
    constexpr std::size_t stride = convolution_block_rows + tile_rows_max;
    const std::size_t taps = shape_.taps, inputs = shape_.inputs, outside = row_count + pixel_count;
    const auto place = [&](std::size_t row, std::size_t tap) {  // in rows, surround and zero, one after the other
        return std::size_t{static_cast<std::uint32_t>(neighbors[row * taps + tap])};
    };
    const auto address = [&](std::size_t source) {
        return source < row_count ? rows + source * inputs
               : source < outside ? surround + (source - row_count) * inputs
                                  : zeros_.data();
    };
    const auto fetch = [&](const T* row) {
        for (std::size_t byte = 0; byte < inputs * sizeof(T); byte += cache_line) {
            AMSR_PREFETCH(reinterpret_cast<const char*>(row) + byte, 0, 2);
        }
    };
    std::vector<const T*> pointers(taps * stride, zeros_.data());
    for (std::size_t begin = first; begin < last; begin += convolution_block_rows) {
        const std::size_t end = std::min(last, begin + convolution_block_rows);
        for (std::size_t row = begin; row < end; ++row) {
            for (std::size_t tap = 0; tap < taps; ++tap) {
                const std::size_t source = place(row, tap);
                if (source > outside) return false;
                pointers[tap * stride + row - begin] = address(source);
            }
        }
        // What the next block reads for the first time comes from memory meanwhile: mostly the last tap of its rows, and
        // of the surround also the last taps of the lines above.
        for (std::size_t row = end; row < std::min(last, end + convolution_block_rows); ++row) {
            for (std::size_t tap = side_ - 1; tap < taps; tap += side_) {
                const std::size_t source = place(row, tap);
                if (tap + 1 == taps || source >= row_count) fetch(address(source));
            }
        }
        code_->run(shape_, {pointers.data(), stride, end - begin, aligned_weights_, bias_.data(), negative_slope_,
                            out + begin * shape_.outputs});
    }
    return true;
}

template class Convolution<float>;
template class Convolution<float16>;
template class Convolution<bfloat16>;

}  // namespace amsr::cpu
