#include "shape.h"

#include <sstream>

#include "error.h"

namespace amsr::trt {
namespace {

using nvinfer1::DimensionOperation;

Axis parse_axis(const std::string& text) {
    Axis axis{text, {}};
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t end = std::min(text.find_first_of("*/", start), text.size());
        axis.factors.push_back({text.substr(start, end - start), start > 0 && text[start - 1] == '/'});
        start = end + 1;
    }
    return axis;
}

Expression combine(DimensionOperation operation, Expression a, Expression b) {
    const nvinfer1::IDimensionExpr* const combined = a.builder->operation(operation, *a.value, *b.value);
    require(combined != nullptr, "TensorRT cannot express the shape of the output");
    return {combined, a.builder};
}

}  // namespace

Shape::Shape(const char* text) {
    std::istringstream words(text);
    for (std::string word; words >> word;) axes.push_back(parse_axis(word));
}

Length operator*(Length a, Length b) { return {a.known() && b.known() ? a.value * b.value : -1}; }

Length operator/(Length a, Length b) {
    if (!a.known() || !b.known()) return {-1};
    require(b.value > 0 && a.value % b.value == 0,
            std::to_string(a.value) + " is not a multiple of " + std::to_string(b.value));
    return {a.value / b.value};
}

Expression operator*(Expression a, Expression b) { return combine(DimensionOperation::kPROD, a, b); }
Expression operator/(Expression a, Expression b) { return combine(DimensionOperation::kFLOOR_DIV, a, b); }

}  // namespace amsr::trt
