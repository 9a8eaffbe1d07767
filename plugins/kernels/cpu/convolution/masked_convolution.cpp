#include "cpu/convolution/masked_convolution.h"

#include <algorithm>
#include <cassert>

#include "cpu/convolution/tap_rows.h"
#include "cpu/convolution/taps.h"
#include "cpu/simd/hints.h"

namespace amsr::cpu {
namespace {

std::size_t source_of(std::int32_t entry) { return static_cast<std::uint32_t>(entry); }

/// Finds the rows that a neighbour table names in memory.
template <class T>
class Neighbors {
  public:
    Neighbors(const std::int32_t* table, std::size_t taps, const T* rows, std::size_t row_count, const T* surround,
              std::size_t pixel_count, std::size_t channels)
        : table_(table),
          taps_(taps),
          row_count_(row_count),
          outside_(row_count + pixel_count),
          row_bytes_(channels * sizeof(T)),
          rows_(reinterpret_cast<std::uintptr_t>(rows)),
          surround_(reinterpret_cast<std::uintptr_t>(surround) - row_count * row_bytes_) {}

    /// What the taps of rows [begin .. end) read. False where the table names something beyond the surround.
    bool find(std::size_t begin, std::size_t end, const T* zeros, TapRows<T>& sources) const {
        for (std::size_t row = begin; row < end; ++row) {
            const std::int32_t* const entries = table_ + row * taps_;
            const T** const to = sources.of_tap(0) + (row - begin);
            std::size_t most = 0;
            for (std::size_t tap = 0; tap < taps_; ++tap) {
                const std::size_t source = source_of(entries[tap]);
                to[tap * sources.stride] = address(source);
                most = std::max(most, source);
            }
            if (most < outside_) continue;
            if (most > outside_) return false;
            for (std::size_t tap = 0; tap < taps_; ++tap) {
                if (source_of(entries[tap]) == most) to[tap * sources.stride] = zeros;
            }
        }
        return true;
    }

    /// Fetches what rows [begin .. end) read for the first time: mostly the last tap, and of the surround also the last
    /// taps of the lines above.
    void fetch(std::size_t begin, std::size_t end, std::size_t side) const {
        for (std::size_t row = begin; row < end; ++row) {
            for (std::size_t tap = side - 1; tap < taps_; tap += side) {
                const std::size_t source = source_of(table_[row * taps_ + tap]);
                if (tap + 1 == taps_ || is_surround(source)) fetch(source);
            }
        }
    }

  private:
    bool is_surround(std::size_t source) const { return source >= row_count_; }

    /// Without a branch: along the edge of a mask it would be mispredicted. Of what is outside it has no meaning.
    const T* address(std::size_t source) const {
        return reinterpret_cast<const T*>((is_surround(source) ? surround_ : rows_) + source * row_bytes_);
    }

    void fetch(std::size_t source) const {
        const auto* row = reinterpret_cast<const char*>(address(source));
        for (std::size_t byte = 0; byte < row_bytes_; byte += cache_line) AMSR_PREFETCH(row + byte, 0, 2);
    }

    const std::int32_t* table_;  // [Q, taps]
    std::size_t taps_, row_count_, outside_, row_bytes_;
    std::uintptr_t rows_, surround_;  // the latter as if the surround followed the rows
};

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
    const std::size_t taps = shape().taps, outputs = shape().outputs;
    const Neighbors<T> table(neighbors, taps, rows, row_count, surround, pixel_count, shape().inputs);
    TapRows<T> sources(taps, convolution_.zeros());
    for (std::size_t begin = first; begin < last; begin += convolution_block_rows) {
        const std::size_t end = std::min(last, begin + convolution_block_rows);
        if (!table.find(begin, end, convolution_.zeros(), sources)) return false;
        table.fetch(end, std::min(last, end + convolution_block_rows), side_);  // comes from memory meanwhile
        convolution_.run({sources.taps(), end - begin, residual == nullptr ? nullptr : residual + begin * outputs, 0,
                          out + begin * outputs, 0, taps - 1, 0});
    }
    return true;
}

template class MaskedConvolution<float>;
template class MaskedConvolution<float16>;
template class MaskedConvolution<bfloat16>;

}  // namespace amsr::cpu
