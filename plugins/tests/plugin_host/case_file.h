// Cases from a text file, as tests/test_plugins.py writes them: those of tests/operator_cases.py, with what the PyTorch
// reference gives for them.
#pragma once

#include "cases.h"

namespace amsr::host {

/// Ends the program where the file is not one of cases.
///
/// A case is words and numbers between white space: `case NAME OPERATOR IN_PLACE_INPUT HEIGHT WIDTH`, then `int NAME
/// VALUE` or `float NAME VALUE` for attributes, `value|int32|int64 NAME AXES SIDES... VALUES...` for inputs, and the
/// output behind the word `output`.
std::vector<Case> read_cases(const std::string& path);

}  // namespace amsr::host
