// One execution of a plugin: what its kernels need beside the inputs.
#pragma once

#include <vector>

#include "operators/cuda_launch.h"
#include "operators/device_buffer.h"

namespace amsr::trt {

/// What a plugin keeps between executions in one context.
struct Kept {
    cuda::DeviceBuffer packed;             // the weights as the kernels read them
    std::vector<const void*> packed_from;  // their addresses when that was made
    cuda::DeviceBuffer workspace;          // where its size shows only during execution
    bool may_be_timed = false;             // made to build an engine: inputs may hold anything
};

/// Finds the size, lays out the weights, and puts the kernels' work on the stream.
///
/// The size is that of a picture where one was given: it is known from its shape. Else it is read from device memory,
/// which waits for the stream and cannot be captured in a CUDA graph. Weights are laid out in the first execution, and
/// again when their addresses change.
void execute(const cuda::Kernels& kernels, Arguments call, cuda::Launch launch, Kept& kept);

}  // namespace amsr::trt
