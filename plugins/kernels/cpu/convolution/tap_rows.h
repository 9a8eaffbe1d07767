// What the taps of a block of rows read.
#pragma once

#include "cpu/convolution/convolution.h"

namespace amsr::cpu {

/// Addresses of rows [taps][stride]. What follows those of a block is read for the rest of its last tile.
template <class T>
class TapRows {
  public:
    static constexpr std::size_t stride = convolution_block_rows + tile_rows_max;

    TapRows(std::size_t taps, const T* zeros) : addresses_(taps * stride, zeros), taps_(taps) {
        for (std::size_t tap = 0; tap < taps; ++tap) taps_[tap] = of_tap(tap);
    }
    TapRows(const TapRows&) = delete;
    TapRows& operator=(const TapRows&) = delete;

    const T** of_tap(std::size_t tap) { return addresses_.data() + tap * stride; }

    const T* const* const* taps() const { return taps_.data(); }

  private:
    std::vector<const T*> addresses_;
    std::vector<const T* const*> taps_;
};

}  // namespace amsr::cpu
