// PixelConv2d with 3x3 taps and many channels: Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", 2016). 16 products of transformed values replace the 36 of four output
// pixels.
#pragma once

#include <memory>

#include "cpu/convolution/pixel_residual.h"

namespace amsr::cpu {

class Winograd {
  public:
    /// Whether a convolution is of this kind, with enough inputs for a panel.
    static bool suits(const ConvolutionShape& shape);

    /// Operations of whole vectors for a pixel: what it costs.
    static std::size_t vector_operations(InstructionSet set, const ConvolutionShape& shape);

    /// weight [Co, 9, Ci / groups] and bias [Co] are copied.
    Winograd(InstructionSet set, const ConvolutionShape& shape, const float* weight, const float* bias,
             const Activation& activation);

    /// As PixelConvolution::run.
    void run(const float* pixels, std::size_t height, std::size_t width, const PixelResidual<float>& residual,
             std::size_t first, std::size_t last, float* out) const;

  private:
    static constexpr std::size_t transformed = 16;  // values of a tile of 4 x 4 pixels

    /// Outputs of one group that are computed together.
    struct Panel {
        std::vector<OutputVector> runs;  // those that lie side by side in memory after the pixel shuffle
        std::size_t outputs;             // of all runs
        std::vector<float> bias;         // [whole vectors of outputs]
        std::unique_ptr<const Convolution<float>> products[transformed];
    };

    /// A row of tiles, and what is kept of it.
    struct Block;

    static std::vector<Panel> panels_of(const ConvolutionShape& shape);

    void transform_inputs(const float* pixels, std::size_t height, std::size_t width, const Block& block) const;
    void multiply(const Panel& panel, const Block& block) const;
    void transform_products(const Panel& panel, const Block& block) const;
    void finish(const Panel& panel, const Block& block, std::size_t width, std::size_t y,
                ResidualBlock<float>& residual, float* out) const;

    const ConvolutionCode<float>& code_;
    ConvolutionShape shape_;
    Activation activation_;
    std::size_t value_channels_;  // inputs in whole vectors
    std::vector<float> zeros_;    // the pixel outside the picture
    std::vector<Panel> panels_;
};

}  // namespace amsr::cpu
