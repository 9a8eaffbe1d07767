#include "operator.h"

#include <cmath>

#include "error.h"

namespace amsr::trt {
namespace {

bool is_picture(const Tensor& tensor, std::int32_t axes) { return tensor.element == Element::extent && axes == 4; }

std::vector<Length> lengths_of(const nvinfer1::Dims& dims) {
    std::vector<Length> lengths;
    for (std::int32_t i = 0; i < dims.nbDims; ++i) lengths.push_back({dims.d[i]});
    return lengths;
}

void require_fit(const Tensor& tensor, const std::vector<Length>& actual, const Lengths<Length>& lengths) {
    for (std::size_t i = 0; i < actual.size(); ++i) {
        const Axis& axis = tensor.shape.axes[i];
        const Length expected = lengths(axis);
        require(!actual[i].known() || !expected.known() || actual[i].value == expected.value,
                "axis " + std::to_string(i) + " of " + tensor.name + " (" + axis.text + ") is " +
                    std::to_string(actual[i].value) + ", not " + std::to_string(expected.value));
    }
}

}  // namespace

std::string signature(const Operator& op) {
    std::string text = std::string(op.name) + "(";
    for (const Tensor& input : op.inputs) text += (&input == &op.inputs.front() ? "" : ", ") + std::string(input.name);
    return text + ")";
}

std::int64_t upscaling(std::int64_t pixels, std::int64_t area) {
    if (pixels < 1 || area < 1) return 0;
    const std::int64_t ratio = std::llround(std::sqrt(static_cast<double>(pixels) / static_cast<double>(area)));
    return ratio * ratio * area == pixels ? ratio : 0;
}

Lengths<Length> named_lengths(const Operator& op, const Attributes& attributes,
                              const std::vector<nvinfer1::Dims>& inputs) {
    static const Shape picture("1 channels H W");
    require(inputs.size() == op.inputs.size(),
            "there are " + std::to_string(inputs.size()) + " inputs to " + signature(op));
    Lengths<Length> lengths(attributes, [](std::int64_t value) { return Length{value}; });
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Tensor& tensor = op.inputs[i];
        const Shape& shape = is_picture(tensor, inputs[i].nbDims) ? picture : tensor.shape;
        require(inputs[i].nbDims == static_cast<std::int32_t>(shape.axes.size()),
                std::string(tensor.name) + " has " + std::to_string(inputs[i].nbDims) + " axes, not " +
                    std::to_string(shape.axes.size()));
        lengths.name(shape, lengths_of(inputs[i]));
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (!is_picture(op.inputs[i], inputs[i].nbDims)) require_fit(op.inputs[i], lengths_of(inputs[i]), lengths);
    }
    if (lengths.has("H") && lengths.has("P")) {
        const Length area = lengths.value("H") * lengths.value("W"), pixels = lengths.value("P");
        require(!area.known() || !pixels.known() || upscaling(pixels.value, area.value) > 0,
                "the picture has " + std::to_string(area.value) + " pixels, not " + std::to_string(pixels.value));
    }
    return lengths;
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
    std::vector<Expression> shape;
    for (const Axis& axis : op.output.shape.axes) shape.push_back(lengths(axis));
    return shape;
}

}  // namespace amsr::trt
