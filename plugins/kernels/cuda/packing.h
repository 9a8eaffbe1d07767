// Where packed weights lie: in the order in which the GEMM of each element type reads them, so that a block's weights
// of a step are one contiguous piece of memory.
#pragma once

#include "convolution.h"
#include "device.h"

namespace amsr::cuda {

/// How a convolution is cut: depth (the sums' axis: tap, then input channel) into chunks, outputs into tiles.
struct PackedLayout {
    bool diagonal;      // groups of 16 -> 16 channels on tensor cores: four of them share a tile of 64 outputs
    int taps;           // k * k
    int groups;         // of the GEMM: the convolution's, or a quarter of them where diagonal
    int group_inputs;   // channels that a group of the GEMM reads
    int group_outputs;  // and makes
    int upscale;        // of the pixel shuffle
    int channels;       // that a group makes after it
    int chunk;          // depth of a chunk
    int tile;           // outputs of a tile
    int chunks;         // of a group
    int tiles;          // of a group
    int piece;          // elements of a tile's weights in one chunk

    AMSR_HOST_DEVICE int depth() const { return taps * group_inputs; }
    AMSR_HOST_DEVICE std::int64_t weights() const { return std::int64_t{groups} * tiles * chunks * piece; }
    AMSR_HOST_DEVICE std::int64_t biases() const { return std::int64_t{groups} * tiles * tile; }

    /// Results that lie side by side in memory: a line of a pixel's upscaled pixels, or the group's part of one.
    AMSR_HOST_DEVICE int run() const { return groups == 1 ? upscale * channels : channels; }
};

constexpr int float16_chunk = 32, diagonal_chunk = 64, float32_chunk = 16;
constexpr int largest_tile = 64;
constexpr int mma_depth = 16, mma_block = 16;  // two mma instructions side by side make 16 outputs
constexpr int mma_block_weights = mma_depth * mma_block;

/// The least multiple of 16 that holds the outputs, up to the largest. The threads of float32 cannot share 48 evenly.
inline int tile_of(ElementType type, int outputs) {
    const int tile = static_cast<int>(ceil_div(outputs, mma_block)) * mma_block;
    return tile > largest_tile || (tile == 48 && type == ElementType::float32) ? largest_tile : tile;
}

inline PackedLayout packed_layout(ElementType type, const ConvolutionShape& shape) {
    const int groups = static_cast<int>(shape.groups), taps = static_cast<int>(shape.kernel_size * shape.kernel_size);
    const int inputs = static_cast<int>(shape.inputs) / groups, outputs = static_cast<int>(shape.outputs) / groups;
    PackedLayout layout{};
    layout.diagonal = type == ElementType::float16 && inputs == mma_depth && outputs == mma_block && groups % 4 == 0 &&
                      shape.kernel_size <= 3 && shape.upscale == 1;
    const int merged = layout.diagonal ? 4 : 1;
    layout.taps = taps;
    layout.groups = groups / merged;
    layout.group_inputs = inputs * merged;
    layout.group_outputs = outputs * merged;
    layout.upscale = static_cast<int>(shape.upscale);
    layout.channels = layout.group_outputs / (layout.upscale * layout.upscale);
    layout.chunk = layout.diagonal ? diagonal_chunk : type == ElementType::float16 ? float16_chunk : float32_chunk;
    layout.tile = tile_of(type, layout.group_outputs);
    layout.chunks = static_cast<int>(ceil_div(layout.depth(), layout.chunk));
    layout.tiles = static_cast<int>(ceil_div(layout.group_outputs, layout.tile));
    layout.piece = layout.diagonal ? diagonal_chunk * mma_block : layout.chunk * layout.tile;
    return layout;
}

/// Depth and output, within their chunk and tile, of a packed float16 weight: what each lane hands to mma, in its
/// order. `place` counts within a block of 16 x 16.
struct BlockPlace {
    int depth, output;
};

AMSR_HOST_DEVICE BlockPlace mma_block_place(int place) {
    const int lane = place / 8, half = place % 8;
    return {half / 2 % 2 * 8 + lane % 4 * 2 + half % 2, half / 4 * 8 + lane / 4};
}

/// Which output of a group is the one at a position. They are packed in the order in which the pixel shuffle lays them
/// into memory, by line, column and channel, so that neighbours are stored together.
AMSR_HOST_DEVICE int packed_output(const PackedLayout& layout, int position) {
    return position % layout.channels * layout.upscale * layout.upscale + position / layout.channels;
}

/// Which weight of [Co, Ci / groups, taps] lies at a packed position; -1 for padding.
AMSR_HOST_DEVICE std::int64_t packed_source(ElementType type, const PackedLayout& layout, std::int64_t position) {
    const int within = static_cast<int>(position % layout.piece);
    const int chunk = static_cast<int>(position / layout.piece % layout.chunks);
    const int tile = static_cast<int>(position / layout.piece / layout.chunks % layout.tiles);
    const int group = static_cast<int>(position / layout.piece / layout.chunks / layout.tiles);
    int depth, output;
    if (type == ElementType::float16) {
        const int block = within / mma_block_weights, columns = layout.diagonal ? 1 : layout.tile / mma_block;
        const int step = block / columns, column = layout.diagonal ? step : block % columns;
        const BlockPlace place = mma_block_place(within % mma_block_weights);
        depth = chunk * layout.chunk + step * mma_depth + place.depth;
        output = tile * layout.tile + column * mma_block + place.output;
    } else {
        depth = chunk * layout.chunk + within / layout.tile;
        output = tile * layout.tile + within % layout.tile;
    }
    if (depth >= layout.depth() || output >= layout.group_outputs) return -1;
    const int tap = depth / layout.group_inputs, input = depth % layout.group_inputs;
    const int channels = layout.diagonal ? mma_depth : layout.group_inputs;
    const std::int64_t row = std::int64_t{group} * layout.group_outputs + packed_output(layout, output);
    return (row * channels + input % channels) * layout.taps + tap;
}

/// Which bias lies at a packed position; -1 for padding.
AMSR_HOST_DEVICE std::int64_t packed_bias_source(const PackedLayout& layout, std::int64_t position) {
    const int padded = layout.tiles * layout.tile;
    const int output = static_cast<int>(position % padded);
    if (output >= layout.group_outputs) return -1;
    return position / padded * layout.group_outputs + packed_output(layout, output);
}

}  // namespace amsr::cuda
