#include "attributes.h"

#include <algorithm>
#include <cstdio>

#include "error.h"

namespace amsr {
namespace {

std::string text_of(const Attribute& attribute, double value) {
    char text[64];
    std::snprintf(text, sizeof text, attribute.is_integer ? "%.0f" : "%.9g", value);
    return text;
}

std::string names_of(const std::vector<Attribute>& described) {
    if (described.empty()) return "it has none";
    std::string names = "it has ";
    for (const Attribute& attribute : described) {
        names += (&attribute == &described.front() ? "" : ", ") + std::string(attribute.name);
    }
    return names;
}

}  // namespace

void refuse_type(const Attribute& attribute) {
    throw InvalidInput(std::string("attribute ") + attribute.name +
                       (attribute.is_integer ? " must be an integer" : " must be a floating-point number"));
}

Attributes::Attributes(const std::vector<Attribute>& described) : described_(&described) {
    for (const Attribute& attribute : described) values_.push_back(convert(attribute, attribute.otherwise));
}

void Attributes::set(const std::string& name, bool is_integer, double value) {
    require(has(name), "there is no attribute " + name + "; " + names_of(*described_));
    const Attribute& attribute = (*described_)[place(name)];
    if (attribute.is_integer != is_integer) refuse_type(attribute);
    require(value >= attribute.least && value <= attribute.most,  // not so for NaN
            "attribute " + name + " is " + text_of(attribute, value) + ", not in [" +
                text_of(attribute, attribute.least) + ", " + text_of(attribute, attribute.most) + "]");
    values_[place(name)] = convert(attribute, value);
}

Attributes::Value Attributes::convert(const Attribute& attribute, double value) {
    Value converted;
    if (attribute.is_integer) {
        converted.integer = static_cast<std::int32_t>(value);
    } else {
        converted.number = static_cast<float>(value);
    }
    return converted;
}

std::size_t Attributes::place(const std::string& name) const {
    const auto found = std::find_if(described_->begin(), described_->end(),
                                    [&](const Attribute& attribute) { return name == attribute.name; });
    return static_cast<std::size_t>(found - described_->begin());
}

std::string Attributes::text() const {
    std::string text;
    for (std::size_t i = 0; i < values_.size(); ++i) {
        const Attribute& attribute = (*described_)[i];
        const double value = attribute.is_integer ? values_[i].integer : static_cast<double>(values_[i].number);
        text += (i == 0 ? "" : " ") + std::string(attribute.name) + "=" + text_of(attribute, value);
    }
    return text;
}

}  // namespace amsr
