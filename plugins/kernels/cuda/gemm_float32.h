// The GEMM in float32 on the ordinary units: TF32 would lose digits, and who asks for float32 wants them.
#pragma once

#include "gemm.h"

namespace amsr::cuda {

/// Sizes of a block: each thread makes 4 outputs of several rows.
template <int tile>
struct Float32Tile {
    static constexpr int chunk = float32_chunk;
    static constexpr int row_bytes = 4 * chunk;
    static constexpr int rows = 64;
    static constexpr int across = tile / 4;             // threads side by side
    static constexpr int down = gemm_threads / across;  // threads below each other
    static constexpr int thread_rows = rows / down;
    static constexpr int weight_bytes = 4 * chunk * tile;
    static constexpr int stage_bytes = rows * row_bytes + weight_bytes;
    static constexpr int sum_stride = tile + 4;
    static constexpr int shared_bytes = gemm_stages * stage_bytes;  // and the table
    static_assert(rows * sum_stride * 4 <= shared_bytes, "sums take the stages' place");
    static_assert(down % 8 == 0, "a thread's rows lie alike");
};

using Floats4 = Values<float, 4>;

template <int tile>
AMSR_DEVICE void add_chunk(const unsigned char* stage, float (&sums)[Float32Tile<tile>::thread_rows][4]) {
    using Sizes = Float32Tile<tile>;
    const int column = static_cast<int>(threadIdx.x) % Sizes::across,
              line = static_cast<int>(threadIdx.x) / Sizes::across;
    const auto* weights = reinterpret_cast<const Floats4*>(stage + Sizes::rows * Sizes::row_bytes) + column;
    AMSR_UNROLL
    for (int step = 0; step < Sizes::chunk / 4; ++step) {
        Floats4 w[4];
        AMSR_UNROLL
        for (int i = 0; i < 4; ++i) w[i] = weights[(4 * step + i) * Sizes::across];
        AMSR_UNROLL
        for (int r = 0; r < Sizes::thread_rows; ++r) {
            const unsigned char* first = stage + r * Sizes::down * Sizes::row_bytes;
            const Floats4 values = *reinterpret_cast<const Floats4*>(first + swizzled<Sizes::row_bytes>(line, step));
            AMSR_UNROLL
            for (int i = 0; i < 4; ++i) {
                AMSR_UNROLL
                for (int n = 0; n < 4; ++n) sums[r][n] += values.values[i] * w[i].values[n];
            }
        }
    }
}

template <int bytes, int tile, bool is_pointwise>
AMSR_KERNEL(gemm_threads)
gemm_float32(const Gemm gemm) {
    using Sizes = Float32Tile<tile>;
    unsigned char* const stages = shared_memory();
    const BlockTile at = BlockTile::of(gemm, Sizes::rows);
    float sums[Sizes::thread_rows][4] = {};
    for_each_chunk<float, Sizes, bytes, is_pointwise>(
        gemm, at, stages, [&](const unsigned char* stage) { add_chunk<tile>(stage, sums); });
    float* const turned = reinterpret_cast<float*>(stages);
    const int column = static_cast<int>(threadIdx.x) % Sizes::across,
              line = static_cast<int>(threadIdx.x) / Sizes::across;
    AMSR_UNROLL
    for (int r = 0; r < Sizes::thread_rows; ++r) {
        AMSR_UNROLL
        for (int n = 0; n < 4; ++n) turned[(line + r * Sizes::down) * Sizes::sum_stride + 4 * column + n] = sums[r][n];
    }
    __syncthreads();
    const int warp = static_cast<int>(threadIdx.x) / 32;
    constexpr int warp_rows = Sizes::rows / (gemm_threads / 32);
    store<float, tile>(gemm, turned + warp * warp_rows * Sizes::sum_stride, Sizes::sum_stride, warp_rows,
                       at.first_row + warp * warp_rows, at.group, at.tile);
}

}  // namespace amsr::cuda
