#include "abi.h"

#include <memory>

namespace amsr::ort {
namespace {

View view(const Api& api, const Value* value) {
    View tensor;
    TensorInfo* info = nullptr;
    check(api, api.call<GetTensorTypeAndShape>(value, &info));
    const auto release = [&api](TensorInfo* i) { api.call<ReleaseTensorTypeAndShapeInfo>(i); };
    const std::unique_ptr<TensorInfo, decltype(release)> owner(info, release);
    std::size_t axes = 0;
    check(api, api.call<GetDimensionsCount>(static_cast<const TensorInfo*>(info), &axes));
    tensor.shape.resize(axes);
    check(api, api.call<GetDimensions>(static_cast<const TensorInfo*>(info), tensor.shape.data(), axes));
    check(api, api.call<GetTensorMutableData>(const_cast<Value*>(value), &tensor.data));
    return tensor;
}

/// Whether a node has an attribute of a type with several values, as a list or a text.
template <class Get, class T>
bool has_several(const Api& api, const KernelInfo* info, const char* name) {
    std::size_t count = 0;
    return succeeded(api, api.call<Get>(info, name, static_cast<T*>(nullptr), &count));
}

}  // namespace

bool succeeded(const Api& api, Status* status) {
    if (status != nullptr) api.call<ReleaseStatus>(status);
    return status == nullptr;
}

void check(const Api& api, Status* status) {
    if (status == nullptr) return;
    const std::string message = api.call<GetErrorMessage>(static_cast<const Status*>(status));
    api.call<ReleaseStatus>(status);
    throw std::runtime_error(message);
}

Attributes NodeInfo::attributes(const std::vector<Attribute>& described) const {
    Attributes attributes(described);
    for (const Attribute& attribute : described) {
        std::int64_t integer;
        float number;
        if (succeeded(api_, api_.call<KernelInfoGetAttribute_int64>(info_, attribute.name, &integer))) {
            attributes.set(attribute.name, true, static_cast<double>(integer));
        } else if (succeeded(api_, api_.call<KernelInfoGetAttribute_float>(info_, attribute.name, &number))) {
            attributes.set(attribute.name, false, static_cast<double>(number));
        } else if (has_several<KernelInfoGetAttributeArray_int64, std::int64_t>(api_, info_, attribute.name) ||
                   has_several<KernelInfoGetAttributeArray_float, float>(api_, info_, attribute.name) ||
                   has_several<KernelInfoGetAttribute_string, char>(api_, info_, attribute.name)) {
            refuse_type(attribute);
        }
    }
    return attributes;
}

std::optional<View> NodeInfo::constant_input(std::size_t input) const {
    int is_constant = 0;
    const Value* value = nullptr;
    check(api_, api_.call<KernelInfoGetConstantInput_tensor>(info_, input, &is_constant, &value));
    if (is_constant == 0) return std::nullopt;
    return view(api_, value);
}

View Context::input(std::size_t index) const {
    const Value* value = nullptr;
    check(api_, api_.call<KernelContext_GetInput>(static_cast<const KernelContext*>(context_), index, &value));
    return view(api_, value);
}

void* Context::output(const Extents& shape) const {
    Value* value = nullptr;
    check(api_, api_.call<KernelContext_GetOutput>(context_, std::size_t{0}, shape.data(), shape.size(), &value));
    void* data = nullptr;
    check(api_, api_.call<GetTensorMutableData>(value, &data));
    return data;
}

void* Context::stream() const {
    void* stream = nullptr;
    check(api_, api_.call<KernelContext_GetGPUComputeStream>(static_cast<const KernelContext*>(context_), &stream));
    return stream;
}

}  // namespace amsr::ort
