// What an operator of the domain `amsr` is: inputs, output and attributes as data, for all that runs it.
// amsr_deploy/models/operators.py defines what it computes, docs/operators.md tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attributes.h"
#include "epilogue.h"
#include "shape.h"

namespace amsr {

/// Type of a tensor's elements.
enum class Element {
    value,  // a floating-point type, the same for all such tensors of a node
    int32,
    int64,
    size,  // the input `size`: int64 [2], height and width of the picture
};

struct Tensor {
    const char* name;
    Element element;
    Shape shape;
    bool is_weight = false;  // usually a constant, which the kernels want laid out anew
};

struct Output {
    Element element;
    Shape shape;
};

/// What computes an operator. Operators that differ in their epilogue only, or in the number of inputs, share one.
enum class Kernel { mask_gather, mask_scatter, mask_neighbors, masked_conv2d, pointwise, pixel_conv2d, window_layer };

struct Operator {
    std::string name;
    Kernel kernel;
    std::vector<Tensor> inputs;
    Output output;
    std::vector<Attribute> attributes;
    Epilogue epilogue = epilogues::none;
    /// Axes that are whole numbers beside those of the tensors.
    Shape whole = "";
    /// Names that are odd numbers.
    std::vector<const char*> odd = {};
    /// The input that the output may overwrite; -1 for none.
    int in_place_input = -1;

    /// Place of the first input whose type is the node's; none for operators on positions only.
    std::optional<std::size_t> value_input() const;
};

/// All operators of the domain `amsr`, version 1.
const std::vector<Operator>& operators();

/// "MaskGather(pixels, index)".
std::string signature(const Operator& op);

/// The lengths of a call before its shapes are known: the attributes alone.
Lengths<Length> unknown_lengths(const Attributes& attributes);

/// Throws InvalidInput where attributes, each in its range, do not fit each other.
void check_attributes(const Operator& op, const Attributes& attributes);

/// Checks the inputs' shapes against the operator and names their lengths. Unknown lengths (-1) fit everything.
/// Throws InvalidInput.
Lengths<Length> named_lengths(const Operator& op, const Attributes& attributes,
                              const std::vector<std::vector<std::int64_t>>& shapes);

/// Height and width of a picture.
struct Size {
    std::int64_t height = 0, width = 0;
};

/// Throws InvalidInput where the values of the input `size` do not fit the lengths and attributes.
void check_size(const Operator& op, const Lengths<Length>& lengths, const Size& size);

/// What the sides of the picture are multiples of.
std::int64_t size_unit(const Lengths<Length>& lengths);

}  // namespace amsr
