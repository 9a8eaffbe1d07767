#include "protocol.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>

#include "check.h"

namespace amsr::host {
namespace {

using nvinfer1::DataType;
using nvinfer1::DynamicPluginTensorDesc;
using nvinfer1::PluginCapabilityType;
using nvinfer1::PluginField;
using nvinfer1::PluginFieldType;
using nvinfer1::PluginTensorDesc;
using nvinfer1::TensorFormat;
using nvinfer1::TensorRTPhase;

using Plugin = std::unique_ptr<nvinfer1::IPluginV3>;

bool is_picture(const Array& array, const Scenario& scenario) {
    return array.name == "size" && scenario.size_form != SizeForm::numbers;
}

template <class Capability>
Capability& capability(nvinfer1::IPluginV3& plugin, PluginCapabilityType type, const char* kind) {
    auto* const found = static_cast<Capability*>(plugin.getCapabilityInterface(type));
    CHECK(found != nullptr, "there is no %s", kind);
    CHECK(std::strcmp(found->getInterfaceInfo().kind, kind) == 0, "%s instead of %s", found->getInterfaceInfo().kind,
          kind);
    return *found;
}

nvinfer1::IPluginV3OneCore& core_of(nvinfer1::IPluginV3& plugin) {
    return capability<nvinfer1::IPluginV3OneCore>(plugin, PluginCapabilityType::kCORE, "PLUGIN_V3ONE_CORE");
}
nvinfer1::IPluginV3OneBuildV2& build_of(nvinfer1::IPluginV3& plugin) {
    auto& build = capability<nvinfer1::IPluginV3OneBuildV2>(plugin, PluginCapabilityType::kBUILD, "PLUGIN_V3ONE_BUILD");
    CHECK(build.getInterfaceInfo().major == 2, "version %d of the interface", build.getInterfaceInfo().major);
    return build;
}
nvinfer1::IPluginV3OneRuntime& runtime_of(nvinfer1::IPluginV3& plugin) {
    return capability<nvinfer1::IPluginV3OneRuntime>(plugin, PluginCapabilityType::kRUNTIME, "PLUGIN_V3ONE_RUNTIME");
}

/// What onShapeChange returns where the inputs are these.
std::int32_t change_shapes(nvinfer1::IPluginV3& plugin, const std::vector<PluginTensorDesc>& in,
                           const Scenario& scenario) {
    const PluginTensorDesc out = output_desc(scenario);
    return runtime_of(plugin).onShapeChange(in.data(), static_cast<std::int32_t>(in.size()), &out, 1);
}

std::size_t workspace_of(nvinfer1::IPluginV3& plugin, const std::vector<DynamicPluginTensorDesc>& descs) {
    const auto in_count = static_cast<std::int32_t>(descs.size()) - 1;  // the output comes last
    return build_of(plugin).getWorkspaceSize(descs.data(), in_count, &descs.back(), 1);
}

nvinfer1::Dims dims_of(const std::vector<std::int64_t>& shape) {
    nvinfer1::Dims dims{static_cast<std::int32_t>(shape.size()), {}};
    std::copy(shape.begin(), shape.end(), dims.d);
    return dims;
}

void expect_no_errors(Library& library, const char* during) {
    for (const std::string& error : library.take_errors()) CHECK(false, "%s: %s", during, error.c_str());
}

/// Exactly one message was logged, and it has the words in it.
void expect_error(Library& library, const std::string& words) {
    const std::vector<std::string> errors = library.take_errors();
    CHECK(errors.size() == 1, "%zu messages instead of one about \"%s\"", errors.size(), words.c_str());
    CHECK(errors[0].find(words) != std::string::npos, "\"%s\" does not say \"%s\"", errors[0].c_str(), words.c_str());
}

Fields fields_of(const Case& known) {
    Fields fields;
    for (const auto& [name, value] : known.attributes) fields.add(name, value);
    return fields;
}

Plugin create(Library& library, const Case& known, bool in_place = false) {
    Fields fields = fields_of(known);
    if (in_place) fields.add("in_place", 1);
    Plugin plugin(library.creator(known.op).createPlugin("layer", fields.collection(), TensorRTPhase::kBUILD));
    expect_no_errors(library, "createPlugin");
    CHECK(plugin != nullptr, "%s was not created", known.op.c_str());
    return plugin;
}

bool is_position(const Array& array) { return array.name == "index" || array.name == "windows"; }

/// What a builder knows: axes that vary are -1, and lie between a minimum and a maximum.
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

Plugin clone(nvinfer1::IPluginV3& plugin) {
    Plugin copy(plugin.clone());
    CHECK(copy != nullptr && copy.get() != &plugin, "no clone");
    CHECK(std::strcmp(build_of(*copy).getTimingCacheID(), build_of(plugin).getTimingCacheID()) == 0, "another plugin");
    return copy;
}

Plugin attach(Library& library, const Scenario& scenario, nvinfer1::IPluginV3& plugin) {
    Plugin attached(runtime_of(plugin).attachToContext(nullptr));
    CHECK(attached != nullptr && attached.get() != &plugin, "no clone for a context");
    const std::int32_t status = change_shapes(*attached, input_descs(scenario), scenario);
    expect_no_errors(library, "onShapeChange");
    CHECK(status == 0, "onShapeChange");
    return attached;
}

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

void Fields::add(const std::string& name, const AttributeValue& value) {
    if (const auto* const integer = std::get_if<std::int32_t>(&value)) {
        add({name.c_str(), integer, PluginFieldType::kINT32, 1});
    } else {
        add({name.c_str(), std::get_if<float>(&value), PluginFieldType::kFLOAT32, 1});
    }
}

void Fields::add(const PluginField& field) {
    CHECK(field.type == PluginFieldType::kINT32 || field.type == PluginFieldType::kFLOAT32, "field %s has type %d",
          field.name, static_cast<int>(field.type));
    const auto* const data = static_cast<const unsigned char*>(field.data);
    const std::vector<unsigned char> bytes(data, data + 4 * field.length);
    entries_.push_back(std::make_unique<Entry>(Entry{field.name, bytes, field.type, field.length}));
}

const nvinfer1::PluginFieldCollection* Fields::collection() {
    fields_.clear();
    for (const auto& entry : entries_) {
        fields_.emplace_back(entry->name.c_str(), entry->data.data(), entry->type, entry->length);
    }
    collection_ = {static_cast<std::int32_t>(fields_.size()), fields_.data()};
    return &collection_;
}

std::size_t workspace_bytes(Library& library, const Scenario& scenario) {
    const Plugin plugin = create(library, scenario.known);
    const std::size_t bytes = workspace_of(*plugin, dynamic_descs(scenario));
    expect_no_errors(library, "getWorkspaceSize");
    return bytes;
}

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
