// Compaction: the positions of what is set.
#pragma once

#include "element.h"

namespace amsr::cuda {

/// Bytes of device memory that `select` needs.
cudaError_t select_workspace(std::int64_t count, std::size_t& bytes);

/// positions: where flags [count] are not zero, increasing; selected: how many.
cudaError_t select(const std::uint8_t* flags, std::int64_t count, std::int64_t* positions, std::int64_t* selected,
                   void* workspace, std::size_t workspace_bytes, cudaStream_t stream);

}  // namespace amsr::cuda
