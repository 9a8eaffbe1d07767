#include "fields.h"

#include <cstring>
#include <set>

#include "operators/error.h"

namespace amsr::trt {
namespace {

using nvinfer1::PluginField;
using nvinfer1::PluginFieldType;

PluginFieldType type_of(const Attribute& attribute) {
    return attribute.is_integer ? PluginFieldType::kINT32 : PluginFieldType::kFLOAT32;
}

template <class T>
double first_value(const PluginField& field) {
    T value;
    std::memcpy(&value, field.data, sizeof value);  // nothing promises that it is aligned
    return static_cast<double>(value);
}

void set(Attributes& attributes, const PluginField& field) {
    const std::string name = field.name;
    const int values = field.data == nullptr ? 0 : field.length;
    require(values == 1, "attribute " + name + " has " + std::to_string(values) + " values, not 1");
    switch (field.type) {
        case PluginFieldType::kINT32:
            return attributes.set(name, true, first_value<std::int32_t>(field));
        case PluginFieldType::kINT64:
            return attributes.set(name, true, first_value<std::int64_t>(field));
        case PluginFieldType::kFLOAT32:
            return attributes.set(name, false, first_value<float>(field));
        case PluginFieldType::kFLOAT64:
            return attributes.set(name, false, first_value<double>(field));
        default:
            throw InvalidInput("attribute " + name + " has a field of type " +
                               std::to_string(static_cast<int>(field.type)) + ", which is not a number");
    }
}

}  // namespace

Attributes read_fields(const std::vector<Attribute>& described, const nvinfer1::PluginFieldCollection& given,
                       Missing missing) {
    require(given.nbFields == 0 || (given.nbFields > 0 && given.fields != nullptr), "the fields are not readable");
    Attributes attributes(described);
    std::set<std::string> seen;
    for (std::int32_t i = 0; i < given.nbFields; ++i) {
        const PluginField& field = given.fields[i];
        require(field.name != nullptr, "a field has no name");
        require(seen.insert(field.name).second, std::string("attribute ") + field.name + " is there twice");
        set(attributes, field);
    }
    if (missing == Missing::takes_default) return attributes;
    for (const Attribute& attribute : described) {
        require(seen.count(attribute.name) == 1,
                std::string("attribute ") + attribute.name +
                    " is missing: the engine was built by another version of this library; build it again");
    }
    return attributes;
}

std::vector<PluginField> field_names(const std::vector<Attribute>& described) {
    std::vector<PluginField> fields;
    for (const Attribute& attribute : described) fields.emplace_back(attribute.name, nullptr, type_of(attribute), 1);
    return fields;
}

std::vector<PluginField> fields_of(const Attributes& attributes) {
    std::vector<PluginField> fields = field_names(attributes.described());
    for (std::size_t i = 0; i < fields.size(); ++i) fields[i].data = attributes.data(i);
    return fields;
}

}  // namespace amsr::trt
