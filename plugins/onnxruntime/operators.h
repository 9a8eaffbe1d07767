// The operators of the domain `amsr`, version 1, over the kernels in kernels/cpu. T is float, cpu::float16 or cpu::bfloat16.
#pragma once

#include <array>
#include <memory>

#include "convolution.h"
#include "custom_operator.h"
#include "window_layer.h"

namespace amsr::ort {

template <class T>
constexpr ElementType element_type = ElementType::undefined;
template <>
inline constexpr ElementType element_type<float> = ElementType::float32;
template <>
inline constexpr ElementType element_type<cpu::float16> = ElementType::float16;
template <>
inline constexpr ElementType element_type<cpu::bfloat16> = ElementType::bfloat16;

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

template <class T>
struct MaskedConv2d {
    static constexpr const char* name = "MaskedConv2d";
    static constexpr std::array inputs{element_type<T>, element_type<T>, ElementType::int32, element_type<T>,
                                       element_type<T>};
    static constexpr ElementType output = element_type<T>;
    static constexpr int in_place_input = -1;

    explicit MaskedConv2d(const Node& node);
    void compute(const Call& call) const;
    static void infer_shape(const ShapeInference& shapes);

    std::shared_ptr<const cpu::Convolution<T>> pack(const Tensor& weight, const Tensor& bias) const;

    cpu::InstructionSet instruction_set;
    std::int64_t group;
    float negative_slope;
    std::shared_ptr<const cpu::Convolution<T>> packed;  // null where weight and bias are not constant
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

template <class T>
struct WindowLayer {
    static constexpr const char* name = "WindowLayer";
    static constexpr ElementType type = element_type<T>;
    static constexpr std::array inputs{type, ElementType::int64, ElementType::int64, type, type, type, type, type,
                                       type, type,               type,               type, type, type, type, type};
    static constexpr ElementType output = type;
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
