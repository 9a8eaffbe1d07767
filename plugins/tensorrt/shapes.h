// Shapes as TensorRT gives them. A picture [1, C, H, W] may take the place of an operator's input `size`: its shape
// says the size, and its values are never read.
#pragma once

#include <NvInferRuntime.h>

#include <optional>
#include <vector>

#include "operators/operator.h"

namespace amsr::trt {

/// A length while TensorRT infers shapes.
struct Expression {
    const nvinfer1::IDimensionExpr* value;
    nvinfer1::IExprBuilder* builder;

    static bool known() { return true; }
};
Expression operator*(Expression a, Expression b);
Expression operator/(Expression a, Expression b);

bool is_picture(const Tensor& tensor, std::int32_t axes);

/// Checks shapes as amsr::named_lengths does; the axes of a picture become the lengths H and W.
Lengths<Length> named_lengths(const Operator& op, const Attributes& attributes,
                              const std::vector<nvinfer1::Dims>& inputs);

/// Size of the operator's pixels, where a picture says it: they are its own, or were upscaled from it.
std::optional<Size> size_of_picture(const Lengths<Length>& lengths);

/// The output's shape as an expression of the inputs'.
std::vector<Expression> output_shape(const Operator& op, const Attributes& attributes,
                                     const nvinfer1::DimsExprs* inputs, nvinfer1::IExprBuilder& builder);

}  // namespace amsr::trt
