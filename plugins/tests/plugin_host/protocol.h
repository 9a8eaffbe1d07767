// What TensorRT asks of a plugin from its creation to its first execution, and what the answers must be.
#pragma once

#include <memory>
#include <vector>

#include "cases.h"
#include "library.h"

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

/// Builds, serialises, recreates and attaches the plugin of a scenario, checking every answer on the way. Returns the
/// plugin of an execution context, ready for enqueue.
std::unique_ptr<nvinfer1::IPluginV3> walk_protocol(Library& library, const Scenario& scenario);

/// Device memory that the plugin asks for.
std::size_t workspace_bytes(Library& library, const Scenario& scenario);

/// Bad fields and bad shapes are refused with one message that names them.
void check_refusals(Library& library);

}  // namespace amsr::host
