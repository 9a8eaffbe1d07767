#include "cpu/convolution/masked_convolution.h"

#include <algorithm>
#include <cassert>

#include "cpu/simd/hints.h"

namespace amsr::cpu {
namespace {

/// Finds the rows that a neighbour table names in memory.
template <class T>
class Sources {
  public:
    Sources(const T* rows, std::size_t row_count, const T* surround, std::size_t pixel_count, std::size_t channels)
        : row_count_(row_count),
          outside_(row_count + pixel_count),
          row_bytes_(channels * sizeof(T)),
          rows_(reinterpret_cast<std::uintptr_t>(rows)),
          surround_(reinterpret_cast<std::uintptr_t>(surround) - row_count * row_bytes_) {}

    std::size_t outside() const { return outside_; }
    bool is_surround(std::size_t source) const { return source >= row_count_; }

    /// Without a branch: along the edge of a mask it would be mispredicted. Of what is outside it has no meaning.
    const T* address(std::size_t source) const {
        return reinterpret_cast<const T*>((is_surround(source) ? surround_ : rows_) + source * row_bytes_);
    }

    void fetch(std::size_t source) const {
        const auto* row = reinterpret_cast<const char*>(address(source));
        for (std::size_t byte = 0; byte < row_bytes_; byte += cache_line) AMSR_PREFETCH(row + byte, 0, 2);
    }

  private:
    std::size_t row_count_, outside_, row_bytes_;
    std::uintptr_t rows_, surround_;  // the latter as if the surround followed the rows
};

std::size_t source_of(std::int32_t entry) { return static_cast<std::uint32_t>(entry); }

}  // namespace

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
    const std::size_t taps = shape().taps, outputs = shape().outputs;
    const Sources<T> sources(rows, row_count, surround, pixel_count, shape().inputs);
    std::vector<const T*> pointers(taps * stride, convolution_.zeros());
    std::vector<const T* const*> tap_rows(taps);
    for (std::size_t tap = 0; tap < taps; ++tap) tap_rows[tap] = pointers.data() + tap * stride;
    for (std::size_t begin = first; begin < last; begin += convolution_block_rows) {
        const std::size_t end = std::min(last, begin + convolution_block_rows);
        for (std::size_t row = begin; row < end; ++row) {
            const std::int32_t* const entries = neighbors + row * taps;
            const T** const to = pointers.data() + row - begin;
            std::size_t most = 0;
            for (std::size_t tap = 0; tap < taps; ++tap) {
                const std::size_t source = source_of(entries[tap]);
                to[tap * stride] = sources.address(source);
                most = std::max(most, source);
            }
            if (most < sources.outside()) continue;
            if (most > sources.outside()) return false;
            for (std::size_t tap = 0; tap < taps; ++tap) {
                if (source_of(entries[tap]) == most) to[tap * stride] = convolution_.zeros();
            }
        }
        // What the next block reads for the first time comes from memory meanwhile: mostly the last tap of its rows,
        // and of the surround also the last taps of the lines above.
        for (std::size_t row = end; row < std::min(last, end + convolution_block_rows); ++row) {
            for (std::size_t tap = side_ - 1; tap < taps; tap += side_) {
                const std::size_t source = source_of(neighbors[row * taps + tap]);
                if (tap + 1 == taps || sources.is_surround(source)) sources.fetch(source);
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
