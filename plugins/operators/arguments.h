// One call of an operator, as its kernels read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "operator.h"

namespace amsr {

struct Arguments {
    const Operator& op;
    const Attributes& attributes;
    Lengths<Length> lengths;
    std::vector<const void*> inputs;  // in the operator's order; null where there is none yet
    Size size{};                      // of the picture, where there is an input `size`
    void* output = nullptr;

    std::int64_t length(const char* name) const { return lengths[name].value; }
    std::size_t count(const char* name) const { return static_cast<std::size_t>(length(name)); }
    std::int64_t integer(const char* attribute) const { return attributes.integer(attribute); }
    float number(const char* attribute) const { return attributes.number(attribute); }

    /// Null for an input that the operator does not have.
    const void* input(const char* name) const {
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (std::strcmp(op.inputs[i].name, name) == 0) return inputs[i];
        }
        return nullptr;
    }
    template <class T>
    const T* input(const char* name) const {
        return static_cast<const T*>(input(name));
    }

    /// Inputs of a pointwise convolution that are concatenated: they come first.
    std::size_t row_inputs() const {
        std::size_t count = 0;
        while (!op.inputs[count].is_weight) ++count;
        return count;
    }

    Activation activation() const {
        return {op.epilogue.activation, attributes.has("negative_slope") ? number("negative_slope") : 1.0f};
    }
};

}  // namespace amsr
