// Checks of inputs and attributes that the operators of all execution providers share.
#pragma once

#include <limits>
#include <string>

#include "custom_operator.h"

namespace amsr::ort {

inline void require(bool condition, const std::string& message) {
    if (!condition) throw InvalidInput(message);
}

/// The named axes agree.
inline void require_equal(const char* what, std::size_t actual, std::size_t expected) {
    require(actual == expected,
            std::string(what) + " is " + std::to_string(actual) + ", not " + std::to_string(expected));
}

struct Size {
    std::int64_t height, width;
};

/// The input `size` [2].
inline Size read_size(const Call& call, std::size_t index) {
    const Tensor tensor = call.input(index, "size", 1);
    require_equal("the length of size", tensor.size(0), 2);
    const Size size{tensor.as<std::int64_t>()[0], tensor.as<std::int64_t>()[1]};
    require(size.height > 0 && size.width > 0 && size.height <= std::numeric_limits<std::int32_t>::max() / size.width,
            "size " + std::to_string(size.height) + " x " + std::to_string(size.width) + " is not that of a picture");
    return size;
}

inline std::int64_t window_size_of(const Node& node) {
    const std::int64_t window_size = node.attribute("window_size", std::int64_t{8});
    require(window_size > 0, "window_size " + std::to_string(window_size) + " is not positive");
    return window_size;
}

inline std::int64_t shift_of(const Node& node, std::int64_t window_size) {
    const std::int64_t shift = node.attribute("shift", std::int64_t{0});
    require(shift >= 0 && shift < window_size,
            "shift " + std::to_string(shift) + " is not in [0, " + std::to_string(window_size) + ")");
    return shift;
}

inline std::int64_t group_of(const Node& node) {
    const std::int64_t group = node.attribute("group", std::int64_t{1});
    require(group > 0, "group " + std::to_string(group) + " is not positive");
    return group;
}

inline std::int64_t upscale_of(const Node& node) {
    const std::int64_t upscale = node.attribute("upscale", std::int64_t{1});
    require(upscale > 0, "upscale " + std::to_string(upscale) + " is not positive");
    return upscale;
}

/// The input `residual`, shaped as the output.
template <class T>
const T* read_residual(const Call& call, std::size_t index, const Tensor& out) {
    const Tensor residual = call.input(index, "residual", 2);
    require_equal("the number of rows of residual", residual.size(0), out.size(0));
    require_equal("the number of channels of residual", residual.size(1), out.size(1));
    return residual.as<T>();
}

}  // namespace amsr::ort
