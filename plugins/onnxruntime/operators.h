// The operators of the domain `amsr`, version 1, over the kernels in kernels/cpu. T is float, cpu::float16 or
// cpu::bfloat16.
#pragma once

#include <array>
#include <memory>

#include "cpu/convolution/masked_convolution.h"
#include "cpu/convolution/pixel_convolution.h"
#include "cpu/convolution/pointwise.h"
#include "cpu/window_layer/window_layer.h"
#include "custom_operator.h"

namespace amsr::ort {

template <class T>
constexpr ElementType element_type = ElementType::undefined;
template <>
inline constexpr ElementType element_type<float> = ElementType::float32;
template <>
inline constexpr ElementType element_type<cpu::float16> = ElementType::float16;
template <>
inline constexpr ElementType element_type<cpu::bfloat16> = ElementType::bfloat16;

template <std::size_t count>
constexpr std::array<ElementType, count> repeated(ElementType type) {
    std::array<ElementType, count> types{};
    for (std::size_t i = 0; i < count; ++i) types[i] = type;
    return types;
}

/// The types of an operator's inputs, with a residual after them where it has one.
template <class T, Epilogue epilogue, std::size_t count>
constexpr auto with_residual_input(const std::array<ElementType, count>& types) {
    std::array<ElementType, count + (has_residual(epilogue) ? 1 : 0)> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i < count ? types[i] : element_type<T>;
    return all;
}

/// The name of a convolution that ends with an epilogue.
struct OperatorName {
    constexpr OperatorName(const char* convolution, Epilogue epilogue) {
        std::size_t length = 0;
        for (const char* from : {convolution, suffix(epilogue)}) {
            for (; *from != '\0'; ++from) text[length++] = *from;
        }
    }

    char text[32] = {};
};

template <class T>
struct MaskGather {
    static constexpr const char* name = "MaskGather";
    static constexpr std::array inputs{element_type<T>, ElementType::int64};
    static constexpr ElementType output = element_type<T>;
    static constexpr int in_place_input = -1;

    explicit MaskGather(const Node&) {}
    void compute(const Call& call) const;
    static void infer_shape(const ShapeInference& shapes);
};

template <class T>
struct MaskScatter {
    static constexpr const char* name = "MaskScatter";
    static constexpr std::array inputs{element_type<T>, element_type<T>, ElementType::int64};
    static constexpr ElementType output = element_type<T>;
    static constexpr int in_place_input = 1;

    explicit MaskScatter(const Node&) {}
    void compute(const Call& call) const;
    static void infer_shape(const ShapeInference& shapes);
};

struct MaskNeighbors {
    static constexpr const char* name = "MaskNeighbors";
    static constexpr std::array inputs{ElementType::int64, ElementType::int64};
    static constexpr ElementType output = ElementType::int32;
    static constexpr int in_place_input = -1;

    explicit MaskNeighbors(const Node& node);
    void compute(const Call& call) const;
    static void infer_shape(const ShapeInference& shapes);

    std::int64_t kernel_size;
};

/// A convolution of class Packed made of a node's weights: once where they are constant, otherwise for each call.
template <class Packed>
class Weights {
  public:
    /// weight is input `first` of the node and bias the next one; pack(weight, bias) makes a Packed.
    template <class Pack>
    Weights(const Node& node, std::size_t first, const Pack& pack) : first_(first) {
        Tensor weight, bias;
        if (node.constant_input(first, weight) && node.constant_input(first + 1, bias)) packed_ = pack(weight, bias);
    }

    template <class Pack>
    std::shared_ptr<const Packed> get(const Call& call, std::size_t weight_axes, const Pack& pack) const {
        return packed_ ? packed_ : pack(call.input(first_, "weight", weight_axes), call.input(first_ + 1, "bias", 1));
    }

  private:
    std::size_t first_;
    std::shared_ptr<const Packed> packed_;  // null where weight and bias are not constant
};

/// MaskedConv2d, with a residual as its last input where the epilogue has one.
template <class T, Epilogue epilogue>
struct MaskedConv2d {
    static_assert(epilogue != Epilogue::add_nearest, "there is no such operator");
    static constexpr OperatorName full_name{"MaskedConv2d", epilogue};
    static constexpr const char* name = full_name.text;
    static constexpr auto inputs = with_residual_input<T, epilogue>(
        std::array{element_type<T>, element_type<T>, ElementType::int32, element_type<T>, element_type<T>});
    static constexpr ElementType output = element_type<T>;
    static constexpr int in_place_input = -1;

