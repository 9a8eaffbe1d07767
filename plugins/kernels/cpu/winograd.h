// PixelConv2d with 3x3 taps and many channels: Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", 2016). 16 products of transformed values replace the 36 of four output
// pixels.
#pragma once

#include <memory>

#include "convolution.h"

namespace amsr::cpu {

class Winograd {
  public:
    /// Whether the channels fill whole vectors, so that it is faster than a direct convolution.
    static bool suits(InstructionSet set, const ConvolutionShape& shape);

    /// weight [Co, 9, Ci / groups] and bias [Co] are copied.
    Winograd(InstructionSet set, const ConvolutionShape& shape, const float* weight, const float* bias,
             float negative_slope);

    /// As PixelConvolution::run.
    void run(const float* pixels, std::size_t height, std::size_t width, const float* residual, std::size_t first,
             std::size_t last, float* out) const;

  private:
    static constexpr std::size_t transformed = 16;    // values of a tile of 4 x 4 pixels
    static constexpr std::size_t panel_outputs = 64;  // their products and transformed inputs stay in the L2 cache

    /// Outputs of one group that are computed together.
    struct Panel {
        std::size_t first_input;
        std::vector<OutputVector> vectors;
        std::vector<float> bias;
        std::unique_ptr<const Convolution<float>> products[transformed];
    };

    void transform_inputs(const float* pixels, std::size_t height, std::size_t width, std::size_t tile_y,
                          std::size_t tile_x, std::size_t count, float* values) const;
    void multiply(const Panel& panel, const float* values, std::size_t count, float* products) const;
    void store(const Panel& panel, const float* products, std::size_t width, std::size_t tile_y, std::size_t tile_x,
               std::size_t count, const float* residual, std::size_t first, std::size_t last, float* out) const;

    const ConvolutionCode<float>& code_;
    ConvolutionShape shape_;
    float negative_slope_;
    std::vector<float> zeros_;  // the pixel outside the picture
    std::vector<Panel> panels_;
};

}  // namespace amsr::cpu
