#include "operator.h"

#include <limits>

#include "error.h"

namespace amsr {
namespace {

Lengths<Length> no_lengths(const Attributes& attributes) {
    return {attributes, [](std::int64_t value) { return Length{value}; }};
}

std::string text_of(const Tensor& tensor, std::size_t axis) {
    return "axis " + std::to_string(axis) + " of " + tensor.name + " (" + tensor.shape.axes[axis].text + ")";
}

/// What an axis says of its only unknown name: where "3*C" is 180, C is 60.
void solve(Lengths<Length>& lengths, const Tensor& tensor, std::size_t place, Length extent) {
    const Factor* unknown = nullptr;
    std::int64_t multiplier = 1, divisor = 1;
    for (const Factor& factor : tensor.shape.axes[place].factors) {
        const std::optional<Length> length = factor.name.empty() ? Length{factor.number} : lengths.get(factor.name);
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
    for (const Factor& factor : axis.factors) {
        if (!factor.name.empty() && !lengths.get(factor.name)) return {};
    }
    try {
        return lengths(axis);
    } catch (const InvalidInput& error) {
        throw InvalidInput(axis.text + " is not a whole number: " + error.what());
    }
}

void require_fit(const Tensor& tensor, const std::vector<std::int64_t>& shape, const Lengths<Length>& lengths) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
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

std::vector<Length> lengths_of(const std::vector<std::int64_t>& shape) {
    std::vector<Length> lengths;
    for (const std::int64_t extent : shape) lengths.push_back({extent});
    return lengths;
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

void check_attributes(const Operator& op, const Attributes& attributes) {
    const Lengths<Length> lengths = no_lengths(attributes);
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
    Lengths<Length> lengths = no_lengths(attributes);
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        const std::size_t axes = op.inputs[i].shape.axes.size();
        if (shapes[i].size() != axes) {
            throw InvalidInput(std::string(op.inputs[i].name) + " has " + std::to_string(shapes[i].size()) +
                               " axes, not " + std::to_string(axes));
        }
        lengths.name(op.inputs[i].shape, lengths_of(shapes[i]));
    }
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        for (std::size_t axis = 0; axis < shapes[i].size(); ++axis) {
            if (shapes[i][axis] >= 0) solve(lengths, op.inputs[i], axis, {shapes[i][axis]});
        }
    }
    for (std::size_t i = 0; i < shapes.size(); ++i) require_fit(op.inputs[i], shapes[i], lengths);
    for (const Axis& axis : op.output.shape.axes) length_of(lengths, axis);
    for (const Axis& axis : op.whole.axes) length_of(lengths, axis);
    for (const char* const name : op.odd) require_odd(lengths, name);
    return lengths;
}

std::int64_t size_unit(const Attributes& attributes) {
    return attributes.has("window_size") ? attributes.integer("window_size") : 1;
}

void check_size(const Operator& op, const Lengths<Length>& lengths, const Size& size) {
    constexpr std::int64_t largest = std::numeric_limits<std::int32_t>::max();
    const auto text = [&] { return "size " + std::to_string(size.height) + " x " + std::to_string(size.width); };
    if (size.height <= 0 || size.width <= 0 || size.height > largest / size.width)
        throw InvalidInput(text() + " is not that of a picture");
    const std::int64_t area = size.height * size.width;
    const std::optional<Length> pixels = lengths.get("P"), unit = lengths.get("window_size");
    if (unit && (size.height % unit->value != 0 || size.width % unit->value != 0))
        throw InvalidInput(text() + " is not a multiple of " + std::to_string(unit->value));
    if (pixels && pixels->value != area)
        throw InvalidInput(text() + " is not that of " + std::to_string(pixels->value) + " pixels");
    if (op.kernel == Kernel::mask_neighbors && lengths["Q"].value > largest - area)
        throw InvalidInput("the picture has too many pixels for a table of 32-bit numbers; use tiles");
}

}  // namespace amsr
