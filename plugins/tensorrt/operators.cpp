// The table of operators. Shapes are those of amsr_deploy/models/operators.py: Q masked pixels, P pixels, M windows, C,
// Ci and Co channels, k the side of a kernel, F the hidden channels of an MLP.
#include "call.h"
#include "cuda/convolution.h"
#include "cuda/neighbors.h"
#include "cuda/rows.h"
#include "cuda/windows.h"
#include "error.h"
#include "operator.h"

namespace amsr::trt {
namespace {

constexpr bool weight = true;

constexpr Attribute negative_slope = number_attribute("negative_slope", 1.0f);
constexpr Attribute group = integer_attribute("group", 1, 1);
constexpr Attribute upscale = integer_attribute("upscale", 1, 1);
constexpr Attribute window_size = integer_attribute("window_size", 8, 1, 1024);
constexpr Attribute shift = integer_attribute("shift", 0, 0, 1023);

// Pixels and masked pixels

cudaError_t run_mask_gather(const Call& call) {
    return cuda::mask_gather(call.input("pixels"), call.length("P"), call.positions("index"), call.length("Q"),
                             call.bytes(call.length("C")), call.output(), call.stream());
}

/// Copies the pixels unless TensorRT gave the output their memory.
void copy_pixels(const Call& call) {
    if (call.input("pixels") == call.output()) return;
    check(cudaMemcpyAsync(call.output(), call.input("pixels"), call.bytes(call.length("P") * call.length("C")),
                          cudaMemcpyDeviceToDevice, call.stream()));
}

cudaError_t run_mask_scatter(const Call& call) {
    copy_pixels(call);
    return cuda::mask_scatter(call.input("rows"), call.positions("index"), call.length("Q"), call.length("P"),
                              call.bytes(call.length("C")), call.output(), call.stream());
}

void check_kernel_size(const Attributes& attributes) {
    const std::int64_t side = attributes.integer("kernel_size");
    require(side % 2 == 1, "attribute kernel_size is " + std::to_string(side) + ", not an odd number");
}

cudaError_t run_mask_neighbors(const Call& call) {
    const Extent extent = call.extent();
    return cuda::mask_neighbors(call.positions("index"), call.length("Q"), extent.height, extent.width,
                                call.integer("kernel_size"), static_cast<std::int32_t*>(call.output()),
                                call.workspace(extent), call.stream());
}

// Convolutions

cuda::ConvolutionShape convolution_shape(const Call& call) {
    return {call.length("Co"), call.length("Ci"), call.integer("group"), call.length("k")};
}

std::size_t packed_convolution_bytes(const Call& call) {
    return cuda::packed_convolution_bytes(call.type(), convolution_shape(call));
}

cudaError_t pack_convolution(const Call& call, void* packed) {
    return cuda::pack_convolution(call.type(), convolution_shape(call), call.input("weight"), call.input("bias"),
                                  packed, call.stream());
}

/// Only operators with a leaky ReLU have the attribute.
template <Epilogue epilogue>
Activation activation(const Call& call) {
    constexpr Activation::Kind kind = activation_of(epilogue);
    return {kind, kind == Activation::leaky_relu ? call.number("negative_slope") : 1.0f};
}

template <Epilogue epilogue>
cudaError_t run_masked_conv2d(const Call& call) {
    return cuda::masked_conv2d(call.type(), convolution_shape(call), call.input("rows"), call.length("Q"),
                               call.input("surround"), call.length("P"),
                               static_cast<const std::int32_t*>(call.input("neighbors")), call.packed(),
                               call.input("residual"), activation<epilogue>(call), call.output(), call.stream());
}

template <Epilogue epilogue>
cudaError_t run_pixel_conv2d(const Call& call) {
    const Extent extent = call.extent();
    const cuda::PixelResidual residual{call.input("residual"), epilogue == Epilogue::add_nearest};
    return cuda::pixel_conv2d(call.type(), convolution_shape(call), call.input("pixels"), extent.height, extent.width,
                              call.packed(), residual, activation<epilogue>(call), call.integer("upscale"),
                              call.output(), call.stream());
}

/// Pointwise convolution of `count` concatenated inputs, which the operators of several inputs number from 1.
template <int count>
struct Concatenated {
    static cuda::ConvolutionShape shape(const Call& call) { return {call.length("Co"), count * call.length("C")}; }

    static std::size_t packed_bytes(const Call& call) {
        return cuda::packed_convolution_bytes(call.type(), shape(call));
    }

    static cudaError_t pack(const Call& call, void* packed) {
        return cuda::pack_convolution(call.type(), shape(call), call.input("weight"), call.input("bias"), packed,
                                      call.stream());
    }

