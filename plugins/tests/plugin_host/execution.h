// Execution on a GPU, compared with the definition.
#pragma once

#include "protocol.h"

namespace amsr::host {

/// Runs the plugin of an execution context: twice, in place where it offers that, and from a CUDA graph.
void check_execution(Library& library, const Scenario& scenario, nvinfer1::IPluginV3& plugin);

}  // namespace amsr::host
