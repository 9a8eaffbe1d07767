#include "rows.h"

#include "moves.h"

namespace amsr::cuda {
namespace {

struct Gather {
    const std::int64_t* index;
    std::int64_t pixel_count;

    AMSR_DEVICE Move operator()(std::int64_t row) const {
        const std::int64_t pixel = index[row];
        return {pixel < pixel_count ? pixel : -1, row};
    }
};

struct Scatter {
    const std::int64_t* index;
    std::int64_t row_count, pixel_count;

    AMSR_DEVICE Move operator()(std::int64_t row) const {
        const std::int64_t pixel = index[row];
        const bool repeated = row + 1 < row_count && index[row + 1] == pixel;
        return {row, !repeated && pixel < pixel_count ? pixel : -1};
    }
};

}  // namespace

cudaError_t mask_gather(const void* pixels, std::int64_t pixel_count, const std::int64_t* index, std::int64_t row_count,
                        std::size_t row_bytes, void* rows, cudaStream_t stream) {
    return move(pixels, rows, row_count, row_bytes, Gather{index, pixel_count}, stream);
}

cudaError_t mask_scatter(const void* rows, const std::int64_t* index, std::int64_t row_count, std::int64_t pixel_count,
                         std::size_t row_bytes, void* pixels, cudaStream_t stream) {
    return move(rows, pixels, row_count, row_bytes, Scatter{index, row_count, pixel_count}, stream);
}

}  // namespace amsr::cuda
