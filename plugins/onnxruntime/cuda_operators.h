// The operators of the domain `amsr` for ONNX Runtime's CUDA provider, over the kernels in kernels/cuda: float32 and
// float16.
#pragma once

#include "c_api.h"

namespace amsr::ort {

/// Adds them to the domain, beside those of the CPU. Where a session has no CUDA provider they lie idle.
void add_cuda_operators(const Api& api, CustomOpDomain* domain);

}  // namespace amsr::ort
