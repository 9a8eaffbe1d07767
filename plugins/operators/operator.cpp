#include "operator.h"

#include <limits>

#include "error.h"

namespace amsr {
namespace {

std::string text_of(const Tensor& tensor, std::size_t axis) {
    return "axis " + std::to_string(axis) + " of " + tensor.name + " (" + tensor.shape.axes[axis].text + ")";
}

/// Names what an axis says of its only unknown name: where "3*C" is 180, C is 60.
void solve(Lengths<Length>& lengths, const Tensor& tensor, std::size_t place, Length extent) {
    const Factor* unknown = nullptr;
    std::int64_t multiplier = 1, divisor = 1;
    for (const Factor& factor : tensor.shape.axes[place].factors) {
        const std::optional<Length> length = lengths.get(factor);
        if (length && length->known()) {
            (factor.divides ? divisor : multiplier) *= length->value;
        } else if (unknown != nullptr || factor.divides) {
            return;
        } else {
            unknown = &factor;
        }
    }
    if (unknown == nullptr || multiplier == 0) return;
    if (extent.value * divisor % multiplier != 0) {
        throw InvalidInput(text_of(tensor, place) + " is " + std::to_string(extent.value) + ", not a multiple of " +
                           std::to_string(multiplier));
    }
    lengths.set(unknown->name, {extent.value * divisor / multiplier});
}

Length length_of(const Lengths<Length>& lengths, const Axis& axis) {
    try {
        return lengths.get(axis).value_or(Length{});
    } catch (const InvalidInput& error) {
        throw InvalidInput(axis.text + " is not a whole number: " + error.what());
    }
}

void require_fit(const Tensor& tensor, const std::vector<std::int64_t>& shape, const Lengths<Length>& lengths) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (tensor.is_weight && shape[i] == 0) throw InvalidInput(text_of(tensor, i) + " is 0");
        const Length expected = length_of(lengths, tensor.shape.axes[i]);
        if (shape[i] < 0 || !expected.known() || shape[i] == expected.value) continue;
        throw InvalidInput(text_of(tensor, i) + " is " + std::to_string(shape[i]) + ", not " +
                           std::to_string(expected.value));
    }
}

void require_odd(const Lengths<Length>& lengths, const char* name) {
    const std::optional<Length> length = lengths.get(name);
    if (length && length->known() && length->value % 2 == 0)
        throw InvalidInput(std::string(name) + " is " + std::to_string(length->value) + ", not an odd number");
}

/// Names the axes that are a name, then those that say one by a product.
void name_lengths(Lengths<Length>& lengths, const Operator& op, const std::vector<std::vector<std::int64_t>>& shapes) {
    for (const bool is_name : {true, false}) {
        for (std::size_t i = 0; i < shapes.size(); ++i) {
            const Tensor& tensor = op.inputs[i];
            for (std::size_t axis = 0; axis < shapes[i].size(); ++axis) {
                if (shapes[i][axis] < 0 || tensor.shape.axes[axis].is_name() != is_name) continue;
                solve(lengths, tensor, axis, {shapes[i][axis]});
            }
        }
    }
}

}  // namespace

std::optional<std::size_t> Operator::value_input() const {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i].element == Element::value) return i;
    }
    return std::nullopt;
}

std::string signature(const Operator& op) {
    std::string text = op.name + "(";
    for (const Tensor& input : op.inputs) text += (&input == &op.inputs.front() ? "" : ", ") + std::string(input.name);
    return text + ")";
}

Lengths<Length> unknown_lengths(const Attributes& attributes) {
    return {attributes, [](std::int64_t value) { return Length{value}; }};
}

void check_attributes(const Operator& op, const Attributes& attributes) {
    const Lengths<Length> lengths = unknown_lengths(attributes);
    for (const char* const name : op.odd) require_odd(lengths, name);
    if (!attributes.has("shift")) return;
    const std::int64_t shift = attributes.integer("shift"), window_size = attributes.integer("window_size");
    require(shift < window_size,
            "attribute shift is " + std::to_string(shift) + ", not in [0, " + std::to_string(window_size) + ")");
}

Lengths<Length> named_lengths(const Operator& op, const Attributes& attributes,
                              const std::vector<std::vector<std::int64_t>>& shapes) {
    if (shapes.size() != op.inputs.size())
        throw InvalidInput("there are " + std::to_string(shapes.size()) + " inputs to " + signature(op));
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        const std::size_t axes = op.inputs[i].shape.axes.size();
        if (shapes[i].size() == axes) continue;
        throw InvalidInput(std::string(op.inputs[i].name) + " has " + std::to_string(shapes[i].size()) + " axes, not " +
                           std::to_string(axes));
    }
    Lengths<Length> lengths = unknown_lengths(attributes);
    name_lengths(lengths, op, shapes);
    for (std::size_t i = 0; i < shapes.size(); ++i) require_fit(op.inputs[i], shapes[i], lengths);
    for (const Axis& axis : op.output.shape.axes) length_of(lengths, axis);
    for (const Axis& axis : op.whole.axes) length_of(lengths, axis);
    for (const char* const name : op.odd) require_odd(lengths, name);
    return lengths;
}

std::int64_t size_unit(const Lengths<Length>& lengths) { return lengths.get("window_size").value_or(Length{1}).value; }

void check_size(const Operator& op, const Lengths<Length>& lengths, const Size& size) {
    constexpr std::int64_t largest = std::numeric_limits<std::int32_t>::max();
    const auto text = [&] { return "size " + std::to_string(size.height) + " x " + std::to_string(size.width); };
    if (size.height <= 0 || size.width <= 0 || size.height > largest / size.width)
        throw InvalidInput(text() + " is not that of a picture");
    const std::int64_t area = size.height * size.width, unit = size_unit(lengths);
    const std::optional<Length> pixels = lengths.get("P");
    if (size.height % unit != 0 || size.width % unit != 0)
        throw InvalidInput(text() + " is not a multiple of " + std::to_string(unit));
    if (pixels && pixels->value != area)
        throw InvalidInput(text() + " is not that of " + std::to_string(pixels->value) + " pixels");
    if (op.kernel == Kernel::mask_neighbors && lengths["Q"].value > largest - area)
        throw InvalidInput("the picture has too many pixels for a table of 32-bit numbers; use tiles");
}

}  // namespace amsr
