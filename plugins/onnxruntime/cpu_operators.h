// The operators of the domain `amsr` for ONNX Runtime's CPU provider, over the kernels in kernels/cpu: float32, float16
// and bfloat16.
#pragma once

#include "c_api.h"

namespace amsr::ort {

void add_cpu_operators(const Api& api, CustomOpDomain* domain);

}  // namespace amsr::ort
