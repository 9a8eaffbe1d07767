#include "shape_inference.h"

#include <limits>
#include <memory>

#include "abi.h"

namespace amsr::ort {
namespace {

Symbol combine(const Symbol& a, const Symbol& b, const char* sign, std::int64_t size) {
    if (a.size >= 0 && b.size >= 0) return {size, ""};
    if (b.size == 1) return a;
    if (!a.known() || !b.known()) return {};
    const auto text = [](const Symbol& symbol) { return symbol.size >= 0 ? std::to_string(symbol.size) : symbol.name; };
    return {-1, text(a) + sign + text(b)};
}

}  // namespace

Symbol operator*(const Symbol& a, const Symbol& b) {
    const bool fits = a.size <= 0 || b.size <= std::numeric_limits<std::int64_t>::max() / a.size;
    return fits ? combine(a, b, "*", a.size * b.size) : Symbol{};
}
Symbol operator/(const Symbol& a, const Symbol& b) { return combine(a, b, "/", b.size == 0 ? -1 : a.size / b.size); }

std::vector<Symbol> ShapeInference::input(std::size_t index, std::size_t axes) const {
    std::vector<Symbol> result(axes);
    TensorInfo* owned = nullptr;  // by the context
    if (!succeeded(api_, api_.call<ShapeInferContext_GetInputTypeShape>(static_cast<const ShapeInferContext*>(context_),
                                                                        index, &owned))) {
        return result;
    }
    const TensorInfo* info = owned;
    std::size_t count = 0;
    check(api_, api_.call<GetDimensionsCount>(info, &count));
    if (count != axes) return result;
    Extents sizes(axes);
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

Attributes ShapeInference::attributes(const std::vector<Attribute>& described) const {
    Attributes attributes(described);
    const auto* context = static_cast<const ShapeInferContext*>(context_);
    for (const Attribute& attribute : described) {
        const OpAttribute* given = nullptr;
        if (!attribute.is_integer ||
            !succeeded(api_, api_.call<ShapeInferContext_GetAttribute>(context, attribute.name, &given))) {
            continue;
        }
        std::int64_t value = 0;
        std::size_t written = 0;
        check(api_,
              api_.call<ReadOpAttr>(given, AttributeType::int64, static_cast<void*>(&value), sizeof value, &written));
        attributes.set(attribute.name, true, static_cast<double>(value));
    }
    return attributes;
}

void ShapeInference::set_output(ElementType type, const std::vector<Symbol>& axes) const {
    Extents sizes;
    std::vector<const char*> names;
    for (const Symbol& axis : axes) {
        if (!axis.known()) return;  // ONNX Runtime cannot be told of an axis without a name
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
