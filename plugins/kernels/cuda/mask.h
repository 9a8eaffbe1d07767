// The mask (docs/architecture.md) on the GPU, so that a picture makes no round trip. Equal to amsr_deploy/mask/, and
// the same in every run: no sum depends on the order in which threads arrive.
#pragma once

#include "element.h"

namespace amsr::cuda {

/// A float32 RGB picture in [0, 1]; the network's input [1, 3, H, W] has pixel_step 1 and channel_step H * W.
struct Picture {
    const float* data;
    std::int64_t height, width;  // height * width below 2^31
    std::int64_t pixel_step, channel_step;
};

/// Bytes of device memory that compute_mask, mask_index and kept_windows need for a picture, whichever is called; 0
/// where there is no GPU to ask.
std::size_t mask_workspace(std::int64_t height, std::int64_t width);

/// mask [H, W], 1 where the network works: strategy `kmeans`, then dilation by a square of side `dilation` (odd).
/// threshold: one double, the split of the normalised high frequencies; negative where the picture is flat, NaN where
/// infinite values leave no detail that is large. Pixels that are not a number have no detail.
cudaError_t compute_mask(const Picture& picture, std::int64_t dilation, std::uint8_t* mask, double* threshold,
                         void* workspace, cudaStream_t stream);

/// index: positions y * W + x of the masked pixels, increasing; room for H * W. count: how many.
cudaError_t mask_index(const std::uint8_t* mask, std::int64_t height, std::int64_t width, std::int64_t* index,
                       std::int64_t* count, void* workspace, cudaStream_t stream);

/// windows: numbers of the windows whose share of masked pixels is at least `threshold` (Eq. 5) on the mask rolled by
/// -shift, increasing; room for (H / window_size) * (W / window_size). count: how many.
cudaError_t kept_windows(const std::uint8_t* mask, std::int64_t height, std::int64_t width, std::int64_t window_size,
                         std::int64_t shift, double threshold, std::int64_t* windows, std::int64_t* count,
                         void* workspace, cudaStream_t stream);

}  // namespace amsr::cuda
