#include "plugin.h"

#include "error.h"
#include "fields.h"
#include "shapes.h"

namespace amsr::trt {
namespace {

using nvinfer1::DataType;
using nvinfer1::Dims;
using nvinfer1::PluginField;
using nvinfer1::PluginTensorDesc;
using nvinfer1::TensorRTPhase;

/// What TensorRT expects: 0 where all is well.
template <class Function>
std::int32_t status(const char* who, const Function& function) noexcept {
    return guarded(who, function) ? 0 : 1;
}

nvinfer1::PluginFieldCollection collection(const std::vector<PluginField>& fields) {
    return {static_cast<std::int32_t>(fields.size()), fields.data()};
}

/// The field `in_place` says whether a plugin whose operator can overwrite an input does so.
constexpr Attribute in_place_field = integer_attribute("in_place", 0, 0, 1);

std::vector<Attribute> described_fields(const Operator& op) {
    std::vector<Attribute> fields = op.attributes;
    if (op.in_place_input >= 0) fields.push_back(in_place_field);
    return fields;
}

bool is_value_type(DataType type) { return type == DataType::kFLOAT || type == DataType::kHALF; }

}  // namespace

Plugin::Plugin(const Operator& op, const Attributes& attributes, TensorRTPhase phase)
    : op_(op),
      kernels_(cuda::kernels_of(op.kernel)),
      attributes_(attributes),
      phase_(phase),
      description_(signature(op) + " " + attributes.text()),
      fields_(fields_of(attributes_)),
      field_collection_(collection(fields_)) {
    kept_.may_be_timed = phase == TensorRTPhase::kBUILD;
}

nvinfer1::IPluginCapability* Plugin::getCapabilityInterface(nvinfer1::PluginCapabilityType type) noexcept {
    switch (type) {
        case nvinfer1::PluginCapabilityType::kCORE:
            return static_cast<nvinfer1::IPluginV3OneCore*>(this);
        case nvinfer1::PluginCapabilityType::kBUILD:
            return static_cast<nvinfer1::IPluginV3OneBuildV2*>(this);
        case nvinfer1::PluginCapabilityType::kRUNTIME:
            return static_cast<nvinfer1::IPluginV3OneRuntime*>(this);
    }
    return nullptr;
}

nvinfer1::IPluginV3* Plugin::clone() noexcept {
    nvinfer1::IPluginV3* copy = nullptr;
    guarded(getPluginName(), [&] {
        auto* const plugin = new Plugin(op_, attributes_, phase_);
        plugin->workspace_is_known_ = workspace_is_known_;
        copy = plugin;
    });
    return copy;
}

std::int32_t Plugin::configurePlugin(const nvinfer1::DynamicPluginTensorDesc* in, std::int32_t in_count,
                                     const nvinfer1::DynamicPluginTensorDesc*, std::int32_t out_count) noexcept {
    return status(getPluginName(), [&] {
        std::vector<PluginTensorDesc> descs;
        for (std::int32_t i = 0; i < in_count; ++i) descs.push_back(in[i].desc);
        checked_lengths(descs.data(), in_count, out_count);
    });
}

std::int32_t Plugin::getOutputDataTypes(DataType* out, std::int32_t out_count, const DataType* in,
                                        std::int32_t in_count) const noexcept {
    return status(getPluginName(), [&] {
        require_counts(in_count, out_count);
        out[0] = op_.output.element == Element::int32 ? DataType::kINT32 : in[*op_.value_input()];
    });
}

std::int32_t Plugin::getOutputShapes(const nvinfer1::DimsExprs* in, std::int32_t in_count, const nvinfer1::DimsExprs*,
                                     std::int32_t shape_in_count, nvinfer1::DimsExprs* out, std::int32_t out_count,
                                     nvinfer1::IExprBuilder& builder) noexcept {
    return status(getPluginName(), [&] {
        require_counts(in_count, out_count);
        require(shape_in_count == 0, "it has no inputs that are shape tensors");
        const std::vector<Expression> shape = output_shape(op_, attributes_, in, builder);
        out[0].nbDims = static_cast<std::int32_t>(shape.size());
        for (std::size_t i = 0; i < shape.size(); ++i) out[0].d[i] = shape[i].value;
    });
}

bool Plugin::supportsFormatCombination(std::int32_t position, const nvinfer1::DynamicPluginTensorDesc* in_out,
                                       std::int32_t in_count, std::int32_t out_count) noexcept {
    bool supported = false;
    guarded(getPluginName(), [&] {
        require_counts(in_count, out_count);
        require(position >= 0 && position < in_count + out_count, "there is no tensor " + std::to_string(position));
        const PluginTensorDesc& desc = in_out[position].desc;
        const Element element =
            position < in_count ? op_.inputs[static_cast<std::size_t>(position)].element : op_.output.element;
        bool fits = false;
        switch (element) {
            case Element::int32:
                fits = desc.type == DataType::kINT32;
                break;
            case Element::int64:
                fits = desc.type == DataType::kINT64;
                break;
            case Element::size:
                fits = desc.dims.nbDims == 4 ? is_value_type(desc.type) : desc.type == DataType::kINT64;
                break;
            case Element::value: {
                const auto first = static_cast<std::int32_t>(*op_.value_input());
                fits = position == first ? is_value_type(desc.type) : desc.type == in_out[first].desc.type;
                break;
            }
        }
        supported = fits && desc.format == nvinfer1::TensorFormat::kLINEAR;
    });
    return supported;
}

std::size_t Plugin::getWorkspaceSize(const nvinfer1::DynamicPluginTensorDesc* in, std::int32_t in_count,
                                     const nvinfer1::DynamicPluginTensorDesc*, std::int32_t) const noexcept {
    if (kernels_.workspace_bytes == nullptr) return 0;
    std::size_t bytes = 0;
    workspace_is_known_ = guarded(getPluginName(), [&] {
        std::vector<Dims> largest;
        for (std::int32_t i = 0; i < in_count; ++i) largest.push_back(in[i].max);
        const Lengths<Length> lengths = named_lengths(op_, attributes_, largest);
        const std::optional<Length> height = lengths.get("H"), width = lengths.get("W");
        if (!height) return;
        const Length pixels = *height * *width;
        require(pixels.known(), "the largest picture is not known");
        bytes = kernels_.workspace_bytes(pixels.value);
    });
    return bytes;
}

std::int32_t Plugin::getAliasedInput(std::int32_t output) noexcept {
    const bool in_place = attributes_.has(in_place_field.name) && attributes_.integer(in_place_field.name) == 1;
    return output == 0 && in_place ? op_.in_place_input : -1;
}

std::int32_t Plugin::onShapeChange(const PluginTensorDesc* in, std::int32_t in_count, const PluginTensorDesc*,
                                   std::int32_t out_count) noexcept {
    lengths_.reset();
    return status(getPluginName(), [&] { lengths_.emplace(checked_lengths(in, in_count, out_count)); });
}

std::int32_t Plugin::enqueue(const PluginTensorDesc* in_desc, const PluginTensorDesc*, const void* const* in,
                             void* const* out, void* workspace, cudaStream_t stream) noexcept {
    return status(getPluginName(), [&] {
        require(lengths_.has_value(), "the shapes are not known: onShapeChange was not called, or failed");
        require(workspace_is_known_, "getWorkspaceSize failed: there is no memory to compute in");
        const std::vector<const void*> inputs(in, in + op_.inputs.size());
        execute(kernels_, {op_, attributes_, *lengths_, inputs, {}, out[0]},
                {element_type(in_desc), stream, nullptr, workspace}, kept_);
    });
}

nvinfer1::IPluginV3* Plugin::attachToContext(nvinfer1::IPluginResourceContext*) noexcept { return clone(); }

const nvinfer1::PluginFieldCollection* Plugin::getFieldsToSerialize() noexcept { return &field_collection_; }

void Plugin::require_counts(std::int32_t in_count, std::int32_t out_count) const {
    require(in_count == static_cast<std::int32_t>(op_.inputs.size()),
            "there are " + std::to_string(in_count) + " inputs to " + signature(op_));
    require(out_count == 1, "there are " + std::to_string(out_count) + " outputs, not 1");
}

cuda::ElementType Plugin::element_type(const PluginTensorDesc* in) const {
    const bool is_half = op_.value_input() && in[*op_.value_input()].type == DataType::kHALF;
    return is_half ? cuda::ElementType::float16 : cuda::ElementType::float32;
}

Lengths<Length> Plugin::checked_lengths(const PluginTensorDesc* in, std::int32_t in_count,
                                        std::int32_t out_count) const {
    require_counts(in_count, out_count);
    std::vector<Dims> dims;
    for (std::int32_t i = 0; i < in_count; ++i) dims.push_back(in[i].dims);
    const Lengths<Length> lengths = named_lengths(op_, attributes_, dims);
    for (const Tensor& input : op_.inputs) {
        if (!input.is_weight) continue;
        for (const Axis& axis : input.shape.axes) {
            if (!lengths.get(axis).value_or(Length{}).known()) return lengths;
        }
    }
    cuda::checked_packed_bytes(kernels_, {op_, attributes_, lengths, {}}, element_type(in));
    return lengths;
}

Creator::Creator(const Operator& op)
    : op_(op),
      described_(described_fields(op)),
      fields_(field_names(described_)),
      field_collection_(collection(fields_)) {}

nvinfer1::IPluginV3* Creator::createPlugin(const char* name, const nvinfer1::PluginFieldCollection* fields,
                                           TensorRTPhase phase) noexcept {
    nvinfer1::IPluginV3* plugin = nullptr;
    const char* const layer = name != nullptr ? name : "";
    guarded(getPluginName(), [&] {
        try {
            const auto missing = phase == TensorRTPhase::kBUILD ? Missing::takes_default : Missing::is_an_error;
            const Attributes attributes =
                read_fields(described_, fields != nullptr ? *fields : collection({}), missing);
            check_attributes(op_, attributes);
            plugin = new Plugin(op_, attributes, phase);
        } catch (const InvalidInput& error) {
            throw InvalidInput(std::string("layer \"") + layer + "\": " + error.what());
        }
    });
    return plugin;
}

}  // namespace amsr::trt
