// Shapes as the table of operators writes them: "Q Ci", "Co Ci/group k k". An axis is names and numbers joined by * and
// / and read from left to right; a name is that of an attribute or of a length, which the axes of the inputs give.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attributes.h"

namespace amsr {

struct Factor {
    std::string name;     // empty for a number
    std::int64_t number;  // -1 for a name
    bool divides;
};

struct Axis {
    std::string text;
    std::vector<Factor> factors;

    bool is_name() const { return factors.size() == 1 && !factors[0].name.empty(); }
};

struct Shape {
    Shape(const char* text);  // NOLINT: tables of operators write their shapes as text

    std::vector<Axis> axes;
};

/// An axis of a tensor: -1 where it is not known yet. Unknown operands make unknown results.
struct Length {
    std::int64_t value = -1;

    bool known() const { return value >= 0; }
};
Length operator*(Length a, Length b);
Length operator/(Length a, Length b);  // throws InvalidInput where there is a remainder

/// The named lengths of one call. Number: Length, or what a framework computes with while it infers shapes. It has
/// known(), * and /.
template <class Number>
class Lengths {
  public:
    /// The attributes must outlive this. constant(value): an integer as a Number.
    Lengths(const Attributes& attributes, std::function<Number(std::int64_t)> constant)
        : attributes_(&attributes), constant_(std::move(constant)) {
        named_.reserve(8);  // enough for every operator
    }

    /// Gives lengths to the names of a shape that have none, or an unknown one.
    void name(const Shape& shape, const std::vector<Number>& extents) {
        for (std::size_t i = 0; i < shape.axes.size(); ++i) {
            const Axis& axis = shape.axes[i];
            if (axis.is_name() && !attributes_->has(axis.text)) set(axis.text, extents[i]);
        }
    }

    /// Leaves a known length as it is.
    void set(const std::string& name, Number length) {
        const std::size_t at = place(name);
        if (at == named_.size()) {
            named_.emplace_back(name, std::move(length));
        } else if (!named_[at].second.known()) {
            named_[at].second = std::move(length);
        }
    }

    /// The length or attribute of a name; none where nothing gave it one.
    std::optional<Number> get(const std::string& name) const {
        if (const std::size_t at = place(name); at < named_.size()) return named_[at].second;
        if (attributes_->has(name)) return constant_(attributes_->integer(name));
        return std::nullopt;
    }

    std::optional<Number> get(const Factor& factor) const {
        return factor.name.empty() ? constant_(factor.number) : get(factor.name);
    }

    /// The length of an axis; none where one of its names has none.
    std::optional<Number> get(const Axis& axis) const {
        std::optional<Number> product = get(axis.factors[0]);
        for (std::size_t i = 1; i < axis.factors.size() && product; ++i) {
            const std::optional<Number> factor = get(axis.factors[i]);
            if (!factor) return std::nullopt;
            product = axis.factors[i].divides ? *product / *factor : *product * *factor;
        }
        return product;
    }

    /// The length of a name that has one.
    Number operator[](const std::string& name) const { return get(name).value(); }

    /// The lengths of a shape whose names all have one.
    std::vector<Number> operator()(const Shape& shape) const {
        std::vector<Number> lengths;
        for (const Axis& axis : shape.axes) lengths.push_back(get(axis).value());
        return lengths;
    }

  private:
    std::size_t place(const std::string& name) const {
        std::size_t at = 0;
        while (at < named_.size() && named_[at].first != name) ++at;
        return at;
    }

    const Attributes* attributes_;
    std::function<Number(std::int64_t)> constant_;
    std::vector<std::pair<std::string, Number>> named_;
};

}  // namespace amsr
