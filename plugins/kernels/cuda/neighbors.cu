#include "neighbors.h"

#include <limits>

#include "picture.h"

namespace amsr::cuda {
namespace {

constexpr int threads = 256;

/// rows_of [P]: the last row that shows each pixel; stays -1 where none does.
AMSR_KERNEL(threads)
find_rows(const std::int64_t* index, std::int32_t row_count, std::int32_t pixel_count, std::int32_t* rows_of) {
    const std::int64_t row = std::int64_t{blockIdx.x} * threads + threadIdx.x;
    if (row >= row_count) return;
    const std::int64_t pixel = index[row];
    if (pixel >= 0 && pixel < pixel_count) atomicMax(rows_of + pixel, static_cast<std::int32_t>(row));
}

AMSR_KERNEL(threads)
find_neighbors(const std::int64_t* index, std::int32_t row_count, int height, int width, int kernel_size,
               const std::int32_t* rows_of, std::int32_t* neighbors) {
    const std::int64_t at = std::int64_t{blockIdx.x} * threads + threadIdx.x;
    const int taps = kernel_size * kernel_size;
    if (at >= std::int64_t{row_count} * taps) return;
    const std::int64_t pixel = index[at / taps];
    const std::int32_t pixel_count = height * width;
    const bool inside = pixel >= 0 && pixel < pixel_count;
    const std::int32_t neighbor =
        inside ? picture_neighbor(pixel, static_cast<int>(at % taps), kernel_size, height, width) : -1;
    if (neighbor < 0) {
        neighbors[at] = row_count + pixel_count;
    } else {
        neighbors[at] = rows_of[neighbor] >= 0 ? rows_of[neighbor] : row_count + neighbor;
    }
}

}  // namespace

std::size_t mask_neighbors_workspace(std::int64_t pixel_count) {
    return static_cast<std::size_t>(pixel_count) * sizeof(std::int32_t);
}

cudaError_t mask_neighbors(const std::int64_t* index, std::int64_t row_count, std::int64_t height, std::int64_t width,
                           std::int64_t kernel_size, std::int32_t* neighbors, void* workspace, cudaStream_t stream) {
    constexpr std::int64_t limit = std::numeric_limits<std::int32_t>::max();
    if (row_count < 0 || height <= 0 || width <= 0 || height > limit / width || row_count > limit - height * width ||
        kernel_size <= 0 || kernel_size % 2 == 0 || kernel_size > 1024) {
        return cudaErrorInvalidValue;
    }
    const std::int64_t blocks = ceil_div(row_count * kernel_size * kernel_size, threads);
    if (blocks > limit) return cudaErrorInvalidValue;
    const auto rows = static_cast<std::int32_t>(row_count), pixels = static_cast<std::int32_t>(height * width);
    auto* rows_of = static_cast<std::int32_t*>(workspace);
    AMSR_RETURN_IF_ERROR(cudaMemsetAsync(workspace, 0xff, mask_neighbors_workspace(pixels), stream));
    AMSR_RETURN_IF_ERROR(launch(find_rows, dim3(static_cast<unsigned>(ceil_div(rows, threads))), threads, 0, stream,
                                index, rows, pixels, rows_of));
    return launch(find_neighbors, dim3(static_cast<unsigned>(blocks)), threads, 0, stream, index, rows,
                  static_cast<int>(height), static_cast<int>(width), static_cast<int>(kernel_size),
                  static_cast<const std::int32_t*>(rows_of), neighbors);
}

}  // namespace amsr::cuda
