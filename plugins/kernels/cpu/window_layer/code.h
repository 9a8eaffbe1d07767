// What a window layer hands to the vector code of an instruction set (window_layer/SET.cpp), and what that offers.
#pragma once

#include <cstddef>
#include <cstdint>

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

}  // namespace amsr::cpu
