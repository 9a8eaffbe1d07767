// An operator's attributes: what there is, checked values, and TensorRT's fields from and to them.
#pragma once

#include <NvInferRuntime.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace amsr::trt {

/// An attribute as the operator's definition has it.
struct Attribute {
    const char* name;
    nvinfer1::PluginFieldType type;  // kINT32 or kFLOAT32
    double otherwise;                // the value where a node names none
    double least, most;
};

constexpr Attribute integer_attribute(const char* name, std::int32_t otherwise, std::int32_t least,
                                      std::int32_t most = std::numeric_limits<std::int32_t>::max()) {
    return {name, nvinfer1::PluginFieldType::kINT32, static_cast<double>(otherwise), static_cast<double>(least),
            static_cast<double>(most)};
}

constexpr Attribute number_attribute(const char* name, float otherwise,
                                     float least = std::numeric_limits<float>::lowest()) {
    return {name, nvinfer1::PluginFieldType::kFLOAT32, otherwise, least, std::numeric_limits<float>::max()};
}

/// The values of one node's attributes.
class Attributes {
  public:
    enum class Missing { takes_default, is_an_error };

    /// Reads TensorRT's fields. Throws InvalidInput for one that is unknown, twice there, of another type or out of
    /// range.
    Attributes(const std::vector<Attribute>& described, const nvinfer1::PluginFieldCollection& given, Missing missing);

    std::int64_t integer(const std::string& name) const { return values_[place(name)].integer; }
    float number(const std::string& name) const { return values_[place(name)].number; }
    bool has(const std::string& name) const;

    /// Views of the values, which end with this object.
    std::vector<nvinfer1::PluginField> fields() const;
    /// "group=1 negative_slope=0.2": equal for equal values only.
    std::string text() const;

  private:
    union Value {
        std::int32_t integer;
        float number;
    };

    std::size_t place(const std::string& name) const;
    static Value convert(const Attribute& attribute, double value);

    const std::vector<Attribute>* described_;
    std::vector<Value> values_;
};

}  // namespace amsr::trt
