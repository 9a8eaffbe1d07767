// PixelConv2d with 3x3 taps and many channels: Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", 2016). 16 products of transformed values replace the 36 of four output
// pixels.
#pragma once

#include <memory>

#include "cpu/convolution/output_vectors.h"
#include "cpu/convolution/pixel_residual.h"

namespace amsr::cpu {

template <class T>
class Winograd {
  public:
    /// Operations of whole vectors for a pixel: what it costs; `unsuitable` where the set has no code for it, or a
    /// convolution is of another kind or has too few inputs for a panel.
    static std::size_t vector_operations(InstructionSet set, const ConvolutionShape& shape);

    /// weight [Co, 9, Ci / groups] and bias [Co] are copied.
    Winograd(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
             const Activation& activation);

    /// As PixelConvolution::run.
    void run(const T* pixels, std::size_t height, std::size_t width, const PixelResidual<T>& residual,
             std::size_t first, std::size_t last, T* out) const;

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

    void pack(InstructionSet set, const T* weight, const T* bias, Panel& panel) const;
    void transform_inputs(const T* pixels, std::size_t height, std::size_t width, const Block& block) const;
    void multiply(const Panel& panel, const Block& block) const;
    void transform_products(const Panel& panel, const Block& block) const;
    void finish(const Panel& panel, const Block& block, std::size_t width, std::size_t y, ResidualBlock<T>& residual,
                T* out) const;

    const ConvolutionCode<T>& code_;
    ConvolutionShape shape_;
    Activation activation_;
    std::size_t value_channels_;  // inputs in whole vectors
    std::vector<T> zeros_;        // the pixel outside the picture
    std::vector<Panel> panels_;
};

}  // namespace amsr::cpu