    static cudaError_t run(const Call& call) {
        constexpr const char* names[] = {"rows1", "rows2", "rows3", "rows4"};
        const void* inputs[count] = {call.input("rows")};
        for (int i = 0; count > 1 && i < count; ++i) inputs[i] = call.input(names[i]);
        return cuda::pointwise(call.type(), call.length("Co"), call.length("C"), inputs, count, call.length("Q"),
                               call.packed(), call.input("residual"), activation<Epilogue::none>(call), call.output(),
                               call.stream());
    }
};

// Windows

void check_shift(const Attributes& attributes) {
    const std::int64_t size = attributes.integer("window_size"), pixels = attributes.integer("shift");
    require(pixels < size,
            "attribute shift is " + std::to_string(pixels) + ", not in [0, " + std::to_string(size) + ")");
}

cuda::WindowGrid window_grid(const Call& call) {
    const std::int64_t side = call.integer("window_size");
    const Extent extent = call.extent(side);
    return {extent.height, extent.width, side, call.integer("shift")};
}

cudaError_t run_window_gather(const Call& call) {
    return cuda::window_gather(call.input("pixels"), call.positions("windows"), call.length("M"), window_grid(call),
                               call.bytes(call.length("C")), call.output(), call.stream());
}

cudaError_t run_window_scatter(const Call& call) {
    const cuda::WindowGrid grid = window_grid(call);
    copy_pixels(call);
    return cuda::window_scatter(call.input("tokens"), call.positions("windows"), call.length("M"), grid,
                                call.bytes(call.length("C")), call.output(), call.stream());
}

cuda::WindowLayerShape window_layer_shape(const Call& call) {
    return {call.length("C"), call.length("F"), call.integer("heads"), call.integer("window_size")};
}

std::size_t packed_window_layer_bytes(const Call& call) {
    return cuda::packed_window_layer_bytes(call.type(), window_layer_shape(call));
}

cudaError_t pack_window_layer(const Call& call, void* packed) {
    cuda::WindowLayerWeights weights;
    weights.norm1_weight = call.input("norm1_weight");
    weights.norm1_bias = call.input("norm1_bias");
    weights.qkv_weight = call.input("qkv_weight");
    weights.qkv_bias = call.input("qkv_bias");
    weights.position_bias = call.input("position_bias");
    weights.proj_weight = call.input("proj_weight");
    weights.proj_bias = call.input("proj_bias");
    weights.norm2_weight = call.input("norm2_weight");
    weights.norm2_bias = call.input("norm2_bias");
    weights.fc1_weight = call.input("fc1_weight");
    weights.fc1_bias = call.input("fc1_bias");
    weights.fc2_weight = call.input("fc2_weight");
    weights.fc2_bias = call.input("fc2_bias");
    return cuda::pack_window_layer(call.type(), window_layer_shape(call), weights, packed, call.stream());
}

cudaError_t run_window_layer(const Call& call) {
    return cuda::window_layer(call.type(), window_layer_shape(call), window_grid(call), call.input("pixels"),
                              call.positions("windows"), call.length("M"), call.packed(), call.number("epsilon"),
                              call.output(), call.stream());
}

// The table

/// `name` ends with the epilogue, whose residual is the last input.
Operator convolution(const char* name, Epilogue epilogue, std::vector<Tensor> inputs, const char* residual,
                     Output output, std::vector<Attribute> attributes, cudaError_t (*run)(const Call&)) {
    if (has_residual(epilogue)) inputs.push_back({"residual", Element::value, residual});
    if (activation_of(epilogue) == Activation::leaky_relu) attributes.push_back(negative_slope);
    Operator op{std::string(name) + suffix(epilogue), std::move(inputs), std::move(output), std::move(attributes), run};
    op.packed_bytes = packed_convolution_bytes;
    op.pack = pack_convolution;
    return op;
}

template <Epilogue epilogue>
Operator masked_conv2d(std::vector<Tensor> inputs) {
    constexpr const char* outputs = "Q Co";
    return convolution("MaskedConv2d", epilogue, std::move(inputs), outputs, {Element::value, outputs}, {group},
                       run_masked_conv2d<epilogue>);
}

template <Epilogue epilogue>
Operator pixel_conv2d(std::vector<Tensor> inputs) {
    constexpr const char* outputs = "P*upscale*upscale Co/upscale/upscale";
    constexpr const char* residual = epilogue == Epilogue::add_nearest ? "P Co/upscale/upscale" : outputs;
    return convolution("PixelConv2d", epilogue, std::move(inputs), residual, {Element::value, outputs},
                       {group, upscale}, run_pixel_conv2d<epilogue>);
}

template <int count>
Operator pointwise(const char* name, std::vector<Tensor> inputs) {
    Operator op{name, std::move(inputs), {Element::value, "Q Co"}, {negative_slope}, Concatenated<count>::run};
    op.packed_bytes = Concatenated<count>::packed_bytes;
    op.pack = Concatenated<count>::pack;
    return op;
}

std::vector<Operator> make_operators() {
    const Tensor index{"index", Element::int64, "Q"}, windows{"windows", Element::int64, "M"},
        size{"size", Element::extent, "2"}, pixels{"pixels", Element::value, "P C"},
        rows{"rows", Element::value, "Q C"}, residual{"residual", Element::value, "Q Co"},
        bias{"bias", Element::value, "Co", weight};
    const auto like = [](const Tensor& tensor) { return Output{tensor.element, tensor.shape}; };

    Operator mask_gather{"MaskGather", {pixels, index}, like(rows), {}, run_mask_gather};

    Operator mask_scatter{"MaskScatter", {rows, pixels, index}, like(pixels), {}, run_mask_scatter};
    mask_scatter.in_place_input = 1;

    Operator mask_neighbors{"MaskNeighbors",
                            {index, size},
                            {Element::int32, "Q kernel_size*kernel_size"},
                            {integer_attribute("kernel_size", 3, 1, 255)},
                            run_mask_neighbors};
    mask_neighbors.check = check_kernel_size;
    mask_neighbors.workspace_bytes = cuda::mask_neighbors_workspace;

    const Tensor kernels{"weight", Element::value, "Co Ci/group k k", weight};
    const std::vector<Tensor> masked{{"rows", Element::value, "Q Ci"},
                                     {"surround", Element::value, "P Ci"},
                                     {"neighbors", Element::int32, "Q k*k"},
                                     kernels,
                                     bias};
    const std::vector<Tensor> dense{{"pixels", Element::value, "P Ci"}, size, kernels, bias};

    const Tensor rows1{"rows1", Element::value, "Q C"}, rows2{"rows2", Element::value, "Q C"},
        rows3{"rows3", Element::value, "Q C"}, rows4{"rows4", Element::value, "Q C"};
    const auto matrix = [](const char* shape) { return Tensor{"weight", Element::value, shape, weight}; };

    const Tensor tokens{"tokens", Element::value, "M window_size*window_size C"};
    Operator window_gather{
        "WindowGather", {pixels, windows, size}, like(tokens), {window_size, shift}, run_window_gather};
    window_gather.check = check_shift;
    Operator window_scatter{
        "WindowScatter", {tokens, pixels, windows, size}, like(pixels), {window_size, shift}, run_window_scatter};
    window_scatter.check = check_shift;
    window_scatter.in_place_input = 1;

    const auto parameter = [](const char* name, const char* shape) {
        return Tensor{name, Element::value, shape, weight};
    };
    Operator window_layer{
        "WindowLayer",
        {pixels, windows, size, parameter("norm1_weight", "C"), parameter("norm1_bias", "C"),
         parameter("qkv_weight", "3*C C"), parameter("qkv_bias", "3*C"),
         parameter("position_bias", "heads window_size*window_size window_size*window_size"),
         parameter("proj_weight", "C C"), parameter("proj_bias", "C"), parameter("norm2_weight", "C"),
         parameter("norm2_bias", "C"), parameter("fc1_weight", "F C"), parameter("fc1_bias", "F"),
         parameter("fc2_weight", "C F"), parameter("fc2_bias", "C")},
        like(pixels),
        {window_size, shift, integer_attribute("heads", 6, 1), number_attribute("epsilon", 1e-5f, 0.0f)},
        run_window_layer};
    window_layer.check = check_shift;
    window_layer.packed_bytes = packed_window_layer_bytes;
    window_layer.pack = pack_window_layer;
    window_layer.in_place_input = 0;

    return {
        std::move(mask_gather),
        std::move(mask_scatter),
        std::move(mask_neighbors),
        masked_conv2d<Epilogue::none>(masked),
        masked_conv2d<Epilogue::add>(masked),
        masked_conv2d<Epilogue::silu>(masked),
        masked_conv2d<Epilogue::silu_add>(masked),
        masked_conv2d<Epilogue::attention>(masked),
        pointwise<1>("Pointwise", {rows, matrix("Co C"), bias}),
        pointwise<1>("PointwiseAdd", {rows, matrix("Co C"), bias, residual}),
        pointwise<2>("Pointwise2", {rows1, rows2, matrix("Co 2*C"), bias}),
        pointwise<3>("Pointwise3", {rows1, rows2, rows3, matrix("Co 3*C"), bias}),
        pointwise<4>("Pointwise4", {rows1, rows2, rows3, rows4, matrix("Co 4*C"), bias}),
        pixel_conv2d<Epilogue::none>(dense),
        pixel_conv2d<Epilogue::add>(dense),
        pixel_conv2d<Epilogue::add_nearest>(dense),
        std::move(window_gather),
        std::move(window_scatter),
        std::move(window_layer),
    };
}

}  // namespace

const std::vector<Operator>& operators() {
    static const std::vector<Operator> all = make_operators();
    return all;
}

}  // namespace amsr::trt
