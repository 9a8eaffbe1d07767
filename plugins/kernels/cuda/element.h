// What all CUDA kernels share. Functions here take raw device pointers and sizes, put their work on the stream, return
// without waiting, and report what the launch reports. Their pointers must be those of the current device, aligned as
// cudaMalloc aligns, or less where a header says so; only where a function says so may input and output be the same
// memory.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace amsr::cuda {

/// Type of activations and weights. Sums are made in float32 for both.
enum class ElementType : int { float32, float16 };

constexpr std::size_t bytes_of(ElementType type) { return type == ElementType::float32 ? 4 : 2; }

}  // namespace amsr::cuda
