// WindowLayer on the CPU: a whole Transformer layer of SwinIR on one window at a time. A window's features, weights and
// attention stay in a core's cache from the gather to the scatter.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/simd/aligned_bytes.h"
#include "cpu/simd/instruction_set.h"
#include "cpu/window_layer/code.h"

namespace amsr::cpu {

/// An image cut into square windows after a cyclic shift: window w covers pixels (y + shift, x + shift) of the image.
struct WindowGrid {
    std::int64_t height, width;  // multiples of window_size
    std::int64_t window_size;
    std::int64_t shift;  // in [0, window_size)

    std::int64_t window_count() const { return (height / window_size) * (width / window_size); }
};

/// One layer with its weights packed for the instruction set that runs it. Immutable, so threads may share it.
template <class T>
class WindowLayer {
  public:
    /// The weights are copied.
    WindowLayer(InstructionSet set, const WindowLayerShape& shape, const WindowLayerWeights<T>& weights, float epsilon);

    /// Replaces the pixels [H * W, C] of windows[first .. last) of `count`. Of equal neighbouring entries only the last
    /// is computed, so that ranges may run at the same time.
    void run(const std::int64_t* windows, std::size_t count, const WindowGrid& grid, std::size_t first,
             std::size_t last, T* pixels) const;

  private:
    const WindowLayerCode<T>& code_;
    WindowLayerShape shape_;
    float epsilon_;
    AlignedBytes packed_;
};

}  // namespace amsr::cpu
