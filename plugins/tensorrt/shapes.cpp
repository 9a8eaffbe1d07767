#include "shapes.h"

#include <cmath>

#include "operators/error.h"

namespace amsr::trt {
namespace {

using nvinfer1::DimensionOperation;

Expression combine(DimensionOperation operation, Expression a, Expression b) {
    const nvinfer1::IDimensionExpr* const combined = a.builder->operation(operation, *a.value, *b.value);
    require(combined != nullptr, "TensorRT cannot express the shape of the output");
    return {combined, a.builder};
}

/// The whole number s for which so many pixels are those of a picture, `area` large, upscaled s times; 0 where none is.
std::int64_t upscaling(std::int64_t pixels, std::int64_t area) {
    if (pixels < 1 || area < 1) return 0;
    const std::int64_t ratio = std::llround(std::sqrt(static_cast<double>(pixels) / static_cast<double>(area)));
    return ratio * ratio * area == pixels ? ratio : 0;
}

}  // namespace

Expression operator*(Expression a, Expression b) { return combine(DimensionOperation::kPROD, a, b); }
Expression operator/(Expression a, Expression b) { return combine(DimensionOperation::kFLOOR_DIV, a, b); }

bool is_picture(const Tensor& tensor, std::int32_t axes) { return tensor.element == Element::size && axes == 4; }

Lengths<Length> named_lengths(const Operator& op, const Attributes& attributes,
                              const std::vector<nvinfer1::Dims>& inputs) {
    std::vector<std::vector<std::int64_t>> shapes;
    const nvinfer1::Dims* picture = nullptr;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        shapes.emplace_back(inputs[i].d, inputs[i].d + inputs[i].nbDims);
        if (i >= op.inputs.size() || !is_picture(op.inputs[i], inputs[i].nbDims)) continue;
        picture = &inputs[i];
        require(!Length{picture->d[0]}.known() || picture->d[0] == 1,
                "axis 0 of " + std::string(op.inputs[i].name) + " is " + std::to_string(picture->d[0]) + ", not 1");
        shapes[i] = {2};
    }
    Lengths<Length> lengths = amsr::named_lengths(op, attributes, shapes);
    if (picture == nullptr) return lengths;
    const Length height{picture->d[2]}, width{picture->d[3]}, area = height * width;
    lengths.set("H", height);
    lengths.set("W", width);
    const std::optional<Length> pixels = lengths.get("P");
    require(!pixels || !area.known() || !pixels->known() || upscaling(pixels->value, area.value) > 0,
            "the picture has " + std::to_string(area.value) + " pixels, not " +
                std::to_string(pixels.value_or(Length{}).value));
    return lengths;
}

std::optional<Size> size_of_picture(const Lengths<Length>& lengths) {
    const std::optional<Length> height = lengths.get("H"), width = lengths.get("W"), pixels = lengths.get("P");
    if (!height) return std::nullopt;
    const std::int64_t scale = pixels ? upscaling(pixels->value, height->value * width->value) : 1;
    return Size{height->value * scale, width->value * scale};
}

std::vector<Expression> output_shape(const Operator& op, const Attributes& attributes,
                                     const nvinfer1::DimsExprs* inputs, nvinfer1::IExprBuilder& builder) {
    Lengths<Expression> lengths(
        attributes, [&builder](std::int64_t value) { return Expression{builder.constant(value), &builder}; });
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
        const Tensor& tensor = op.inputs[i];
        if (is_picture(tensor, inputs[i].nbDims)) continue;
        require(inputs[i].nbDims == static_cast<std::int32_t>(tensor.shape.axes.size()),
                std::string(tensor.name) + " has " + std::to_string(inputs[i].nbDims) + " axes, not " +
                    std::to_string(tensor.shape.axes.size()));
        std::vector<Expression> extents;
        for (std::int32_t axis = 0; axis < inputs[i].nbDims; ++axis) extents.push_back({inputs[i].d[axis], &builder});
        lengths.name(tensor.shape, extents);
    }
    return lengths(op.output.shape);
}

}  // namespace amsr::trt
