// TensorRT's plugin and creator interfaces over one operator.
#pragma once

#include <NvInferRuntime.h>

#include <optional>
#include <string>
#include <vector>

#include "execution.h"

static_assert(NV_TENSORRT_MAJOR * 100 + NV_TENSORRT_MINOR >= 1003,
              "the plugins need the headers of TensorRT 10.3 or later");

namespace amsr::trt {

constexpr const char* plugin_namespace = "amsr";
constexpr const char* plugin_version = "1";

class Plugin final : public nvinfer1::IPluginV3,
                     public nvinfer1::IPluginV3OneCore,
                     public nvinfer1::IPluginV3OneBuildV2,
                     public nvinfer1::IPluginV3OneRuntime {
  public:
    Plugin(const Operator& op, const Attributes& attributes, nvinfer1::TensorRTPhase phase);

    // IPluginV3
    nvinfer1::IPluginCapability* getCapabilityInterface(nvinfer1::PluginCapabilityType type) noexcept override;
    nvinfer1::IPluginV3* clone() noexcept override;

    // Core
    const char* getPluginName() const noexcept override { return op_.name.c_str(); }
    const char* getPluginVersion() const noexcept override { return plugin_version; }
    const char* getPluginNamespace() const noexcept override { return plugin_namespace; }

    // Build
    std::int32_t getNbOutputs() const noexcept override { return 1; }
    std::int32_t configurePlugin(const nvinfer1::DynamicPluginTensorDesc* in, std::int32_t in_count,
                                 const nvinfer1::DynamicPluginTensorDesc* out,
                                 std::int32_t out_count) noexcept override;
    std::int32_t getOutputDataTypes(nvinfer1::DataType* out, std::int32_t out_count, const nvinfer1::DataType* in,
                                    std::int32_t in_count) const noexcept override;
    std::int32_t getOutputShapes(const nvinfer1::DimsExprs* in, std::int32_t in_count,
                                 const nvinfer1::DimsExprs* shape_in, std::int32_t shape_in_count,
                                 nvinfer1::DimsExprs* out, std::int32_t out_count,
                                 nvinfer1::IExprBuilder& builder) noexcept override;
    bool supportsFormatCombination(std::int32_t position, const nvinfer1::DynamicPluginTensorDesc* in_out,
                                   std::int32_t in_count, std::int32_t out_count) noexcept override;
    std::size_t getWorkspaceSize(const nvinfer1::DynamicPluginTensorDesc* in, std::int32_t in_count,
                                 const nvinfer1::DynamicPluginTensorDesc* out,
                                 std::int32_t out_count) const noexcept override;
    std::int32_t getAliasedInput(std::int32_t output) noexcept override;
    const char* getTimingCacheID() noexcept override { return description_.c_str(); }
    const char* getMetadataString() noexcept override { return description_.c_str(); }

    // Runtime
    std::int32_t onShapeChange(const nvinfer1::PluginTensorDesc* in, std::int32_t in_count,
                               const nvinfer1::PluginTensorDesc* out, std::int32_t out_count) noexcept override;
    std::int32_t enqueue(const nvinfer1::PluginTensorDesc* in_desc, const nvinfer1::PluginTensorDesc* out_desc,
                         const void* const* in, void* const* out, void* workspace,
                         cudaStream_t stream) noexcept override;
    nvinfer1::IPluginV3* attachToContext(nvinfer1::IPluginResourceContext* context) noexcept override;
    const nvinfer1::PluginFieldCollection* getFieldsToSerialize() noexcept override;

  private:
    void require_counts(std::int32_t in_count, std::int32_t out_count) const;
    cuda::ElementType element_type(const nvinfer1::PluginTensorDesc* in) const;
    /// Throws where the inputs do not fit the operator, or the kernels do not take weights of such a shape.
    Lengths<Length> checked_lengths(const nvinfer1::PluginTensorDesc* in, std::int32_t in_count,
                                    std::int32_t out_count) const;

    const Operator& op_;
    const cuda::Kernels kernels_;
    const Attributes attributes_;
    const nvinfer1::TensorRTPhase phase_;
    const std::string description_;  // the operator's signature and its attributes
    const std::vector<nvinfer1::PluginField> fields_;
    const nvinfer1::PluginFieldCollection field_collection_;
    mutable bool workspace_is_known_ = true;  // TensorRT takes no error for a size: executions report it

    // What an execution context's own clone learns.
    std::optional<Lengths<Length>> lengths_;
    Kept kept_;
};

class Creator final : public nvinfer1::IPluginCreatorV3One {
  public:
    explicit Creator(const Operator& op);

    nvinfer1::IPluginV3* createPlugin(const char* name, const nvinfer1::PluginFieldCollection* fields,
                                      nvinfer1::TensorRTPhase phase) noexcept override;
    const nvinfer1::PluginFieldCollection* getFieldNames() noexcept override { return &field_collection_; }
    const char* getPluginName() const noexcept override { return op_.name.c_str(); }
    const char* getPluginVersion() const noexcept override { return plugin_version; }
    const char* getPluginNamespace() const noexcept override { return plugin_namespace; }

  private:
    const Operator& op_;
    const std::vector<Attribute> described_;  // the attributes of all plugins refer to it
    const std::vector<nvinfer1::PluginField> fields_;
    const nvinfer1::PluginFieldCollection field_collection_;
};

}  // namespace amsr::trt
