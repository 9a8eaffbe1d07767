// Calls of the operators with known results: inputs, attributes, and what the definition of the operator gives for
// them, computed here in float64, one value at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace amsr::host {

enum class Kind { value, int32, int64 };

struct Array {
    std::string name;
    Kind kind;
    std::vector<std::int64_t> shape;
    std::vector<double> values;  // those of kind `value` can be stored in float16
};

using AttributeValue = std::variant<std::int32_t, float>;

struct Case {
    std::string name;  // what is particular about it
    std::string op;
    std::vector<Array> inputs;
    std::vector<std::pair<std::string, AttributeValue>> attributes;
    Array output;
    int in_place_input = -1;             // what the plugin should overwrite where it may
    std::int64_t height = 0, width = 0;  // of the picture, where there is an input `size`
};

/// Whether the operator has an input `size`.
inline bool has_size(const Case& known) {
    return std::any_of(known.inputs.begin(), known.inputs.end(),
                       [](const Array& input) { return input.name == "size"; });
}

/// Several cases for every operator: odd sizes, empty and full masks, groups, shifts.
std::vector<Case> all_cases();

}  // namespace amsr::host
