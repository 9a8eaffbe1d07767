// WindowLayer: a Transformer layer on SwinIR's windows after a cyclic shift. Window w covers the pixels (y + shift,
// x + shift) modulo the picture. Window numbers are non-decreasing; those outside the picture are left out.
#pragma once

#include "element.h"

namespace amsr::cuda {

struct WindowGrid {
    std::int64_t height, width;  // multiples of window_size
    std::int64_t window_size;
    std::int64_t shift;  // in [0, window_size)
};

/// Whether sides, window size and shift fit each other.
bool is_valid(const WindowGrid& grid);

struct WindowLayerShape {
    std::int64_t channels;  // C, a multiple of heads
    std::int64_t hidden;    // F, of the MLP
    std::int64_t heads;
    std::int64_t window_size;
};

/// One Transformer layer, device memory; norms, weights and biases of one element type, shapes as linear layers have
/// them.
struct WindowLayerWeights {
    const void *norm1_weight, *norm1_bias;  // [C]
    const void *qkv_weight, *qkv_bias;      // [3C, C], [3C]
    const void* position_bias;              // [heads, N, N], N = window_size ** 2
    const void *proj_weight, *proj_bias;    // [C, C], [C]
    const void *norm2_weight, *norm2_bias;  // [C]
    const void *fc1_weight, *fc1_bias;      // [F, C], [F]
    const void *fc2_weight, *fc2_bias;      // [C, F], [C]
};

/// Bytes of device memory for the packed weights of a layer; 0 where the kernel does not take the shape: it takes
/// windows of up to 64 pixels and what then fits the shared memory of the smallest supported GPU, and in float16 an
/// even number of up to 64 channels, 16 a head.
std::size_t packed_window_layer_bytes(ElementType type, const WindowLayerShape& shape);

/// Lays the weights out as window_layer reads them. Done once per layer; 16-byte aligned.
cudaError_t pack_window_layer(ElementType type, const WindowLayerShape& shape, const WindowLayerWeights& weights,
                              void* packed, cudaStream_t stream);

/// out [P, C] = pixels with the kept windows [M] replaced by a whole Transformer layer: norm, attention with position
/// bias and, where the grid is shifted, the shift mask, projection, shortcut, norm, MLP with exact GELU, shortcut. One
/// kernel; `out` may be `pixels`. grid.window_size is the shape's.
cudaError_t window_layer(ElementType type, const WindowLayerShape& shape, const WindowGrid& grid, const void* pixels,
                         const std::int64_t* windows, std::int64_t window_count, const void* packed, float epsilon,
                         void* out, cudaStream_t stream);

}  // namespace amsr::cuda
