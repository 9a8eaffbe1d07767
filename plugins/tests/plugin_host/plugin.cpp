#include "plugin.h"

#include <cstring>

#include "check.h"

namespace amsr::host {
namespace {

using nvinfer1::DynamicPluginTensorDesc;
using nvinfer1::PluginCapabilityType;
using nvinfer1::PluginField;
using nvinfer1::PluginFieldType;
using nvinfer1::PluginTensorDesc;
using nvinfer1::TensorRTPhase;

template <class Capability>
Capability& capability(nvinfer1::IPluginV3& plugin, PluginCapabilityType type, const char* kind) {
    auto* const found = static_cast<Capability*>(plugin.getCapabilityInterface(type));
    CHECK(found != nullptr, "there is no %s", kind);
    CHECK(std::strcmp(found->getInterfaceInfo().kind, kind) == 0, "%s instead of %s", found->getInterfaceInfo().kind,
          kind);
    return *found;
}

Fields fields_of(const Case& known) {
    Fields fields;
    for (const auto& [name, value] : known.attributes) fields.add(name, value);
    return fields;
}

}  // namespace

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

void expect_no_errors(Library& library, const char* during) {
    for (const std::string& error : library.take_errors()) CHECK(false, "%s: %s", during, error.c_str());
}

void expect_error(Library& library, const std::string& words) {
    const std::vector<std::string> errors = library.take_errors();
    CHECK(errors.size() == 1, "%zu messages instead of one about \"%s\"", errors.size(), words.c_str());
    CHECK(errors[0].find(words) != std::string::npos, "\"%s\" does not say \"%s\"", errors[0].c_str(), words.c_str());
}

Plugin create(Library& library, const Case& known, bool in_place) {
    Fields fields = fields_of(known);
    if (in_place) fields.add("in_place", 1);
    Plugin plugin(library.creator(known.op).createPlugin("layer", fields.collection(), TensorRTPhase::kBUILD));
    expect_no_errors(library, "createPlugin");
    CHECK(plugin != nullptr, "%s was not created", known.op.c_str());
    return plugin;
}

Plugin clone(nvinfer1::IPluginV3& plugin) {
    Plugin copy(plugin.clone());
    CHECK(copy != nullptr && copy.get() != &plugin, "no clone");
    CHECK(std::strcmp(build_of(*copy).getTimingCacheID(), build_of(plugin).getTimingCacheID()) == 0, "another plugin");
    return copy;
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

std::int32_t change_shapes(nvinfer1::IPluginV3& plugin, const std::vector<PluginTensorDesc>& in,
                           const Scenario& scenario) {
    const PluginTensorDesc out = output_desc(scenario);
    return runtime_of(plugin).onShapeChange(in.data(), static_cast<std::int32_t>(in.size()), &out, 1);
}

std::size_t workspace_of(nvinfer1::IPluginV3& plugin, const std::vector<DynamicPluginTensorDesc>& descs) {
    const auto in_count = static_cast<std::int32_t>(descs.size()) - 1;  // the output comes last
    return build_of(plugin).getWorkspaceSize(descs.data(), in_count, &descs.back(), 1);
}

std::size_t workspace_bytes(Library& library, const Scenario& scenario) {
    const Plugin plugin = create(library, scenario.known);
    const std::size_t bytes = workspace_of(*plugin, dynamic_descs(scenario));
    expect_no_errors(library, "getWorkspaceSize");
    return bytes;
}

}  // namespace amsr::host
