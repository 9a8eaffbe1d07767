#include "cases.h"

#include <cmath>
#include <functional>
#include <numeric>

#include "random.h"
#include "reference.h"

namespace amsr::host {
namespace {

using reference::Positions;
using reference::Values;

using Shape = std::vector<std::int64_t>;

std::int64_t count(const Shape& shape) {
    return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

/// Repeatable random arrays, with values that float16 holds too.
class Random {
  public:
    Array values(const char* name, const Shape& shape, float scale = 1, float mean = 0) {
        const auto stored = random_.values<cpu::float16>(count(shape), scale, mean);
        return {name, Kind::value, shape, reference::values_of(stored)};
    }

    /// Increasing positions, each taken with a probability; none and all where it is 0 and 1.
    Array positions(const char* name, std::int64_t limit, double density) {
        const Positions taken = random_.positions(limit, density);
        return {name, Kind::int64, {static_cast<std::int64_t>(taken.size())}, {taken.begin(), taken.end()}};
    }

  private:
    test::Random random_{20};
};

/// Keeps sums of so many products as large as their factors.
float scale_of(std::int64_t inputs) { return 1 / std::sqrt(static_cast<float>(inputs)); }

Positions integers(const Array& array) { return {array.values.begin(), array.values.end()}; }

Array size_array(std::int64_t height, std::int64_t width) {
    return {"size", Kind::int64, {2}, {static_cast<double>(height), static_cast<double>(width)}};
}

Array output(Kind kind, Shape shape, Values values) { return {"out", kind, std::move(shape), std::move(values)}; }

struct Mask {
    const char* name;
    std::int64_t height, width;
    double density;
};

constexpr Mask masks[] = {
    {"some pixels", 7, 9, 0.4}, {"every pixel", 5, 8, 1}, {"no pixel", 3, 4, 0}, {"one row", 1, 13, 0.5}};

void add_mask_cases(std::vector<Case>& cases, Random& random) {
    for (const Mask& mask : masks) {
        for (const std::int64_t channels : {3, 64}) {
            const std::int64_t pixel_count = mask.height * mask.width;
            const Array pixels = random.values("pixels", {pixel_count, channels}),
                        index = random.positions("index", pixel_count, mask.density),
                        rows = random.values("rows", {index.shape[0], channels});
            const Positions positions = integers(index);
            cases.push_back(
                {mask.name,
                 "MaskGather",
                 {pixels, index},
                 {},
                 output(Kind::value, rows.shape, reference::mask_gather(pixels.values, positions, channels))});
            cases.push_back({mask.name,
                             "MaskScatter",
                             {rows, pixels, index},
                             {},
                             output(Kind::value, pixels.shape,
                                    reference::mask_scatter(rows.values, pixels.values, positions, channels)),
                             1});
        }
        for (const std::int32_t side : {1, 3, 5}) {
            Array index = random.positions("index", mask.height * mask.width, mask.density);
            if (index.shape[0] > 1) index.values.back() = index.values[index.values.size() - 2];  // a padded index
            const Positions table = reference::mask_neighbors(integers(index), mask.height, mask.width, side);
            cases.push_back({mask.name,
                             "MaskNeighbors",
                             {index, size_array(mask.height, mask.width)},
                             {{"kernel_size", side}},
                             output(Kind::int32, {index.shape[0], side * side}, {table.begin(), table.end()}),
                             -1,
                             mask.height,
                             mask.width});
        }
    }
}

struct Layout {
    const char* name;
    std::int64_t outputs, inputs, groups, side;
    float negative_slope;
};

constexpr Layout layouts[] = {{"64 channels, ReLU", 64, 64, 1, 3, 0.0f},
                              {"groups", 12, 8, 4, 3, 1.0f},
                              {"odd channels, leaky", 5, 7, 1, 5, 0.25f},
                              {"12 channels", 12, 12, 1, 3, 0.1f},
                              {"32 channels", 32, 32, 1, 3, 0.1f}};

/// Completes a convolution's case by what its epilogue brings along.
Case with_epilogue(Case known, const Epilogue& epilogue, float negative_slope, const Array& residual) {
    known.op += epilogue.suffix;
    if (epilogue.has_residual()) known.inputs.push_back(residual);
    if (epilogue.activation == Activation::leaky_relu) {
        known.attributes.emplace_back("negative_slope", negative_slope);
    }
    return known;
}

void add_convolution_cases(std::vector<Case>& cases, Random& random) {
    for (const Layout& layout : layouts) {
        const float scale = scale_of(layout.inputs / layout.groups * layout.side * layout.side);
        const Array weight = random.values(
                        "weight", {layout.outputs, layout.inputs / layout.groups, layout.side, layout.side}, scale),
                    bias = random.values("bias", {layout.outputs});
        reference::Convolution convolution{
            layout.outputs, layout.inputs, layout.groups, layout.side, weight.values, bias.values, {}};
        const auto group = static_cast<std::int32_t>(layout.groups);
        for (const Mask& mask : masks) {
            const std::int64_t pixel_count = mask.height * mask.width;
            const Positions index = integers(random.positions("index", pixel_count, mask.density));
            const auto row_count = static_cast<std::int64_t>(index.size());
            const Positions table = reference::mask_neighbors(index, mask.height, mask.width, layout.side);
            const Array rows = random.values("rows", {row_count, layout.inputs}),
                        surround = random.values("surround", {pixel_count, layout.inputs}),
                        neighbors{"neighbors",
                                  Kind::int32,
                                  {row_count, layout.side * layout.side},
                                  {table.begin(), table.end()}},
                        residual = random.values("residual", {row_count, layout.outputs});
            const std::string name = std::string(layout.name) + ", " + mask.name;
            for (const Epilogue& epilogue : epilogues::of_masked_conv2d) {
                convolution.activation = {epilogue.activation, layout.negative_slope};
                const Values out = reference::masked_conv2d(convolution, rows.values, surround.values, table,
                                                            epilogue.has_residual() ? residual.values : Values{});
                cases.push_back(with_epilogue({name,
                                               "MaskedConv2d",
                                               {rows, surround, neighbors, weight, bias},
                                               {{"group", group}},
                                               output(Kind::value, residual.shape, out)},
                                              epilogue, layout.negative_slope, residual));
            }
        }
    }
}

void add_pixel_convolution_cases(std::vector<Case>& cases, Random& random) {
    constexpr std::int64_t height = 6;
    for (const Layout& layout : layouts) {
        for (const std::int32_t upscale : {1, 2}) {
            const std::int64_t width = upscale == 1 ? 11 : 10;  // 10 can be that of upscaled pixels
            const std::int64_t outputs = layout.outputs * upscale * upscale, pixel_count = height * width;
            const float scale = scale_of(layout.inputs / layout.groups * layout.side * layout.side);
            const Array pixels = random.values("pixels", {pixel_count, layout.inputs}),
                        weight = random.values(
                            "weight", {outputs, layout.inputs / layout.groups, layout.side, layout.side}, scale),
                        bias = random.values("bias", {outputs}),
                        residual = random.values("residual", {pixel_count * upscale * upscale, layout.outputs}),
                        small_residual = random.values("residual", {pixel_count, layout.outputs});
            const Values enlarged = reference::nearest(small_residual.values, height, width, upscale, layout.outputs);
            reference::Convolution convolution{
                outputs, layout.inputs, layout.groups, layout.side, weight.values, bias.values, {}};
            const std::string name = std::string(layout.name) + ", upscale " + std::to_string(upscale);
            for (const Epilogue& epilogue : epilogues::of_pixel_conv2d) {
                convolution.activation = {epilogue.activation, layout.negative_slope};
                const bool is_nearest = epilogue.residual == Epilogue::nearest;
                const Values& added = is_nearest ? enlarged : residual.values;
                const Values out = reference::pixel_conv2d(convolution, pixels.values, height, width, upscale,
                                                           epilogue.has_residual() ? added : Values{});
                cases.push_back(
                    with_epilogue({name,
                                   "PixelConv2d",
                                   {pixels, size_array(height, width), weight, bias},
                                   {{"group", static_cast<std::int32_t>(layout.groups)}, {"upscale", upscale}},
                                   output(Kind::value, residual.shape, out),
                                   -1,
                                   height,
                                   width},
                                  epilogue, layout.negative_slope, is_nearest ? small_residual : residual));
            }
        }
    }
}

void add_pointwise_cases(std::vector<Case>& cases, Random& random) {
    for (const std::int64_t row_count : {0, 37}) {
        for (const auto& [channels, outputs] : {std::pair<std::int64_t, std::int64_t>{64, 64}, {7, 5}}) {
            const Array bias = random.values("bias", {outputs}),
                        residual = random.values("residual", {row_count, outputs});
            const std::string name = std::to_string(row_count) + " rows of " + std::to_string(channels);
            const float slope = 0.1f;
            for (int inputs = 1; inputs <= 4; ++inputs) {
                std::vector<Array> arrays;
                std::vector<Values> values;
                for (int i = 0; i < inputs; ++i) {
                    arrays.push_back(random.values("rows", {row_count, channels}));
                    if (inputs > 1) arrays.back().name += std::to_string(i + 1);
                }
                for (const Array& array : arrays) values.push_back(array.values);
                const Array weight = random.values("weight", {outputs, inputs * channels}, scale_of(inputs * channels));
                arrays.push_back(weight);
                arrays.push_back(bias);
                const reference::Convolution convolution{
                    outputs, inputs * channels, 1, 1, weight.values, bias.values, {Activation::leaky_relu, slope}};
                const auto result = [&](const Values& added) {
                    return output(Kind::value, residual.shape,
                                  reference::pointwise(convolution, values, row_count, added));
                };
                const std::string op = inputs == 1 ? "Pointwise" : "Pointwise" + std::to_string(inputs);
                cases.push_back({name, op, arrays, {{"negative_slope", slope}}, result({})});
                if (inputs > 1) continue;
                arrays.push_back(residual);
                cases.push_back({name, "PointwiseAdd", arrays, {{"negative_slope", slope}}, result(residual.values)});
            }
        }
    }
}

struct Windows {
    const char* name;
    std::int32_t window_size, shift;
    std::int64_t down, across;
    double density;
};

constexpr Windows window_choices[] = {{"some windows", 8, 0, 2, 3, 0.5},
                                      {"some windows, shifted", 8, 4, 3, 2, 0.5},
                                      {"every window, shifted", 4, 1, 2, 2, 1},
                                      {"no window", 8, 0, 1, 2, 0}};

void add_window_layer_cases(std::vector<Case>& cases, Random& random) {
    constexpr std::int64_t channels = 60, hidden = 120, heads = 6;
    for (const Windows& choice : window_choices) {
        const std::int64_t height = choice.window_size * choice.down, width = choice.window_size * choice.across,
                           tokens = choice.window_size * choice.window_size;
        const float in = scale_of(channels), deep = scale_of(hidden);
        const std::vector<Array> inputs{random.values("pixels", {height * width, channels}),
                                        random.positions("windows", choice.down * choice.across, choice.density),
                                        size_array(height, width),
                                        random.values("norm1_weight", {channels}, 0.1f, 1),
                                        random.values("norm1_bias", {channels}, 0.1f),
                                        random.values("qkv_weight", {3 * channels, channels}, in),
                                        random.values("qkv_bias", {3 * channels}, 0.1f),
                                        random.values("position_bias", {heads, tokens, tokens}),
                                        random.values("proj_weight", {channels, channels}, in),
                                        random.values("proj_bias", {channels}, 0.1f),
                                        random.values("norm2_weight", {channels}, 0.1f, 1),
                                        random.values("norm2_bias", {channels}, 0.1f),
                                        random.values("fc1_weight", {hidden, channels}, in),
                                        random.values("fc1_bias", {hidden}, 0.1f),
                                        random.values("fc2_weight", {channels, hidden}, deep),
                                        random.values("fc2_bias", {channels}, 0.1f)};
        const float epsilon = 1e-5f;
        const reference::Layer layer{channels,
                                     hidden,
                                     heads,
                                     static_cast<double>(epsilon),
                                     inputs[3].values,
                                     inputs[4].values,
                                     inputs[5].values,
                                     inputs[6].values,
                                     inputs[7].values,
                                     inputs[8].values,
                                     inputs[9].values,
                                     inputs[10].values,
                                     inputs[11].values,
                                     inputs[12].values,
                                     inputs[13].values,
                                     inputs[14].values,
                                     inputs[15].values};
        const reference::Grid grid{height, width, choice.window_size, choice.shift};
        cases.push_back({choice.name,
                         "WindowLayer",
                         inputs,
                         {{"window_size", choice.window_size},
                          {"shift", choice.shift},
                          {"heads", static_cast<std::int32_t>(heads)},
                          {"epsilon", epsilon}},
                         output(Kind::value, inputs[0].shape,
                                reference::window_layer(layer, inputs[0].values, integers(inputs[1]), grid)),
                         0,
                         height,
                         width});
    }
}

}  // namespace

std::vector<Case> all_cases() {
    std::vector<Case> cases;
    Random random;
    add_mask_cases(cases, random);
    add_convolution_cases(cases, random);
    add_pixel_convolution_cases(cases, random);
    add_pointwise_cases(cases, random);
    add_window_layer_cases(cases, random);
    return cases;
}

}  // namespace amsr::host
