// What plugins must refuse.
#pragma once

#include "library.h"

namespace amsr::host {

/// Bad fields and bad shapes are refused with one message that names them.
void check_refusals(Library& library);

}  // namespace amsr::host
