// The definition of the operators (amsr_deploy/models/operators.py) in float64: slow, and without any of the kernels'
// ideas.
#pragma once

#include <cstdint>
#include <vector>

#include "epilogue.h"

namespace amsr::host {

using Values = std::vector<double>;
using Positions = std::vector<std::int64_t>;

Values mask_gather(const Values& pixels, const Positions& index, std::int64_t channels);
Values mask_scatter(const Values& rows, const Values& pixels, const Positions& index, std::int64_t channels);
Positions mask_neighbors(const Positions& index, std::int64_t height, std::int64_t width, std::int64_t side);

struct Convolution {
    std::int64_t outputs, inputs, groups, side;
    Values weight, bias;
    Activation activation;
};

/// residual: empty for none.
Values masked_conv2d(const Convolution& convolution, const Values& rows, const Values& surround,
                     const Positions& neighbors, const Values& residual);
Values pixel_conv2d(const Convolution& convolution, const Values& pixels, std::int64_t height, std::int64_t width,
                    std::int64_t upscale, const Values& residual);

/// Each pixel [channels] becomes upscale x upscale pixels.
Values nearest(const Values& pixels, std::int64_t height, std::int64_t width, std::int64_t upscale,
               std::int64_t channels);

struct Grid {
    std::int64_t height, width, window_size, shift;
};

Values window_gather(const Values& pixels, const Positions& windows, const Grid& grid, std::int64_t channels);
Values window_scatter(const Values& tokens, const Values& pixels, const Positions& windows, const Grid& grid,
                      std::int64_t channels);

struct Layer {
    std::int64_t channels, hidden, heads;
    double epsilon;
    Values norm1_weight, norm1_bias, qkv_weight, qkv_bias, position_bias, proj_weight, proj_bias, norm2_weight,
        norm2_bias, fc1_weight, fc1_bias, fc2_weight, fc2_bias;
};

Values window_layer(const Layer& layer, const Values& pixels, const Positions& windows, const Grid& grid);

}  // namespace amsr::host
