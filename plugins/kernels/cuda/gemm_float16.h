// The GEMM on tensor cores: float16 in, float32 sums.
#pragma once

#include "gemm.h"

namespace amsr::cuda {

/// Sizes of a block of four warps, each with `blocks` x 16 rows.
template <int blocks, int tile, bool diagonal>
struct Float16Tile {
    static constexpr int chunk = diagonal ? diagonal_chunk : float16_chunk;
    static constexpr int row_bytes = 2 * chunk;
    static constexpr int warp_rows = 16 * blocks;
    static constexpr int rows = gemm_threads / 32 * warp_rows;
    static constexpr int weight_bytes = 2 * chunk * (diagonal ? mma_block : tile);
    static constexpr int stage_bytes = rows * row_bytes + weight_bytes;
    static constexpr int sum_stride = tile + 8;  // of 16 rows of sums of a warp, in banks of their own
    static constexpr int shared_bytes = gemm_stages * stage_bytes;  // and the table
    static_assert(gemm_threads / 32 * 16 * sum_stride * 4 <= shared_bytes, "sums take the stages' place");
};

/// Adds one chunk to a warp's sums.
template <int blocks, int tile, bool diagonal>
AMSR_DEVICE void add_chunk(const unsigned char* stage, float (&sums)[blocks][tile / 8][4]) {
    using Sizes = Float16Tile<blocks, tile, diagonal>;
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const auto* weights = reinterpret_cast<const Words4*>(stage + Sizes::rows * Sizes::row_bytes);
    AMSR_UNROLL
    for (int step = 0; step < Sizes::chunk / mma_depth; ++step) {
        std::uint32_t rows[blocks][4];
        AMSR_UNROLL
        for (int block = 0; block < blocks; ++block) {
            const unsigned char* first = stage + (warp * Sizes::warp_rows + block * 16) * Sizes::row_bytes;
            load_matrices(rows[block], first + swizzled<Sizes::row_bytes>(lane % 16, 2 * step + lane / 16));
        }
        constexpr int columns = diagonal ? 1 : tile / mma_block;
        AMSR_UNROLL
        for (int column = 0; column < columns; ++column) {
            const Words4 w = weights[(step * columns + column) * 32 + lane];
            const int at = diagonal ? step : column;
            AMSR_UNROLL
            for (int block = 0; block < blocks; ++block) {
                multiply_add(sums[block][2 * at], rows[block], w.x, w.y);
                multiply_add(sums[block][2 * at + 1], rows[block], w.z, w.w);
            }
        }
    }
}

/// `bytes`: what is loaded of a row at once. The blocks of the diagonal are the groups' only weights: others are zero.
template <int bytes, int blocks, int tile, bool diagonal, bool is_pointwise>
AMSR_KERNEL(gemm_threads)
gemm_float16(const Gemm gemm) {
    using Sizes = Float16Tile<blocks, tile, diagonal>;
    unsigned char* const stages = shared_memory();
    const BlockTile at = BlockTile::of(gemm, Sizes::rows);
    float sums[blocks][tile / 8][4] = {};
    for_each_chunk<float16, Sizes, bytes, is_pointwise>(
        gemm, at, stages, [&](const unsigned char* stage) { add_chunk<blocks, tile, diagonal>(stage, sums); });
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    float* const turned = reinterpret_cast<float*>(stages) + warp * 16 * Sizes::sum_stride;
    AMSR_UNROLL
    for (int block = 0; block < blocks; ++block) {
        AMSR_UNROLL
        for (int i = 0; i < tile / 8; ++i) {
            float* to = turned + lane / 4 * Sizes::sum_stride + i * 8 + lane % 4 * 2;
            to[0] = sums[block][i][0];
            to[1] = sums[block][i][1];
            to[8 * Sizes::sum_stride] = sums[block][i][2];
            to[8 * Sizes::sum_stride + 1] = sums[block][i][3];
        }
        __syncwarp();
        store<float16, tile>(gemm, turned, Sizes::sum_stride, 16, at.first_row + warp * Sizes::warp_rows + block * 16,
                             at.group, at.tile);
        __syncwarp();
    }
}

}  // namespace amsr::cuda
