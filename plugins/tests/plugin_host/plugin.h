// A plugin, its interfaces, and what it logs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "library.h"
#include "scenario.h"

namespace amsr::host {

using Plugin = std::unique_ptr<nvinfer1::IPluginV3>;

/// Fields that a plugin is made of, with the memory that they view.
class Fields {
  public:
    void add(const std::string& name, const AttributeValue& value);
    void add(const nvinfer1::PluginField& field);  // copies what it views
    void remove_last() { entries_.pop_back(); }
    const nvinfer1::PluginFieldCollection* collection();

  private:
    struct Entry {
        std::string name;
        std::vector<unsigned char> data;
        nvinfer1::PluginFieldType type;
        std::int32_t length;
    };
    std::vector<std::unique_ptr<Entry>> entries_;
    std::vector<nvinfer1::PluginField> fields_;
    nvinfer1::PluginFieldCollection collection_{};
};

/// Ends the program where plugins logged errors.
void expect_no_errors(Library& library, const char* during);
/// Exactly one message was logged, and it has the words in it.
void expect_error(Library& library, const std::string& words);

Plugin create(Library& library, const Case& known, bool in_place = false);
Plugin clone(nvinfer1::IPluginV3& plugin);

nvinfer1::IPluginV3OneCore& core_of(nvinfer1::IPluginV3& plugin);
nvinfer1::IPluginV3OneBuildV2& build_of(nvinfer1::IPluginV3& plugin);
nvinfer1::IPluginV3OneRuntime& runtime_of(nvinfer1::IPluginV3& plugin);

/// What onShapeChange returns where the inputs are these.
std::int32_t change_shapes(nvinfer1::IPluginV3& plugin, const std::vector<nvinfer1::PluginTensorDesc>& in,
                           const Scenario& scenario);
/// What getWorkspaceSize returns where inputs and output are these.
std::size_t workspace_of(nvinfer1::IPluginV3& plugin, const std::vector<nvinfer1::DynamicPluginTensorDesc>& descs);
/// Device memory that the plugin asks for.
std::size_t workspace_bytes(Library& library, const Scenario& scenario);

}  // namespace amsr::host
