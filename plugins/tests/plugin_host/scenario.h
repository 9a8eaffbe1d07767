// What TensorRT tells a plugin of a case: types and shapes of its tensors.
#pragma once

#include <vector>

#include "cases.h"
#include "tensorrt.h"

namespace amsr::host {

/// How the input `size` is given: as it is, as a picture of that size, or as one that was upscaled to it.
enum class SizeForm { numbers, picture, small_picture };
constexpr std::int64_t small_picture_reduction = 2;

/// A case as TensorRT sees it: with one type for its values, and one form of its size.
struct Scenario {
    const Case& known;
    nvinfer1::DataType type;
    SizeForm size_form;
};

nvinfer1::DataType type_of(const Array& array, const Scenario& scenario);
/// Shapes and types of the inputs, in order.
std::vector<nvinfer1::PluginTensorDesc> input_descs(const Scenario& scenario);
nvinfer1::PluginTensorDesc output_desc(const Scenario& scenario);

/// What a builder knows: axes that vary are -1, and lie between a minimum and a maximum. The output comes last.
std::vector<nvinfer1::DynamicPluginTensorDesc> dynamic_descs(const Scenario& scenario);

/// Whether an input is a size that is given as a picture.
bool is_picture(const Array& array, const Scenario& scenario);

}  // namespace amsr::host
