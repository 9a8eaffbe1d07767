#include "refusals.h"

#include <limits>
#include <map>

#include "check.h"
#include "plugin.h"

namespace amsr::host {
namespace {

using nvinfer1::DataType;
using nvinfer1::DynamicPluginTensorDesc;
using nvinfer1::PluginField;
using nvinfer1::PluginFieldType;
using nvinfer1::PluginTensorDesc;
using nvinfer1::TensorRTPhase;

void refuse(Library& library, nvinfer1::IPluginCreatorV3One& creator, const std::vector<PluginField>& fields,
            const char* words) {
    const nvinfer1::PluginFieldCollection collection{static_cast<std::int32_t>(fields.size()), fields.data()};
    const Plugin plugin(creator.createPlugin("layer 7", &collection, TensorRTPhase::kBUILD));
    CHECK(plugin == nullptr, "%s takes what it should refuse: %s", creator.getPluginName(), words);
    expect_error(library, words);
}

void check_bad_fields(Library& library, nvinfer1::IPluginCreatorV3One& creator) {
    static const std::int32_t one = 1, negative = -1;
    static const std::int64_t huge = std::int64_t{1} << 40;
    static const float half = 0.5f, not_a_number = std::numeric_limits<float>::quiet_NaN();
    refuse(library, creator, {{"colour", &one, PluginFieldType::kINT32, 1}}, "there is no attribute colour");
    refuse(library, creator, {{nullptr, &one, PluginFieldType::kINT32, 1}}, "no name");
    const nvinfer1::PluginFieldCollection& names = *creator.getFieldNames();
    for (std::int32_t i = 0; i < names.nbFields; ++i) {
        const char* const name = names.fields[i].name;
        const bool is_integer = names.fields[i].type == PluginFieldType::kINT32;
        const PluginField good = is_integer ? PluginField{name, &one, PluginFieldType::kINT32, 1}
                                            : PluginField{name, &half, PluginFieldType::kFLOAT32, 1};
        refuse(library, creator, {{name, "text", PluginFieldType::kCHAR, 1}}, name);
        refuse(library, creator, {{name, nullptr, good.type, 1}}, "0 values");
        refuse(library, creator, {{name, good.data, good.type, 2}}, "2 values");
        refuse(library, creator, {good, good}, "twice");
        if (is_integer) {
            refuse(library, creator, {{name, &half, PluginFieldType::kFLOAT32, 1}}, "must be an integer");
            refuse(library, creator, {{name, &negative, PluginFieldType::kINT32, 1}}, "not in [");
            refuse(library, creator, {{name, &huge, PluginFieldType::kINT64, 1}}, "not in [");
        } else {
            refuse(library, creator, {{name, &one, PluginFieldType::kINT32, 1}}, "must be a floating-point number");
            refuse(library, creator, {{name, &not_a_number, PluginFieldType::kFLOAT32, 1}}, "not in [");
        }
    }
}

/// Axes that nothing else in the node fixes: numbers of pixels, masked pixels or windows, channels that are only moved.
int free_axes(const std::string& op) {
    if (op.rfind("MaskedConv2d", 0) == 0) return 1;
    static const std::map<std::string, int> counts{{"MaskGather", 3}, {"MaskScatter", 1}, {"MaskNeighbors", 1},
                                                   {"Pointwise", 1},  {"PixelConv2d", 1}, {"WindowLayer", 2}};
    const auto found = counts.find(op);
    return found == counts.end() ? 0 : found->second;
}

/// TensorRT takes no error for a size of a workspace: executions must report it, those of copies too.
void check_unknown_workspace(Library& library, const Scenario& scenario, nvinfer1::IPluginV3& plugin) {
    const std::vector<PluginTensorDesc> in = input_descs(scenario);
    const PluginTensorDesc out = output_desc(scenario);
    const Plugin copy = clone(plugin);
    for (nvinfer1::IPluginV3* const each : {&plugin, copy.get()}) {
        CHECK(change_shapes(*each, in, scenario) == 0, "onShapeChange");
        CHECK(runtime_of(*each).enqueue(in.data(), &out, nullptr, nullptr, nullptr, nullptr) != 0,
              "runs where its workspace is not known");
        expect_error(library, "getWorkspaceSize failed");
    }
}

/// Largest shapes need not fit each other, and where there is no workspace that is nobody's concern.
void check_no_workspace(Library& library, const Scenario& scenario, nvinfer1::IPluginV3& plugin) {
    std::vector<DynamicPluginTensorDesc> descs = dynamic_descs(scenario);
    descs[0].max.nbDims = 0;
    CHECK(workspace_of(plugin, descs) == 0, "a workspace for no shape");
    if (scenario.known.op == "MaskNeighbors") {
        expect_error(library, "axes, not");
        check_unknown_workspace(library, scenario, plugin);
    } else {
        expect_no_errors(library, "getWorkspaceSize");
    }
}

/// Every axis of every input that another one fixes is refused where it is one longer.
void check_bad_shapes(Library& library, const Scenario& scenario) {
    const std::string& op = scenario.known.op;
    const Plugin plugin = create(library, scenario.known);
    const std::vector<PluginTensorDesc> good = input_descs(scenario);
    const PluginTensorDesc out = output_desc(scenario);
    int taken = 0;
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (std::int32_t axis = 0; axis < good[i].dims.nbDims; ++axis) {
            std::vector<PluginTensorDesc> bad = good;
            ++bad[i].dims.d[axis];
            if (change_shapes(*plugin, bad, scenario) == 0) {
                ++taken;
                expect_no_errors(library, "onShapeChange");
            } else {
                expect_error(library, op);
            }
        }
        std::vector<PluginTensorDesc> bad = good;
        bad[i].dims.d[bad[i].dims.nbDims++] = 1;
        CHECK(change_shapes(*plugin, bad, scenario) != 0, "%s takes another axis of input %zu", op.c_str(), i);
        expect_error(library, "axes, not");
    }
    CHECK(taken == free_axes(op), "%s takes %d longer axes, not %d", op.c_str(), taken, free_axes(op));
    CHECK(change_shapes(*plugin, {good.begin(), good.end() - 1}, scenario) != 0, "%s does without an input",
          op.c_str());
    expect_error(library, "inputs to " + op + "(");
    CHECK(runtime_of(*plugin).enqueue(good.data(), &out, nullptr, nullptr, nullptr, nullptr) != 0,
          "runs without known shapes");
    expect_error(library, "shapes are not known");
    check_no_workspace(library, scenario, *plugin);
}

/// Several pictures are none: four of them have as many pixels as one of twice the side.
void check_several_pictures(Library& library, const Scenario& scenario) {
    const Plugin plugin = create(library, scenario.known);
    std::vector<PluginTensorDesc> in = input_descs(scenario);
    for (std::size_t i = 0; i < in.size(); ++i) {
        if (!is_picture(scenario.known.inputs[i], scenario)) continue;
        in[i].dims.d[0] = 4;
        CHECK(change_shapes(*plugin, in, scenario) != 0, "%s takes four pictures", scenario.known.op.c_str());
        expect_error(library, "axis 0 of size is 4, not 1");
    }
}

}  // namespace

void check_refusals(Library& library) {
    for (nvinfer1::IPluginCreatorV3One* const creator : library.creators()) check_bad_fields(library, *creator);
    static const std::int32_t four = 4, eight = 8, seventeen = 17;
    refuse(library, library.creator("MaskNeighbors"), {{"kernel_size", &four, PluginFieldType::kINT32, 1}}, "odd");
    refuse(library, library.creator("WindowLayer"), {{"shift", &eight, PluginFieldType::kINT32, 1}}, "shift is 8");
    refuse(library, library.creator("PixelConv2d"), {{"upscale", &seventeen, PluginFieldType::kINT32, 1}},
           "attribute upscale is 17, not in [1, 16]");
    for (const Case& known : all_cases()) {
        check_bad_shapes(library, {known, DataType::kFLOAT, SizeForm::numbers});
        check_several_pictures(library, {known, DataType::kFLOAT, SizeForm::picture});
    }
}

}  // namespace amsr::host
