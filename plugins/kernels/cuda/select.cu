#include "select.h"

#include <thrust/iterator/counting_iterator.h>

#include <cub/device/device_select.cuh>

namespace amsr::cuda {

cudaError_t select_workspace(std::int64_t count, std::size_t& bytes) {
    const thrust::counting_iterator<std::int64_t> numbers(0);
    std::int64_t* none = nullptr;
    return cub::DeviceSelect::Flagged(nullptr, bytes, numbers, static_cast<const std::uint8_t*>(nullptr), none, none,
                                      count);
}

cudaError_t select(const std::uint8_t* flags, std::int64_t count, std::int64_t* positions, std::int64_t* selected,
                   void* workspace, std::size_t workspace_bytes, cudaStream_t stream) {
    const thrust::counting_iterator<std::int64_t> numbers(0);
    return cub::DeviceSelect::Flagged(workspace, workspace_bytes, numbers, flags, positions, selected, count, stream);
}

}  // namespace amsr::cuda
