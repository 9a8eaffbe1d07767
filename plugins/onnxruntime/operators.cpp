#include "operators.h"

#include <atomic>
#include <cstring>
#include <limits>

#include "checks.h"
#include "cpu/mask/neighbors.h"
#include "cpu/rows/rows.h"

namespace amsr::ort {
namespace {

constexpr std::size_t copied_rows = 1024;  // rows that a task copies: enough to outweigh its start
constexpr std::size_t convolved_lines =
    8;  // lines of a picture that a task convolves: most of what they read is shared

void require_inside(const char* name, const Tensor& positions, std::int64_t limit) {
    const auto* values = positions.as<std::int64_t>();
    const std::size_t count = positions.size(0), place = cpu::first_outside(values, count, limit);
    if (place == count) return;
    throw InvalidInput(std::string(name) + "[" + std::to_string(place) + "] = " + std::to_string(values[place]) +
                       " is not in [0, " + std::to_string(limit) + ")");
}

cpu::WindowGrid read_grid(const Call& call, std::size_t index, std::int64_t window_size, std::int64_t shift,
                          const Tensor& pixels, const Tensor& windows) {
    const Size size = read_size(call, index);
    require(size.height % window_size == 0 && size.width % window_size == 0,
            "size " + std::to_string(size.height) + " x " + std::to_string(size.width) + " is not a multiple of " +
                std::to_string(window_size));
    require_equal("the number of pixels", pixels.size(0), static_cast<std::size_t>(size.height * size.width));
    const cpu::WindowGrid grid{size.height, size.width, window_size, shift};
    require_inside("windows", windows, grid.window_count());
    return grid;
}

/// Copies rows [P, C] unless ONNX Runtime gave the output the input's memory.
void copy_unless_in_place(const Call& call, const Tensor& from, const Tensor& to, std::size_t row_bytes) {
    if (from.data == to.data) return;
    call.parallel(from.size(0), copied_rows, [&](std::size_t first, std::size_t last) {
        std::memcpy(to.as<char>() + first * row_bytes, from.as<char>() + first * row_bytes, (last - first) * row_bytes);
    });
}

/// The shape of a convolution with weight [Co, Ci / group, k, k] and bias [Co].
cpu::ConvolutionShape convolution_shape(const Tensor& weight, const Tensor& bias, std::int64_t group,
                                        std::int64_t upscale) {
    require(weight.shape.size() == 4 && bias.shape.size() == 1, "weight must have 4 axes and bias 1");
    require_equal("the length of bias", bias.size(0), weight.size(0));
    const std::int64_t multiple = group * upscale * upscale;
    require(weight.shape[0] % multiple == 0,
            "the " + std::to_string(weight.shape[0]) + " outputs are not a multiple of " + std::to_string(multiple) +
                (upscale == 1 ? ", the number of groups" : ", the number of groups times that of shuffled pixels"));
    const auto groups = static_cast<std::size_t>(group);
    return {weight.size(0), weight.size(1) * groups, groups, weight.size(2) * weight.size(3),
            static_cast<std::size_t>(upscale)};
}

}  // namespace

template <class T>
void MaskGather<T>::compute(const Call& call) const {
    const Tensor pixels = call.input(0, "pixels", 2), index = call.input(1, "index", 1);
    require_inside("index", index, pixels.shape[0]);
    const Tensor rows = call.output({index.shape[0], pixels.shape[1]});
    const std::size_t row_bytes = pixels.size(1) * sizeof(T);
    call.parallel(index.size(0), copied_rows, [&](std::size_t first, std::size_t last) {
        cpu::mask_gather(pixels.data, index.as<std::int64_t>(), row_bytes, first, last, rows.data);
    });
}

template <class T>
void MaskGather<T>::infer_shape(const ShapeInference& shapes) {
    shapes.set_output(shapes.element_type(0), {shapes.input(1, 1)[0], shapes.input(0, 2)[1]});
}

template <class T>
void MaskScatter<T>::compute(const Call& call) const {
    const Tensor rows = call.input(0, "rows", 2), pixels = call.input(1, "pixels", 2),
                 index = call.input(2, "index", 1);
    require_equal("the number of rows", rows.size(0), index.size(0));
    require_equal("the number of channels of rows", rows.size(1), pixels.size(1));
    require_inside("index", index, pixels.shape[0]);
    const Tensor out = call.output(pixels.shape);
    const std::size_t row_bytes = pixels.size(1) * sizeof(T);
    copy_unless_in_place(call, pixels, out, row_bytes);
    call.parallel(index.size(0), copied_rows, [&](std::size_t first, std::size_t last) {
        cpu::mask_scatter(rows.data, index.as<std::int64_t>(), index.size(0), row_bytes, first, last, out.data);
    });
}

template <class T>
void MaskScatter<T>::infer_shape(const ShapeInference& shapes) {
    shapes.set_output(shapes.element_type(0), shapes.input(1, 2));
}

MaskNeighbors::MaskNeighbors(const Node& node) : kernel_size(node.attribute("kernel_size", std::int64_t{3})) {
    require(kernel_size > 0 && kernel_size % 2 == 1,
            "kernel_size " + std::to_string(kernel_size) + " is not a positive odd number");
}

void MaskNeighbors::compute(const Call& call) const {
    const Tensor index = call.input(0, "index", 1);
    const Size size = read_size(call, 1);
    require_inside("index", index, size.height * size.width);
    require(index.shape[0] <= std::numeric_limits<std::int32_t>::max() - size.height * size.width,
            "the picture has too many pixels for a table of 32-bit numbers; use tiles");
    const Tensor neighbors = call.output({index.shape[0], kernel_size * kernel_size});
    const cpu::NeighborTable table(index.as<std::int64_t>(), index.size(0), size.height, size.width, kernel_size);
    call.parallel(index.size(0), copied_rows,
                  [&](std::size_t first, std::size_t last) { table.fill(first, last, neighbors.as<std::int32_t>()); });
}

void MaskNeighbors::infer_shape(const ShapeInference& shapes) {
    const std::int64_t side = shapes.attribute("kernel_size", 3);
    shapes.set_output(output, {shapes.input(0, 1)[0], {side * side, ""}});
}

template <class T, Epilogue epilogue>
MaskedConv2d<T, epilogue>::MaskedConv2d(const Node& node)
    : instruction_set(cpu::chosen_instruction_set()),
      group(group_of(node)),
      activation{activation_of(epilogue), node.attribute("negative_slope", 1.0f)},
      weights(node, 3, [this](const Tensor& weight, const Tensor& bias) { return pack(weight, bias); }) {}

template <class T, Epilogue epilogue>
std::shared_ptr<const cpu::MaskedConvolution<T>> MaskedConv2d<T, epilogue>::pack(const Tensor& weight,
                                                                                 const Tensor& bias) const {
    const cpu::ConvolutionShape shape = convolution_shape(weight, bias, group, 1);
    return std::make_shared<const cpu::MaskedConvolution<T>>(instruction_set, shape, weight.as<T>(), bias.as<T>(),
                                                             activation);
}

template <class T, Epilogue epilogue>
void MaskedConv2d<T, epilogue>::compute(const Call& call) const {
    const Tensor rows = call.input(0, "rows", 2), surround = call.input(1, "surround", 2),
                 neighbors = call.input(2, "neighbors", 2);
    const auto convolution =
        weights.get(call, 4, [this](const Tensor& weight, const Tensor& bias) { return pack(weight, bias); });
    const cpu::ConvolutionShape& shape = convolution->shape();
    require_equal("the number of rows of neighbors", neighbors.size(0), rows.size(0));
    require_equal("the number of neighbors of a row", neighbors.size(1), shape.taps);
    require_equal("the number of channels of rows", rows.size(1), shape.inputs);
    require_equal("the number of channels of surround", surround.size(1), shape.inputs);
    const Tensor out = call.output({rows.shape[0], static_cast<std::int64_t>(shape.outputs)});
    const T* residual = has_residual(epilogue) ? read_residual<T>(call, 5, out) : nullptr;
    std::atomic<bool> inside{true};
    call.parallel(rows.size(0), 4 * cpu::convolution_block_rows, [&](std::size_t first, std::size_t last) {
        if (!convolution->run(rows.as<T>(), rows.size(0), surround.as<T>(), surround.size(0),
                              neighbors.as<std::int32_t>(), residual, first, last, out.as<T>())) {
            inside = false;
        }
    });
    require(inside, "neighbors names a row beyond the " + std::to_string(rows.size(0)) + " rows and the " +
                        std::to_string(surround.size(0)) + " pixels of the surround");
}

template <class T, Epilogue epilogue>
void MaskedConv2d<T, epilogue>::infer_shape(const ShapeInference& shapes) {
    shapes.set_output(shapes.element_type(0), {shapes.input(0, 2)[0], shapes.input(3, 4)[0]});
}

template <class T, std::size_t tensors, Epilogue epilogue>
Pointwise<T, tensors, epilogue>::Pointwise(const Node& node)
    : instruction_set(cpu::chosen_instruction_set()),
      activation{activation_of(epilogue), node.attribute("negative_slope", 1.0f)},
      weights(node, tensors, [this](const Tensor& weight, const Tensor& bias) { return pack(weight, bias); }) {}

template <class T, std::size_t tensors, Epilogue epilogue>
std::shared_ptr<const cpu::Pointwise<T>> Pointwise<T, tensors, epilogue>::pack(const Tensor& weight,
                                                                               const Tensor& bias) const {
    require(weight.shape.size() == 2 && bias.shape.size() == 1, "weight must have 2 axes and bias 1");
    require_equal("the length of bias", bias.size(0), weight.size(0));
    require(weight.size(1) % tensors == 0, "the " + std::to_string(weight.size(1)) +
                                               " inputs are not a multiple of the " + std::to_string(tensors) +
                                               " tensors");
    return std::make_shared<const cpu::Pointwise<T>>(instruction_set, tensors, weight.size(1) / tensors, weight.size(0),
                                                     weight.as<T>(), bias.as<T>(), activation);
}

template <class T, std::size_t tensors, Epilogue epilogue>
void Pointwise<T, tensors, epilogue>::compute(const Call& call) const {
    const auto pointwise =
        weights.get(call, 2, [this](const Tensor& weight, const Tensor& bias) { return pack(weight, bias); });
    const std::size_t rows = call.input(0, "rows", 2).size(0);
    const T* sources[tensors];
    for (std::size_t i = 0; i < tensors; ++i) {
        const Tensor tensor = call.input(i, "rows", 2);
        require_equal("the number of rows", tensor.size(0), rows);
        require_equal("the number of channels of rows", tensor.size(1), pointwise->shape().inputs);
        sources[i] = tensor.as<T>();
    }
    const Tensor out =
        call.output({static_cast<std::int64_t>(rows), static_cast<std::int64_t>(pointwise->shape().outputs)});
    const T* residual = has_residual(epilogue) ? read_residual<T>(call, tensors + 2, out) : nullptr;
    call.parallel(rows, 4 * cpu::convolution_block_rows, [&](std::size_t first, std::size_t last) {
        pointwise->run(sources, residual, first, last, out.as<T>());
    });
}

template <class T, std::size_t tensors, Epilogue epilogue>
void Pointwise<T, tensors, epilogue>::infer_shape(const ShapeInference& shapes) {
    shapes.set_output(shapes.element_type(0), {shapes.input(0, 2)[0], shapes.input(tensors, 2)[0]});
}

template <class T, Epilogue epilogue>
PixelConv2d<T, epilogue>::PixelConv2d(const Node& node)
    : instruction_set(cpu::chosen_instruction_set()),
      group(group_of(node)),
      upscale(upscale_of(node)),
      activation{activation_of(epilogue), node.attribute("negative_slope", 1.0f)},
      weights(node, 2, [this](const Tensor& weight, const Tensor& bias) { return pack(weight, bias); }) {}

template <class T, Epilogue epilogue>
std::shared_ptr<const cpu::PixelConvolution<T>> PixelConv2d<T, epilogue>::pack(const Tensor& weight,
                                                                               const Tensor& bias) const {
    const cpu::ConvolutionShape shape = convolution_shape(weight, bias, group, upscale);
    require(weight.shape[2] == weight.shape[3] && weight.shape[2] % 2 == 1,
            "the kernel of " + std::to_string(weight.shape[2]) + " x " + std::to_string(weight.shape[3]) +
                " is not square with an odd side");
    return std::make_shared<const cpu::PixelConvolution<T>>(instruction_set, shape, weight.as<T>(), bias.as<T>(),
                                                            activation);
}

template <class T, Epilogue epilogue>
void PixelConv2d<T, epilogue>::compute(const Call& call) const {
    const Tensor pixels = call.input(0, "pixels", 2);
    const Size size = read_size(call, 1);
    const auto convolution =
        weights.get(call, 4, [this](const Tensor& weight, const Tensor& bias) { return pack(weight, bias); });
    const cpu::ConvolutionShape& shape = convolution->shape();
    require_equal("the number of pixels", pixels.size(0), static_cast<std::size_t>(size.height * size.width));
    require_equal("the number of channels of pixels", pixels.size(1), shape.inputs);
    const std::int64_t square = upscale * upscale;
    const Tensor out = call.output({pixels.shape[0] * square, static_cast<std::int64_t>(shape.outputs) / square});
    const bool is_nearest = epilogue == Epilogue::add_nearest;
    const Tensor residual_like{nullptr, {is_nearest ? pixels.shape[0] : out.shape[0], out.shape[1]}};
    const T* values = has_residual(epilogue) ? read_residual<T>(call, 4, residual_like) : nullptr;
    const cpu::PixelResidual<T> residual{values, is_nearest};
    call.parallel(static_cast<std::size_t>(size.height), convolved_lines, [&](std::size_t first, std::size_t last) {
        convolution->run(pixels.as<T>(), static_cast<std::size_t>(size.height), static_cast<std::size_t>(size.width),
                         residual, first, last, out.as<T>());
    });
}

template <class T, Epilogue epilogue>
void PixelConv2d<T, epilogue>::infer_shape(const ShapeInference& shapes) {
    const std::int64_t square = shapes.attribute("upscale", 1) * shapes.attribute("upscale", 1);
    Axis pixels = shapes.input(0, 2)[0], channels = shapes.input(2, 4)[0];
    if (pixels.size >= 0) pixels.size *= square;
    if (!pixels.name.empty() && square > 1) pixels.name += "*" + std::to_string(square);
    if (channels.size >= 0) channels.size /= square;
    shapes.set_output(shapes.element_type(0), {pixels, channels});
}

template <class T>
WindowGather<T>::WindowGather(const Node& node)
    : window_size(window_size_of(node)), shift(shift_of(node, window_size)) {}

template <class T>
void WindowGather<T>::compute(const Call& call) const {
    const Tensor pixels = call.input(0, "pixels", 2), windows = call.input(1, "windows", 1);
    const cpu::WindowGrid grid = read_grid(call, 2, window_size, shift, pixels, windows);
    const Tensor tokens = call.output({windows.shape[0], window_size * window_size, pixels.shape[1]});
    call.parallel(windows.size(0), 1, [&](std::size_t first, std::size_t last) {
        cpu::window_gather(pixels.data, windows.as<std::int64_t>(), grid, pixels.size(1) * sizeof(T), first, last,
                           tokens.data);
    });
}

template <class T>
void WindowGather<T>::infer_shape(const ShapeInference& shapes) {
    const std::int64_t side = shapes.attribute("window_size", 8);
    shapes.set_output(shapes.element_type(0), {shapes.input(1, 1)[0], {side * side, ""}, shapes.input(0, 2)[1]});
}

template <class T>
WindowScatter<T>::WindowScatter(const Node& node)
    : window_size(window_size_of(node)), shift(shift_of(node, window_size)) {}

template <class T>
void WindowScatter<T>::compute(const Call& call) const {
    const Tensor tokens = call.input(0, "tokens", 3), pixels = call.input(1, "pixels", 2),
                 windows = call.input(2, "windows", 1);
    const cpu::WindowGrid grid = read_grid(call, 3, window_size, shift, pixels, windows);
    require_equal("the number of windows of tokens", tokens.size(0), windows.size(0));
    require_equal("the number of tokens of a window", tokens.size(1),
                  static_cast<std::size_t>(window_size * window_size));
    require_equal("the number of channels of tokens", tokens.size(2), pixels.size(1));
    const Tensor out = call.output(pixels.shape);
    const std::size_t row_bytes = pixels.size(1) * sizeof(T);
    copy_unless_in_place(call, pixels, out, row_bytes);
    call.parallel(windows.size(0), 1, [&](std::size_t first, std::size_t last) {
        cpu::window_scatter(tokens.data, windows.as<std::int64_t>(), grid, row_bytes, first, last, out.data);
    });
}

template <class T>
void WindowScatter<T>::infer_shape(const ShapeInference& shapes) {
    shapes.set_output(shapes.element_type(0), shapes.input(1, 2));
}

namespace {

constexpr std::size_t windows_of_task = 8;  // enough to outweigh its start and its memory

/// Names of the inputs of WindowLayer from the fourth on.
constexpr std::array window_layer_weights{"norm1_weight", "norm1_bias", "qkv_weight",   "qkv_bias",   "position_bias",
                                          "proj_weight",  "proj_bias",  "norm2_weight", "norm2_bias", "fc1_weight",
                                          "fc1_bias",     "fc2_weight", "fc2_bias"};
constexpr std::size_t first_weight = 3;

std::string text_of(const Shape& shape) {
    std::string text = "[";
    for (const std::int64_t side : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(side);
    return text + "]";
}

}  // namespace

template <class T>
WindowLayer<T>::WindowLayer(const Node& node)
    : instruction_set(cpu::chosen_instruction_set()),
      window_size(window_size_of(node)),
      shift(shift_of(node, window_size)),
      heads(node.attribute("heads", std::int64_t{6})),
      epsilon(node.attribute("epsilon", 1e-5f)) {
    require(heads > 0, "heads " + std::to_string(heads) + " is not positive");
    std::vector<Tensor> weights(window_layer_weights.size());
    bool all_constant = true;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        all_constant = all_constant && node.constant_input(first_weight + i, weights[i]);
    }
    if (all_constant) packed = pack(weights);
}

template <class T>
std::shared_ptr<const cpu::WindowLayer<T>> WindowLayer<T>::pack(const std::vector<Tensor>& weights) const {
    require(!weights[0].shape.empty() && !weights[9].shape.empty(), "norm1_weight or fc1_weight has no axes");
    const std::int64_t c = weights[0].shape[0], hidden = weights[9].shape[0], tokens = window_size * window_size;
    require(c > 0 && c % heads == 0,
            "the " + std::to_string(c) + " channels are not a multiple of the " + std::to_string(heads) + " heads");
    const std::array<Shape, window_layer_weights.size()> expected{{{c},
                                                                   {c},
                                                                   {3 * c, c},
                                                                   {3 * c},
                                                                   {heads, tokens, tokens},
                                                                   {c, c},
                                                                   {c},
                                                                   {c},
                                                                   {c},
                                                                   {hidden, c},
                                                                   {hidden},
                                                                   {c, hidden},
                                                                   {c}}};
    for (std::size_t i = 0; i < weights.size(); ++i) {
        require(weights[i].shape == expected[i], std::string("the shape of ") + window_layer_weights[i] + " is " +
                                                     text_of(weights[i].shape) + ", not " + text_of(expected[i]));
    }
    const auto data = [&weights](std::size_t i) { return static_cast<const T*>(weights[i].data); };
    const cpu::WindowLayerShape shape{static_cast<std::size_t>(c), static_cast<std::size_t>(hidden),
                                      static_cast<std::size_t>(heads), static_cast<std::size_t>(tokens)};
    const cpu::WindowLayerWeights<T> pointers{data(0), data(1), data(2), data(3),  data(4),  data(5), data(6),
                                              data(7), data(8), data(9), data(10), data(11), data(12)};
    return std::make_shared<const cpu::WindowLayer<T>>(instruction_set, shape, pointers, epsilon);
}

template <class T>
void WindowLayer<T>::compute(const Call& call) const {
    const Tensor pixels = call.input(0, "pixels", 2), windows = call.input(1, "windows", 1);
    const cpu::WindowGrid grid = read_grid(call, 2, window_size, shift, pixels, windows);
    std::shared_ptr<const cpu::WindowLayer<T>> layer = packed;
    if (!layer) {
        std::vector<Tensor> weights;
        for (std::size_t i = 0; i < window_layer_weights.size(); ++i) weights.push_back(call.input(first_weight + i));
        layer = pack(weights);
    }
    require_equal("the number of channels of pixels", pixels.size(1), layer->shape().channels);
    const Tensor out = call.output(pixels.shape);
    copy_unless_in_place(call, pixels, out, pixels.size(1) * sizeof(T));
    call.parallel(windows.size(0), windows_of_task, [&](std::size_t first, std::size_t last) {
        layer->run(windows.as<std::int64_t>(), windows.size(0), grid, first, last, out.as<T>());
    });
}

template <class T>
void WindowLayer<T>::infer_shape(const ShapeInference& shapes) {
    shapes.set_output(shapes.element_type(0), shapes.input(0, 2));
}

template struct MaskGather<float>;
template struct MaskScatter<float>;
template struct MaskedConv2d<float, Epilogue::none>;
template struct MaskedConv2d<float, Epilogue::add>;
template struct MaskedConv2d<float, Epilogue::silu>;
template struct MaskedConv2d<float, Epilogue::silu_add>;
template struct MaskedConv2d<float, Epilogue::attention>;
template struct Pointwise<float, 1, Epilogue::none>;
template struct Pointwise<float, 1, Epilogue::add>;
template struct Pointwise<float, 2, Epilogue::none>;
template struct Pointwise<float, 3, Epilogue::none>;
template struct Pointwise<float, 4, Epilogue::none>;
template struct PixelConv2d<float, Epilogue::none>;
template struct PixelConv2d<float, Epilogue::add>;
template struct PixelConv2d<float, Epilogue::add_nearest>;
template struct WindowGather<float>;
template struct WindowScatter<float>;
template struct WindowLayer<float>;
template struct MaskGather<cpu::float16>;
template struct MaskScatter<cpu::float16>;
template struct MaskedConv2d<cpu::float16, Epilogue::none>;
template struct MaskedConv2d<cpu::float16, Epilogue::add>;
template struct MaskedConv2d<cpu::float16, Epilogue::silu>;
template struct MaskedConv2d<cpu::float16, Epilogue::silu_add>;
template struct MaskedConv2d<cpu::float16, Epilogue::attention>;
template struct Pointwise<cpu::float16, 1, Epilogue::none>;
template struct Pointwise<cpu::float16, 1, Epilogue::add>;
template struct Pointwise<cpu::float16, 2, Epilogue::none>;
template struct Pointwise<cpu::float16, 3, Epilogue::none>;
template struct Pointwise<cpu::float16, 4, Epilogue::none>;
template struct PixelConv2d<cpu::float16, Epilogue::none>;
template struct PixelConv2d<cpu::float16, Epilogue::add>;
template struct PixelConv2d<cpu::float16, Epilogue::add_nearest>;
template struct WindowGather<cpu::float16>;
template struct WindowScatter<cpu::float16>;
template struct WindowLayer<cpu::float16>;
template struct MaskGather<cpu::bfloat16>;
template struct MaskScatter<cpu::bfloat16>;
template struct MaskedConv2d<cpu::bfloat16, Epilogue::none>;
template struct MaskedConv2d<cpu::bfloat16, Epilogue::add>;
template struct MaskedConv2d<cpu::bfloat16, Epilogue::silu>;
template struct MaskedConv2d<cpu::bfloat16, Epilogue::silu_add>;
template struct MaskedConv2d<cpu::bfloat16, Epilogue::attention>;
template struct Pointwise<cpu::bfloat16, 1, Epilogue::none>;
template struct Pointwise<cpu::bfloat16, 1, Epilogue::add>;
template struct Pointwise<cpu::bfloat16, 2, Epilogue::none>;
template struct Pointwise<cpu::bfloat16, 3, Epilogue::none>;
template struct Pointwise<cpu::bfloat16, 4, Epilogue::none>;
template struct PixelConv2d<cpu::bfloat16, Epilogue::none>;
template struct PixelConv2d<cpu::bfloat16, Epilogue::add>;
template struct PixelConv2d<cpu::bfloat16, Epilogue::add_nearest>;
template struct WindowGather<cpu::bfloat16>;
template struct WindowScatter<cpu::bfloat16>;
template struct WindowLayer<cpu::bfloat16>;

}  // namespace amsr::ort
