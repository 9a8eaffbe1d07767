// The table of operators: Q masked pixels, P pixels, M windows, C, Ci and Co channels, k the side of a kernel, F the
// hidden channels of an MLP.
#include "operator.h"

namespace amsr {
namespace {

constexpr Attribute negative_slope = number_attribute("negative_slope", 1.0f);
constexpr Attribute group = integer_attribute("group", 1, 1);
constexpr Attribute upscale = integer_attribute("upscale", 1, 1, 16);

Tensor value(const char* name, const char* shape) { return {name, Element::value, shape}; }
Tensor weight(const char* name, const char* shape) { return {name, Element::value, shape, true}; }

const Tensor index{"index", Element::int64, "Q"}, windows{"windows", Element::int64, "M"},
    size{"size", Element::size, "2"};

/// Completes a convolution by what its epilogue brings along: the end of its name, the residual, the slope.
Operator with_epilogue(Operator op, const Epilogue& epilogue, const char* residual) {
    op.name += epilogue.suffix;
    op.epilogue = epilogue;
    if (epilogue.has_residual()) op.inputs.push_back(value("residual", residual));
    if (epilogue.activation == Activation::leaky_relu) op.attributes.push_back(negative_slope);
    return op;
}

Operator masked_conv2d(const Epilogue& epilogue) {
    Operator op{"MaskedConv2d",
                Kernel::masked_conv2d,
                {value("rows", "Q Ci"),
                 value("surround", "P Ci"),
                 {"neighbors", Element::int32, "Q k*k"},
                 weight("weight", "Co Ci/group k k"),
                 weight("bias", "Co")},
                {Element::value, "Q Co"},
                {group}};
    op.whole = "Co/group";
    op.odd = {"k"};
    return with_epilogue(op, epilogue, "Q Co");
}

Operator pixel_conv2d(const Epilogue& epilogue) {
    constexpr const char* shuffled = "P*upscale*upscale Co/upscale/upscale";
    Operator op{"PixelConv2d",
                Kernel::pixel_conv2d,
                {value("pixels", "P Ci"), size, weight("weight", "Co Ci/group k k"), weight("bias", "Co")},
                {Element::value, shuffled},
                {group, upscale}};
    op.whole = "Co/group/upscale/upscale";
    op.odd = {"k"};
    return with_epilogue(op, epilogue, epilogue.residual == Epilogue::nearest ? "P Co/upscale/upscale" : shuffled);
}

/// A pointwise convolution of the concatenation of its rows.
Operator pointwise(const char* name, std::vector<Tensor> inputs, const char* weight_shape, const Epilogue& epilogue) {
    inputs.push_back(weight("weight", weight_shape));
    inputs.push_back(weight("bias", "Co"));
    return with_epilogue({name, Kernel::pointwise, std::move(inputs), {Element::value, "Q Co"}, {}}, epilogue, "Q Co");
}

Operator window_layer() {
    Operator op{
        "WindowLayer",
        Kernel::window_layer,
        {value("pixels", "P C"), windows, size, weight("norm1_weight", "C"), weight("norm1_bias", "C"),
         weight("qkv_weight", "3*C C"), weight("qkv_bias", "3*C"),
         weight("position_bias", "heads window_size*window_size window_size*window_size"), weight("proj_weight", "C C"),
         weight("proj_bias", "C"), weight("norm2_weight", "C"), weight("norm2_bias", "C"), weight("fc1_weight", "F C"),
         weight("fc1_bias", "F"), weight("fc2_weight", "C F"), weight("fc2_bias", "C")},
        {Element::value, "P C"},
        {integer_attribute("window_size", 8, 1, 1024), integer_attribute("shift", 0, 0, 1023),
         integer_attribute("heads", 6, 1), number_attribute("epsilon", 1e-5f, 0.0f)}};
    op.whole = "C/heads";
    op.in_place_input = 0;
    return op;
}

std::vector<Operator> make_operators() {
    Operator mask_gather{
        "MaskGather", Kernel::mask_gather, {value("pixels", "P C"), index}, {Element::value, "Q C"}, {}};
    Operator mask_scatter{"MaskScatter",
                          Kernel::mask_scatter,
                          {value("rows", "Q C"), value("pixels", "P C"), index},
                          {Element::value, "P C"},
                          {}};
    mask_scatter.in_place_input = 1;
    Operator mask_neighbors{"MaskNeighbors",
                            Kernel::mask_neighbors,
                            {index, size},
                            {Element::int32, "Q kernel_size*kernel_size"},
                            {integer_attribute("kernel_size", 3, 1, 255)}};
    mask_neighbors.odd = {"kernel_size"};

    const Tensor rows1 = value("rows1", "Q C"), rows2 = value("rows2", "Q C"), rows3 = value("rows3", "Q C"),
                 rows4 = value("rows4", "Q C");
    std::vector<Operator> all{
        mask_gather,
        mask_scatter,
        mask_neighbors,
        window_layer(),
        pointwise("Pointwise2", {rows1, rows2}, "Co 2*C", epilogues::none),
        pointwise("Pointwise3", {rows1, rows2, rows3}, "Co 3*C", epilogues::none),
        pointwise("Pointwise4", {rows1, rows2, rows3, rows4}, "Co 4*C", epilogues::none),
    };
    for (const Epilogue& epilogue : epilogues::of_masked_conv2d) all.push_back(masked_conv2d(epilogue));
    for (const Epilogue& epilogue : epilogues::of_pointwise) {
        all.push_back(pointwise("Pointwise", {value("rows", "Q C")}, "Co C", epilogue));
    }
    for (const Epilogue& epilogue : epilogues::of_pixel_conv2d) all.push_back(pixel_conv2d(epilogue));
    return all;
}

}  // namespace

const std::vector<Operator>& operators() {
    static const std::vector<Operator> all = make_operators();
    return all;
}

}  // namespace amsr
