#include "scenario.h"

#include <algorithm>
#include <string>

namespace amsr::host {
namespace {

using nvinfer1::DataType;
using nvinfer1::DynamicPluginTensorDesc;
using nvinfer1::PluginTensorDesc;
using nvinfer1::TensorFormat;

nvinfer1::Dims dims_of(const std::vector<std::int64_t>& shape) {
    nvinfer1::Dims dims{static_cast<std::int32_t>(shape.size()), {}};
    std::copy(shape.begin(), shape.end(), dims.d);
    return dims;
}

bool is_position(const Array& array) { return array.name == "index" || array.name == "windows"; }

}  // namespace

bool is_picture(const Array& array, const Scenario& scenario) {
    return array.name == "size" && scenario.size_form != SizeForm::numbers;
}

DataType type_of(const Array& array, const Scenario& scenario) {
    if (is_picture(array, scenario)) return DataType::kFLOAT;
    switch (array.kind) {
        case Kind::int32:
            return DataType::kINT32;
        case Kind::int64:
            return DataType::kINT64;
        case Kind::value:
            break;
    }
    return scenario.type;
}

std::vector<PluginTensorDesc> input_descs(const Scenario& scenario) {
    const std::int64_t reduction = scenario.size_form == SizeForm::small_picture ? small_picture_reduction : 1;
    const std::vector<std::int64_t> picture{1, 3, scenario.known.height / reduction, scenario.known.width / reduction};
    std::vector<PluginTensorDesc> descs;
    for (const Array& input : scenario.known.inputs) {
        const auto& shape = is_picture(input, scenario) ? picture : input.shape;
        descs.push_back({dims_of(shape), type_of(input, scenario), TensorFormat::kLINEAR, 1.0f});
    }
    return descs;
}

PluginTensorDesc output_desc(const Scenario& scenario) {
    return {dims_of(scenario.known.output.shape), type_of(scenario.known.output, scenario), TensorFormat::kLINEAR,
            1.0f};
}

std::vector<DynamicPluginTensorDesc> dynamic_descs(const Scenario& scenario) {
    std::vector<DynamicPluginTensorDesc> dynamic;
    std::vector<PluginTensorDesc> descs = input_descs(scenario);
    descs.push_back(output_desc(scenario));
    for (const PluginTensorDesc& desc : descs) {
        DynamicPluginTensorDesc entry{desc, desc.dims, desc.dims, desc.dims};
        if (desc.dims.nbDims > 1) entry.desc.dims.d[0] = -1;
        dynamic.push_back(entry);
    }
    for (std::size_t i = 0; i < scenario.known.inputs.size(); ++i) {
        const Array& input = scenario.known.inputs[i];
        if (is_position(input)) dynamic[i].desc.dims.d[0] = -1;
        if (input.kind == Kind::value && input.name.find("weight") != std::string::npos) dynamic[i].desc = descs[i];
    }
    return dynamic;
}

}  // namespace amsr::host
