// The operators over the kernels in kernels/cuda, for ONNX Runtime's CUDA provider and for TensorRT.
#pragma once

#include "arguments.h"
#include "cuda/element.h"

namespace amsr::cuda {

/// Throws where CUDA reports an error.
void check(cudaError_t error);

/// How the kernels run a call, whose pointers are device memory.
struct Launch {
    ElementType type;
    cudaStream_t stream = nullptr;
    const void* packed = nullptr;  // the weights as the kernels read them
    void* workspace = nullptr;

    /// Bytes of so many values.
    std::size_t bytes(std::int64_t values) const { return static_cast<std::size_t>(values) * bytes_of(type); }
};

struct Kernels {
    /// Puts the work on the stream. What the input `index` or `windows` names outside the picture is not followed.
    cudaError_t (*run)(const Arguments& call, const Launch&);
    /// Device memory for the weights as the kernels read them; 0 where they take no such shape. Null without weights.
    std::size_t (*packed_bytes)(const Arguments& call, ElementType) = nullptr;
    cudaError_t (*pack)(const Arguments& call, ElementType, void* packed, cudaStream_t) = nullptr;
    /// Device memory that `run` needs for a picture of so many pixels; null for none.
    std::size_t (*workspace_bytes)(std::int64_t pixel_count) = nullptr;
};

Kernels kernels_of(Kernel kernel);

/// The bytes that packed_bytes says, 0 without weights. Throws InvalidInput where the kernels do not take weights of
/// that shape.
std::size_t checked_packed_bytes(const Kernels& kernels, const Arguments& call, ElementType type);

}  // namespace amsr::cuda
