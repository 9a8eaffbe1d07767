// MaskGather and MaskScatter: moving rows between pixels [P, C] and the masked pixels. Rows are bytes here, so that one
// function serves all element types. Index entries outside [0, pixel_count) are not followed.
#pragma once

#include "element.h"

namespace amsr::cuda {

/// rows[i] = pixels[index[i]]; zero where the index lies outside.
cudaError_t mask_gather(const void* pixels, std::int64_t pixel_count, const std::int64_t* index, std::int64_t row_count,
                        std::size_t row_bytes, void* rows, cudaStream_t stream);

/// pixels[index[i]] = rows[i]. The index is non-decreasing; of equal entries only the last one is written. Other pixels
/// are left as they are: copy them before, unless this runs in place.
cudaError_t mask_scatter(const void* rows, const std::int64_t* index, std::int64_t row_count, std::int64_t pixel_count,
                         std::size_t row_bytes, void* pixels, cudaStream_t stream);

}  // namespace amsr::cuda
