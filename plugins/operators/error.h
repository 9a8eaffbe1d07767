// Errors that a user can cause.
#pragma once

#include <stdexcept>
#include <string>

namespace amsr {

/// A message for the user about an operator's attributes, inputs or use.
struct InvalidInput : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

inline void require(bool condition, const std::string& message) {
    if (!condition) throw InvalidInput(message);
}

}  // namespace amsr
