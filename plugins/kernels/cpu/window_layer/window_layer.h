// WindowLayer on the CPU: a whole Transformer layer of SwinIR on one window at a time. A window's features, weights and
// attention stay in a core's cache from the gather to the scatter.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/rows/rows.h"
#include "cpu/simd/aligned_bytes.h"
#include "cpu/simd/instruction_set.h"
#include "cpu/simd/storage.h"

namespace amsr::cpu {

struct WindowLayerShape {
    std::size_t channels;  // C, a multiple of heads
    std::size_t hidden;    // F, between the two layers of the MLP
    std::size_t heads;
    std::size_t tokens;  // N, pixels of a window
};

template <class T>
struct WindowLayerWeights {
    const T *norm1_weight, *norm1_bias;  // [C]
    const T *qkv_weight, *qkv_bias;      // [3C, C], [3C]: query, key and value, each of all heads
    const T* position_bias;              // [heads, N, N]
    const T *proj_weight, *proj_bias;    // [C, C], [C]
    const T *norm2_weight, *norm2_bias;  // [C]
    const T *fc1_weight, *fc1_bias;      // [F, C], [F]
    const T *fc2_weight, *fc2_bias;      // [C, F], [C]
};

/// The vector code of one instruction set for one storage type.
template <class T>
struct WindowLayerCode {
    std::size_t (*padded_tokens)(const WindowLayerShape&);
    std::size_t (*packed_bytes)(const WindowLayerShape&);
    std::size_t (*scratch_bytes)(const WindowLayerShape&);
    void (*pack)(const WindowLayerShape&, const WindowLayerWeights<T>&, void* packed);
    /// Replaces the rows [padded_tokens] of a window; those beyond N are read only. regions [N] says which pixels
    /// attend to each other, those of the same number in [0, 4); null where all do.
    void (*run)(const WindowLayerShape&, const void* packed, float epsilon, T* const* rows, const std::uint8_t* regions,
                void* scratch);
};

/// One layer with its weights packed for the instruction set that runs it. Immutable, so threads may share it.
template <class T>
class WindowLayer {
  public:
    /// The weights are copied.
    WindowLayer(InstructionSet set, const WindowLayerShape& shape, const WindowLayerWeights<T>& weights, float epsilon);

    const WindowLayerShape& shape() const { return shape_; }

    /// Replaces the pixels [H * W, C] of windows[first .. last) of `count`. Of equal neighbouring entries only the last
    /// is computed, so that ranges may run at the same time.
    void run(const std::int64_t* windows, std::size_t count, const WindowGrid& grid, std::size_t first,
             std::size_t last, T* pixels) const;

  private:
    const WindowLayerCode<T>* code_;
    WindowLayerShape shape_;
    float epsilon_;
    AlignedBytes packed_;
};

}  // namespace amsr::cpu
