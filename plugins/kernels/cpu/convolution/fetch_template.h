// Part of convolution/template.h: see there. What is fetched from memory while a tile is summed.
#pragma once

#include "cpu/convolution/epilogue_template.h"

/// What is fetched from memory while a tile is summed: what the block says for its rows, and the outputs that the tile
/// will write, with what is added to them. A few rows with each of the first taps, because more would hold up the loads
/// of the sums.
template <class V, int rows>
class TileFetch {
  public:
    using Storage = typename V::Storage;

    /// Inputs [first_input .. first_input + inputs) and outputs [column .. column + outputs) of a line are the tile's.
    AMSR_INLINE TileFetch(const PackedConvolution& packed, const ConvolutionBlock<Storage>& block,
                          std::size_t tap_count, std::size_t first_input, std::size_t inputs, std::size_t line,
                          std::size_t column, std::size_t outputs)
        : block_(block),
          taps_(packed.shape.taps),
          rows_per_tap_((2 * rows + tap_count - 1) / (tap_count > 0 ? tap_count : 1)),
          ahead_((first_input + block.ahead) * sizeof(Storage)),
          input_bytes_(inputs * sizeof(Storage)),
          row_stride_(packed.row_stride),
          out_(block.out + line * block.line_stride + column),
          residual_(further(block.residual, line * block.residual_line_stride + column)),
          outputs_(outputs) {}

    AMSR_INLINE void fetch(std::size_t row, std::size_t tap) const {
        const std::size_t first = tap * rows_per_tap_;
        if (first >= rows) return;
        const std::size_t last = first + rows_per_tap_ < rows ? first + rows_per_tap_ : rows;
        for (std::size_t r = first; r < last; ++r) fetch_row(row + r);
    }

  private:
    AMSR_INLINE void fetch_row(std::size_t row) const {
        for (std::size_t tap = block_.fetched_tap; tap < taps_; ++tap) {
            const std::uintptr_t source = reinterpret_cast<std::uintptr_t>(block_.taps[tap][row]) + ahead_;
            for (std::size_t byte = 0; byte < input_bytes_; byte += cache_line) {
                AMSR_PREFETCH(reinterpret_cast<const char*>(source + byte), 0, 3);
            }
        }
        if (row >= block_.rows) return;
        for (std::size_t o = row * row_stride_, end = o + outputs_; o < end; o += cache_line / sizeof(Storage)) {
            AMSR_PREFETCH(out_ + o, 1, 3);
            if (residual_ != nullptr) AMSR_PREFETCH(residual_ + o, 0, 3);
        }
    }

    const ConvolutionBlock<Storage>& block_;
    std::size_t taps_, rows_per_tap_, ahead_, input_bytes_, row_stride_;
    const Storage* out_;
    const Storage* residual_;
    std::size_t outputs_;
};
