#include "attributes.h"

#include <algorithm>
#include <cstring>

#include "error.h"

namespace amsr::trt {
namespace {

using nvinfer1::PluginField;
using nvinfer1::PluginFieldType;

bool is_integer(const Attribute& attribute) { return attribute.type == PluginFieldType::kINT32; }

std::string text_of(const Attribute& attribute, double value) {
    char text[64];
    std::snprintf(text, sizeof text, is_integer(attribute) ? "%.0f" : "%.9g", value);
    return text;
}

template <class T>
double first_value(const PluginField& field) {
    T value;
    std::memcpy(&value, field.data, sizeof value);  // nothing promises that it is aligned
    return static_cast<double>(value);
}

double value_of(const Attribute& attribute, const PluginField& field) {
    const std::string name = std::string("attribute ") + attribute.name;
    require(field.data != nullptr && field.length == 1,
            name + " has " + std::to_string(field.data == nullptr ? 0 : field.length) + " values, not 1");
    if (is_integer(attribute) && field.type == PluginFieldType::kINT32) return first_value<std::int32_t>(field);
    if (is_integer(attribute) && field.type == PluginFieldType::kINT64) return first_value<std::int64_t>(field);
    if (!is_integer(attribute) && field.type == PluginFieldType::kFLOAT32) return first_value<float>(field);
    if (!is_integer(attribute) && field.type == PluginFieldType::kFLOAT64) return first_value<double>(field);
    throw InvalidInput(name + (is_integer(attribute) ? " must be an integer" : " must be a floating-point number") +
                       "; its field has type " + std::to_string(static_cast<int>(field.type)));
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

Attributes::Attributes(const std::vector<Attribute>& described, const nvinfer1::PluginFieldCollection& given,
                       Missing missing)
    : described_(&described) {
    require(given.nbFields == 0 || (given.nbFields > 0 && given.fields != nullptr), "the fields are not readable");
    for (const Attribute& attribute : described) values_.push_back(convert(attribute, attribute.otherwise));
    std::vector<bool> seen(described.size(), false);
    for (std::int32_t i = 0; i < given.nbFields; ++i) {
        const PluginField& field = given.fields[i];
        require(field.name != nullptr, "a field has no name");
        require(has(field.name), std::string("there is no attribute ") + field.name + "; " + names_of(described));
        const std::size_t position = place(field.name);
        require(!seen[position], std::string("attribute ") + field.name + " is there twice");
        seen[position] = true;
        values_[position] = convert(described[position], value_of(described[position], field));
    }
    if (missing == Missing::takes_default) return;
    for (std::size_t i = 0; i < described.size(); ++i) {
        require(seen[i], std::string("attribute ") + described[i].name +
                             " is missing: the engine was built by another " +
                             "version of this library; build it again");
    }
}

Attributes::Value Attributes::convert(const Attribute& attribute, double value) {
    require(value >= attribute.least && value <= attribute.most,  // not so for NaN
            std::string("attribute ") + attribute.name + " is " + text_of(attribute, value) + ", not in [" +
                text_of(attribute, attribute.least) + ", " + text_of(attribute, attribute.most) + "]");
    Value converted;
    if (is_integer(attribute)) {
        converted.integer = static_cast<std::int32_t>(value);
    } else {
        converted.number = static_cast<float>(value);
    }
    return converted;
}

bool Attributes::has(const std::string& name) const { return place(name) < described_->size(); }

std::size_t Attributes::place(const std::string& name) const {
    const auto found = std::find_if(described_->begin(), described_->end(),
                                    [&](const Attribute& attribute) { return name == attribute.name; });
    return static_cast<std::size_t>(found - described_->begin());
}

std::vector<PluginField> Attributes::fields() const {
    std::vector<PluginField> fields;
    for (std::size_t i = 0; i < values_.size(); ++i) {
        fields.emplace_back((*described_)[i].name, &values_[i], (*described_)[i].type, 1);
    }
    return fields;
}

std::string Attributes::text() const {
    std::string text;
    for (std::size_t i = 0; i < values_.size(); ++i) {
        const Attribute& attribute = (*described_)[i];
        const double value = is_integer(attribute) ? values_[i].integer : static_cast<double>(values_[i].number);
        text += (i == 0 ? "" : " ") + std::string(attribute.name) + "=" + text_of(attribute, value);
    }
    return text;
}

}  // namespace amsr::trt
