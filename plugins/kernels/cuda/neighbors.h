// MaskNeighbors: where each masked pixel finds its neighbours.
#pragma once

#include "element.h"

namespace amsr::cuda {

/// Bytes of device memory that mask_neighbors needs for a picture of `pixel_count` pixels.
std::size_t mask_neighbors_workspace(std::int64_t pixel_count);

/// neighbors [Q, k * k] for index [Q], k odd: j < Q is row j, Q + p surround pixel p, Q + P the zero outside. Of equal
/// entries of the index the last is named. Q + P must be below 2^31.
cudaError_t mask_neighbors(const std::int64_t* index, std::int64_t row_count, std::int64_t height, std::int64_t width,
                           std::int64_t kernel_size, std::int32_t* neighbors, void* workspace, cudaStream_t stream);

}  // namespace amsr::cuda
