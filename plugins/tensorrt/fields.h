// TensorRT's plugin fields from and to an operator's attributes.
#pragma once

#include <NvInferRuntime.h>

#include <vector>

#include "operators/attributes.h"

namespace amsr::trt {

enum class Missing { takes_default, is_an_error };

/// Throws InvalidInput for a field that is unknown, twice there, of another type or out of range.
Attributes read_fields(const std::vector<Attribute>& described, const nvinfer1::PluginFieldCollection& given,
                       Missing missing);

/// Names and types, without values.
std::vector<nvinfer1::PluginField> field_names(const std::vector<Attribute>& described);

/// Views of the values, which end with the attributes.
std::vector<nvinfer1::PluginField> fields_of(const Attributes& attributes);

}  // namespace amsr::trt
