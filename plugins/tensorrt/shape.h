// Shapes as the operators' definition writes them: "Q Ci", "Co Ci/group k k". An axis is names and numbers joined by *
// and / and read from left to right; a name is that of an attribute or of a length, given by an axis that is this name
// alone.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "attributes.h"

namespace amsr::trt {

struct Factor {
    std::string text;  // a name or a number
    bool divides;
};

struct Axis {
    std::string text;
    std::vector<Factor> factors;

    bool is_name() const { return factors.size() == 1 && std::isalpha(static_cast<unsigned char>(text[0])) != 0; }
};

struct Shape {
    Shape(const char* text);  // NOLINT: tables of operators write their shapes as text

    std::vector<Axis> axes;
};

/// An axis of a tensor: -1 where it is not known yet. Unknown operands make unknown results.
struct Length {
    std::int64_t value;

    bool known() const { return value >= 0; }
};
Length operator*(Length a, Length b);
Length operator/(Length a, Length b);  // throws InvalidInput where there is a remainder

/// The same while TensorRT infers shapes.
struct Expression {
    const nvinfer1::IDimensionExpr* value;
    nvinfer1::IExprBuilder* builder;
};
Expression operator*(Expression a, Expression b);
Expression operator/(Expression a, Expression b);

/// The named lengths of one call. Number: Length or Expression.
template <class Number>
class Lengths {
  public:
    Lengths(const Attributes& attributes, std::function<Number(std::int64_t)> constant)
        : attributes_(attributes), constant_(std::move(constant)) {}

    /// Gives lengths to the names of a shape that have none yet.
    void name(const Shape& shape, const std::vector<Number>& extents) {
        for (std::size_t i = 0; i < shape.axes.size(); ++i) {
            const Axis& axis = shape.axes[i];
            if (axis.is_name() && !attributes_.has(axis.text) && !has(axis.text))
                named_.emplace_back(axis.text, extents[i]);
        }
    }

    bool has(const std::string& name) const { return find(name) != named_.end(); }

    /// The length of an axis whose names are all known.
    Number operator()(const Axis& axis) const {
        Number product = value(axis.factors[0].text);
        for (std::size_t i = 1; i < axis.factors.size(); ++i) {
            const Number factor = value(axis.factors[i].text);
            product = axis.factors[i].divides ? product / factor : product * factor;
        }
        return product;
    }

    Number value(const std::string& name_or_number) const {
        if (std::isdigit(static_cast<unsigned char>(name_or_number[0])) != 0)
            return constant_(std::stoll(name_or_number));
        if (attributes_.has(name_or_number)) return constant_(attributes_.integer(name_or_number));
        return find(name_or_number)->second;
    }

  private:
    typename std::vector<std::pair<std::string, Number>>::const_iterator find(const std::string& name) const {
        return std::find_if(named_.begin(), named_.end(), [&](const auto& named) { return named.first == name; });
    }

    Attributes attributes_;
    std::function<Number(std::int64_t)> constant_;
    std::vector<std::pair<std::string, Number>> named_;
};

}  // namespace amsr::trt
