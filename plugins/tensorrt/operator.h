// What the plugin of an operator must know: its inputs, output and attributes as data, and the functions that run it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "attributes.h"
#include "cuda/element.h"
#include "shape.h"

namespace amsr::trt {

class Call;

/// Type of a tensor's elements.
enum class Element {
    value,  // float32 or float16, the same for all such tensors of a node
    int32,
    int64,
    extent,  // the input `size`: int64 [2] (H, W), or a picture [1, C, H, W] whose shape says it (see Call::extent)
};

struct Tensor {
    const char* name;
    Element element;
    Shape shape;
    bool is_weight = false;  // a constant, laid out anew once
};

struct Output {
    Element element;
    Shape shape;
};

struct Operator {
    std::string name;
    std::vector<Tensor> inputs;
    Output output;
    std::vector<Attribute> attributes;
    /// Launches the kernels.
    cudaError_t (*run)(const Call&);
    /// Throws InvalidInput where attributes, each in its range, do not fit each other.
    void (*check)(const Attributes&) = nullptr;
    /// Device memory for the weights as the kernels read them; 0 where they take no such shape. Null without weights.
    std::size_t (*packed_bytes)(const Call&) = nullptr;
    cudaError_t (*pack)(const Call&, void* packed) = nullptr;
    /// Device memory that `run` needs for a picture of so many pixels.
    std::size_t (*workspace_bytes)(std::int64_t pixel_count) = nullptr;
    /// The input that the output may overwrite, as in ONNX Runtime's library; -1 for none.
    int in_place_input = -1;
};

/// All operators of the domain `amsr`, version 1.
const std::vector<Operator>& operators();

/// "MaskGather(pixels, index)".
std::string signature(const Operator& op);

/// The whole number s for which so many pixels are those of a picture, `area` large, upscaled s times; 0 where none is.
std::int64_t upscaling(std::int64_t pixels, std::int64_t area);

/// Checks inputs against the operator and names their lengths. Unknown lengths (-1) are taken as fitting.
/// Throws InvalidInput.
Lengths<Length> named_lengths(const Operator& op, const Attributes& attributes,
                              const std::vector<nvinfer1::Dims>& inputs);

/// The output's shape as an expression of the inputs'.
std::vector<Expression> output_shape(const Operator& op, const Attributes& attributes,
                                     const nvinfer1::DimsExprs* inputs, nvinfer1::IExprBuilder& builder);

}  // namespace amsr::trt
