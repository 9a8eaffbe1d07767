// The definition of the operators (amsr_deploy/models/operators.py) in float64, for all C++ tests: slow, and without
// any of the kernels' ideas.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/simd/storage.h"
#include "epilogue.h"

namespace amsr::reference {

using Values = std::vector<double>;
using Positions = std::vector<std::int64_t>;

/// Numbers of any storage type.
template <class T>
Values values_of(const std::vector<T>& stored) {
    Values values;
    for (const T& value : stored) values.push_back(static_cast<double>(cpu::to_float(value)));
    return values;
}

/// What a convolution makes of a sum.
double activate(const Activation& activation, double sum, double residual);

/// The place in [0, length) that a picture shows at a position of its border, as numpy.pad's mode "reflect".
int reflected(int position, int length);

Values mask_gather(const Values& pixels, const Positions& index, std::int64_t channels);
Values mask_scatter(const Values& rows, const Values& pixels, const Positions& index, std::int64_t channels);
Positions mask_neighbors(const Positions& index, std::int64_t height, std::int64_t width, std::int64_t side);

struct Convolution {
    std::int64_t outputs, inputs, groups, side;
    Values weight, bias;
    Activation activation;
};

/// neighbors: j < Q is a row, Q + p a pixel of the surround, anything else zero. residual: empty for none.
Values masked_conv2d(const Convolution& convolution, const Values& rows, const Values& surround,
                     const Positions& neighbors, const Values& residual);
Values pixel_conv2d(const Convolution& convolution, const Values& pixels, std::int64_t height, std::int64_t width,
                    std::int64_t upscale, const Values& residual);

/// A 1x1 convolution of the concatenation of inputs [row_count, C].
Values pointwise(const Convolution& convolution, const std::vector<Values>& inputs, std::int64_t row_count,
                 const Values& residual);

/// Each pixel [channels] becomes upscale x upscale pixels.
Values nearest(const Values& pixels, std::int64_t height, std::int64_t width, std::int64_t upscale,
               std::int64_t channels);

struct Grid {
    std::int64_t height, width, window_size, shift;
};

struct Layer {
    std::int64_t channels, hidden, heads;
    double epsilon;
    Values norm1_weight, norm1_bias, qkv_weight, qkv_bias, position_bias, proj_weight, proj_bias, norm2_weight,
        norm2_bias, fc1_weight, fc1_bias, fc2_weight, fc2_bias;
};

Values window_layer(const Layer& layer, const Values& pixels, const Positions& windows, const Grid& grid);

}  // namespace amsr::reference
