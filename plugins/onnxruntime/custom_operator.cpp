#include "custom_operator.h"

#include <memory>

namespace amsr::ort {
namespace {

/// True where the status is null; releases it otherwise.
bool succeeded(const Api& api, Status* status) {
    if (status != nullptr) api.call<ReleaseStatus>(status);
    return status == nullptr;
}

Tensor view(const Api& api, const Value* value) {
    Tensor tensor;
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

}  // namespace

void check(const Api& api, Status* status) {
    if (status == nullptr) return;
    const std::string message = api.call<GetErrorMessage>(static_cast<const Status*>(status));
    api.call<ReleaseStatus>(status);
    throw std::runtime_error(message);
}

std::int64_t Node::attribute(const char* name, std::int64_t otherwise) const {
    std::int64_t value;
    return succeeded(api_, api_.call<KernelInfoGetAttribute_int64>(info_, name, &value)) ? value : otherwise;
}

float Node::attribute(const char* name, float otherwise) const {
    float value;
    return succeeded(api_, api_.call<KernelInfoGetAttribute_float>(info_, name, &value)) ? value : otherwise;
}

bool Node::constant_input(std::size_t input, Tensor& tensor) const {
    int is_constant = 0;
    const Value* value = nullptr;
    check(api_, api_.call<KernelInfoGetConstantInput_tensor>(info_, input, &is_constant, &value));
    if (is_constant != 0) tensor = view(api_, value);
    return is_constant != 0;
}

Tensor Call::input(std::size_t index) const {
    const Value* value = nullptr;
    check(api_, api_.call<KernelContext_GetInput>(static_cast<const KernelContext*>(context_), index, &value));
    return view(api_, value);
}

Tensor Call::input(std::size_t index, const char* name, std::size_t axes) const {
    Tensor tensor = input(index);
    if (tensor.shape.size() != axes) {
        throw InvalidInput(std::string(name) + " has " + std::to_string(tensor.shape.size()) + " axes, not " +
                           std::to_string(axes));
    }
    return tensor;
}

Tensor Call::output(const Shape& shape) const {
    Value* value = nullptr;
    check(api_, api_.call<KernelContext_GetOutput>(context_, std::size_t{0}, shape.data(), shape.size(), &value));
    Tensor tensor{nullptr, shape};
    check(api_, api_.call<GetTensorMutableData>(value, &tensor.data));
    return tensor;
}

void* Call::stream() const {
    void* stream = nullptr;
    check(api_, api_.call<KernelContext_GetGPUComputeStream>(static_cast<const KernelContext*>(context_), &stream));
    return stream;
}

std::vector<Axis> ShapeInference::input(std::size_t index, std::size_t axes) const {
    std::vector<Axis> result(axes);
    TensorInfo* owned = nullptr;  // by the context
    if (!succeeded(api_, api_.call<ShapeInferContext_GetInputTypeShape>(static_cast<const ShapeInferContext*>(context_),
                                                                        index, &owned))) {
        return result;
    }
    const TensorInfo* info = owned;
    std::size_t count = 0;
    check(api_, api_.call<GetDimensionsCount>(info, &count));
    if (count != axes) return result;
    Shape sizes(axes);
    std::vector<const char*> names(axes);
    check(api_, api_.call<GetDimensions>(info, sizes.data(), axes));
    check(api_, api_.call<GetSymbolicDimensions>(info, names.data(), axes));
    for (std::size_t i = 0; i < axes; ++i) result[i] = {sizes[i], names[i]};
    return result;
}

ElementType ShapeInference::element_type(std::size_t index) const {
    TensorInfo* info = nullptr;  // owned by the context
    check(api_, api_.call<ShapeInferContext_GetInputTypeShape>(static_cast<const ShapeInferContext*>(context_), index,
                                                               &info));
    ElementType type = ElementType::undefined;
    check(api_, api_.call<GetTensorElementType>(static_cast<const TensorInfo*>(info), &type));
    return type;
}

std::int64_t ShapeInference::attribute(const char* name, std::int64_t otherwise) const {
    const OpAttribute* attribute = nullptr;
    const auto* context = static_cast<const ShapeInferContext*>(context_);
    if (!succeeded(api_, api_.call<ShapeInferContext_GetAttribute>(context, name, &attribute))) return otherwise;
    std::int64_t value = otherwise;
    std::size_t written = 0;
    check(api_,
          api_.call<ReadOpAttr>(attribute, AttributeType::int64, static_cast<void*>(&value), sizeof(value), &written));
    return value;
}

void ShapeInference::set_output(ElementType type, const std::vector<Axis>& axes) const {
    Shape sizes;
    std::vector<const char*> names;
    for (const Axis& axis : axes) {
        if (axis.size < 0 && axis.name.empty()) return;  // ONNX Runtime cannot be told of an axis without a name
        sizes.push_back(axis.size);
        names.push_back(axis.name.c_str());
    }
    TensorInfo* info = nullptr;
    check(api_, api_.call<CreateTensorTypeAndShapeInfo>(&info));
    const auto release = [this](TensorInfo* i) { api_.call<ReleaseTensorTypeAndShapeInfo>(i); };
    const std::unique_ptr<TensorInfo, decltype(release)> owner(info, release);
    check(api_, api_.call<SetTensorElementType>(info, type));
    check(api_, api_.call<SetDimensions>(info, static_cast<const std::int64_t*>(sizes.data()), sizes.size()));
    check(api_, api_.call<SetSymbolicDimensions>(info, names.data(), names.size()));
    check(api_, api_.call<ShapeInferContext_SetOutputTypeShape>(static_cast<const ShapeInferContext*>(context_),
                                                                std::size_t{0}, static_cast<const TensorInfo*>(info)));
}

}  // namespace amsr::ort