    explicit MaskedConv2d(const Node& node);
    void compute(const Call& call) const;
    static void infer_shape(const ShapeInference& shapes);

    std::shared_ptr<const cpu::MaskedConvolution<T>> pack(const Tensor& weight, const Tensor& bias) const;

    cpu::InstructionSet instruction_set;
    std::int64_t group;
    Activation activation;
    Weights<cpu::MaskedConvolution<T>> weights;
};

/// Pointwise, Pointwise2, Pointwise3, Pointwise4, and PointwiseAdd with a residual as its last input.
template <class T, std::size_t tensors, Epilogue epilogue>
struct Pointwise {
    static_assert(epilogue == Epilogue::none || (epilogue == Epilogue::add && tensors == 1),
                  "there is no such operator");
    static constexpr const char* names[] = {"Pointwise", "Pointwise2", "Pointwise3", "Pointwise4"};
    static constexpr OperatorName full_name{names[tensors - 1], epilogue};
    static constexpr const char* name = full_name.text;
    static constexpr auto inputs = with_residual_input<T, epilogue>(repeated<tensors + 2>(element_type<T>));
    static constexpr ElementType output = element_type<T>;
    static constexpr int in_place_input = -1;

    explicit Pointwise(const Node& node);
    void compute(const Call& call) const;
    static void infer_shape(const ShapeInference& shapes);

    std::shared_ptr<const cpu::Pointwise<T>> pack(const Tensor& weight, const Tensor& bias) const;

    cpu::InstructionSet instruction_set;
    Activation activation;
    Weights<cpu::Pointwise<T>> weights;
};

/// PixelConv2d, with a residual as its last input where the epilogue has one.
template <class T, Epilogue epilogue>
struct PixelConv2d {
    static_assert(activation_of(epilogue) == Activation::leaky_relu, "there is no such operator");
    static constexpr OperatorName full_name{"PixelConv2d", epilogue};
    static constexpr const char* name = full_name.text;
    static constexpr auto inputs = with_residual_input<T, epilogue>(
        std::array{element_type<T>, ElementType::int64, element_type<T>, element_type<T>});
    static constexpr ElementType output = element_type<T>;
    static constexpr int in_place_input = -1;

    explicit PixelConv2d(const Node& node);
    void compute(const Call& call) const;
    static void infer_shape(const ShapeInference& shapes);

    std::shared_ptr<const cpu::PixelConvolution<T>> pack(const Tensor& weight, const Tensor& bias) const;

    cpu::InstructionSet instruction_set;
    std::int64_t group, upscale;
    Activation activation;
    Weights<cpu::PixelConvolution<T>> weights;
};

template <class T>
struct WindowGather {
    static constexpr const char* name = "WindowGather";
    static constexpr std::array inputs{element_type<T>, ElementType::int64, ElementType::int64};
    static constexpr ElementType output = element_type<T>;
    static constexpr int in_place_input = -1;

    explicit WindowGather(const Node& node);
    void compute(const Call& call) const;
    static void infer_shape(const ShapeInference& shapes);

    std::int64_t window_size, shift;
};

template <class T>
struct WindowScatter {
    static constexpr const char* name = "WindowScatter";
    static constexpr std::array inputs{element_type<T>, element_type<T>, ElementType::int64, ElementType::int64};
    static constexpr ElementType output = element_type<T>;
    static constexpr int in_place_input = 1;

    explicit WindowScatter(const Node& node);
    void compute(const Call& call) const;
    static void infer_shape(const ShapeInference& shapes);

    std::int64_t window_size, shift;
};

/// Pixels, the integers windows and size, and 13 weights.
template <class T>
constexpr std::array<ElementType, 16> window_layer_inputs() {
    std::array<ElementType, 16> types{};
    for (ElementType& type : types) type = element_type<T>;
    types[1] = types[2] = ElementType::int64;
    return types;
}

template <class T>
struct WindowLayer {
    static constexpr const char* name = "WindowLayer";
    static constexpr std::array inputs = window_layer_inputs<T>();
    static constexpr ElementType output = element_type<T>;
    static constexpr int in_place_input = 0;

    explicit WindowLayer(const Node& node);
    void compute(const Call& call) const;
    static void infer_shape(const ShapeInference& shapes);

    std::shared_ptr<const cpu::WindowLayer<T>> pack(const std::vector<Tensor>& weights) const;

    cpu::InstructionSet instruction_set;
    std::int64_t window_size, shift, heads;
    float epsilon;
    std::shared_ptr<const cpu::WindowLayer<T>> packed;  // null where a weight is not constant
};

}  // namespace amsr::ort
