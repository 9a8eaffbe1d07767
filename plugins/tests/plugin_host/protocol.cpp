#include "protocol.h"

#include <cstring>
#include <functional>

#include "check.h"

namespace amsr::host {
namespace {

using nvinfer1::DataType;
using nvinfer1::DynamicPluginTensorDesc;
using nvinfer1::PluginTensorDesc;
using nvinfer1::TensorFormat;
using nvinfer1::TensorRTPhase;

constexpr DataType all_types[] = {DataType::kFLOAT, DataType::kHALF,  DataType::kINT8, DataType::kINT32,
                                  DataType::kBOOL,  DataType::kUINT8, DataType::kFP8,  DataType::kBF16,
                                  DataType::kINT64, DataType::kINT4};

/// Tries all types and formats at a position, and for each that is supported those of the positions after it, as the
/// builder does. Calls `found` with each complete combination.
void for_each_combination(nvinfer1::IPluginV3OneBuild& build, std::vector<DynamicPluginTensorDesc>& descs,
                          std::size_t position, const std::function<void()>& found) {
    if (position == descs.size()) return found();
    const auto count = static_cast<std::int32_t>(descs.size());
    for (const DataType type : all_types) {
        for (std::int32_t format = 0; format < nvinfer1::EnumMax<TensorFormat>(); ++format) {
            descs[position].desc.type = type;
            descs[position].desc.format = static_cast<TensorFormat>(format);
            if (!build.supportsFormatCombination(static_cast<std::int32_t>(position), descs.data(), count - 1, 1))
                continue;
            for_each_combination(build, descs, position + 1, found);
        }
    }
}

/// Linear float32 and float16, the same for all values; positions have their own types.
void check_formats(nvinfer1::IPluginV3OneBuild& build, const Scenario& scenario) {
    const std::vector<Array>& inputs = scenario.known.inputs;
    std::vector<DynamicPluginTensorDesc> descs = dynamic_descs(scenario);
    bool has_values = false, has_picture = false;
    for (const Array& input : inputs) {
        has_values |= input.kind == Kind::value;
        has_picture |= is_picture(input, scenario);
    }
    int combinations = 0;
    for_each_combination(build, descs, 0, [&] {
        ++combinations;
        DataType values = DataType::kINT8;  // none seen yet
        for (std::size_t i = 0; i < descs.size(); ++i) {
            const Array& array = i < inputs.size() ? inputs[i] : scenario.known.output;
            const DataType type = descs[i].desc.type;
            CHECK(descs[i].desc.format == TensorFormat::kLINEAR, "%s takes a format that is not linear",
                  array.name.c_str());
            if (array.name == "size" && has_picture) {
                CHECK(type == DataType::kFLOAT || type == DataType::kHALF, "the picture has type %d",
                      static_cast<int>(type));
            } else if (array.kind == Kind::value) {
                CHECK(values == DataType::kINT8 || type == values, "%s has a type of its own", array.name.c_str());
                values = type;
            } else {
                CHECK(type == (array.kind == Kind::int32 ? DataType::kINT32 : DataType::kINT64), "%s has type %d",
                      array.name.c_str(), static_cast<int>(type));
            }
        }
        CHECK(values != DataType::kBF16 && values != DataType::kFP8, "values of type %d", static_cast<int>(values));
    });
    const int expected = (has_values ? 2 : 1) * (has_picture ? 2 : 1);
    CHECK(combinations == expected, "%d combinations of types, not %d", combinations, expected);
}

void check_output_type(nvinfer1::IPluginV3OneBuild& build, const Scenario& scenario) {
    std::vector<DataType> in;
    for (const PluginTensorDesc& desc : input_descs(scenario)) in.push_back(desc.type);
    DataType out{};
    CHECK(build.getNbOutputs() == 1, "%d outputs", build.getNbOutputs());
    CHECK(build.getOutputDataTypes(&out, 1, in.data(), static_cast<std::int32_t>(in.size())) == 0,
          "getOutputDataTypes");
    CHECK(out == output_desc(scenario).type, "type %d", static_cast<int>(out));
}

/// The shape is asked for before any length is known, and evaluated after.
void check_output_shape(nvinfer1::IPluginV3OneBuild& build, const Scenario& scenario) {
    const std::vector<PluginTensorDesc> descs = input_descs(scenario);
    std::vector<nvinfer1::Dims> lengths(descs.size());
    std::vector<nvinfer1::DimsExprs> in(descs.size());
    ExpressionBuilder builder;
    for (std::size_t i = 0; i < descs.size(); ++i) {
        in[i].nbDims = descs[i].dims.nbDims;
        for (std::int32_t axis = 0; axis < in[i].nbDims; ++axis) {
            lengths[i].d[axis] = -1;
            in[i].d[axis] = builder.axis(&lengths[i].d[axis]);
        }
    }
    nvinfer1::DimsExprs out{};
    CHECK(build.getOutputShapes(in.data(), static_cast<std::int32_t>(in.size()), nullptr, 0, &out, 1, builder) == 0,
          "getOutputShapes");
    for (std::size_t i = 0; i < descs.size(); ++i) lengths[i] = descs[i].dims;
    const std::vector<std::int64_t>& expected = scenario.known.output.shape;
    CHECK(out.nbDims == static_cast<std::int32_t>(expected.size()), "%d axes, not %zu", out.nbDims, expected.size());
    for (std::size_t axis = 0; axis < expected.size(); ++axis) {
        const auto actual = static_cast<long long>(Expression::of(*out.d[axis]).evaluate());
        CHECK(actual == expected[axis], "axis %zu is %lld, not %lld", axis, actual,
              static_cast<long long>(expected[axis]));
    }
}

/// Over an input a plugin writes where its field `in_place` says so, and only there.
void check_aliasing(Library& library, const Case& known) {
    for (const bool in_place : {false, true}) {
        if (in_place && known.in_place_input < 0) continue;
        const Plugin plugin = create(library, known, in_place);
        const std::int32_t expected = in_place ? known.in_place_input : -1;
        const std::int32_t actual = build_of(*plugin).getAliasedInput(0);
        CHECK(actual == expected, "writes over input %d, not %d", actual, expected);
    }
}

void check_names(nvinfer1::IPluginV3& plugin, nvinfer1::IPluginCreatorV3One& creator) {
    const nvinfer1::IPluginV3OneCore& core = core_of(plugin);
    CHECK(std::strcmp(core.getPluginName(), creator.getPluginName()) == 0, "name %s", core.getPluginName());
    CHECK(std::strcmp(core.getPluginVersion(), "1") == 0, "version %s", core.getPluginVersion());
    CHECK(std::strcmp(core.getPluginNamespace(), "amsr") == 0, "namespace %s", core.getPluginNamespace());
    CHECK(std::strcmp(creator.getPluginVersion(), "1") == 0, "version %s", creator.getPluginVersion());
    CHECK(std::strcmp(creator.getPluginNamespace(), "amsr") == 0, "namespace %s", creator.getPluginNamespace());
}

/// What the engine file holds is enough to make the same plugin again, and nothing less is.
Plugin recreate(Library& library, const Case& known, nvinfer1::IPluginV3& plugin) {
    Fields saved;
    const nvinfer1::PluginFieldCollection& given = *runtime_of(plugin).getFieldsToSerialize();
    for (std::int32_t i = 0; i < given.nbFields; ++i) saved.add(given.fields[i]);
    nvinfer1::IPluginCreatorV3One& creator = library.creator(known.op);
    Plugin recreated(creator.createPlugin("layer", saved.collection(), TensorRTPhase::kRUNTIME));
    expect_no_errors(library, "createPlugin from an engine");
    CHECK(recreated != nullptr, "%s was not created from what it saved", known.op.c_str());
    CHECK(std::strcmp(build_of(*recreated).getMetadataString(), build_of(plugin).getMetadataString()) == 0,
          "%s is not %s", build_of(*recreated).getMetadataString(), build_of(plugin).getMetadataString());
    if (given.nbFields > 0) {
        saved.remove_last();
        const Plugin partial(creator.createPlugin("layer", saved.collection(), TensorRTPhase::kRUNTIME));
        CHECK(partial == nullptr, "%s was created from less than it saved", known.op.c_str());
        expect_error(library, "is missing");
    }
    return recreated;
}

Plugin attach(Library& library, const Scenario& scenario, nvinfer1::IPluginV3& plugin) {
    Plugin attached(runtime_of(plugin).attachToContext(nullptr));
    CHECK(attached != nullptr && attached.get() != &plugin, "no clone for a context");
    const std::int32_t status = change_shapes(*attached, input_descs(scenario), scenario);
    expect_no_errors(library, "onShapeChange");
    CHECK(status == 0, "onShapeChange");
    return attached;
}

}  // namespace

Plugin walk_protocol(Library& library, const Scenario& scenario) {
    const Case& known = scenario.known;
    Plugin plugin = create(library, known);
    check_names(*plugin, library.creator(known.op));
    nvinfer1::IPluginV3OneBuildV2& build = build_of(*plugin);
    check_formats(build, scenario);
    const std::vector<DynamicPluginTensorDesc> descs = dynamic_descs(scenario);
    const auto count = static_cast<std::int32_t>(known.inputs.size());
    const std::int32_t configured = build.configurePlugin(descs.data(), count, &descs.back(), 1);
    expect_no_errors(library, "configurePlugin");
    CHECK(configured == 0, "configurePlugin");
    check_output_type(build, scenario);
    check_output_shape(build, scenario);
    check_aliasing(library, known);
    workspace_bytes(library, scenario);
    CHECK(build.getNbTactics() == 0, "%d tactics", build.getNbTactics());
    expect_no_errors(library, "the build");
    const Plugin copy = clone(*plugin);
    plugin.reset();  // nothing of the copy may live in the original
    Plugin recreated = recreate(library, known, *copy);
    const Plugin second = clone(*recreated);
    recreated.reset();
    return attach(library, scenario, *second);
}

}  // namespace amsr::host
