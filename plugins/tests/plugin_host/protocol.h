// What TensorRT asks of a plugin from its creation to its first execution, and what the answers must be.
#pragma once

#include "plugin.h"

namespace amsr::host {

/// Builds, serialises, recreates and attaches the plugin of a scenario, checking every answer on the way. Returns the
/// plugin of an execution context, ready for enqueue.
Plugin walk_protocol(Library& library, const Scenario& scenario);

}  // namespace amsr::host
