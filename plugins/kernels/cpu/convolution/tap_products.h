// PixelConv2d where most taps feed few outputs, as in a rearranged transposed convolution: each input pixel is
// multiplied with those weights of a tap that are not zero, densely, and the products are then added up where they
// belong.
#pragma once

#include <memory>

#include "cpu/convolution/pixel_residual.h"

namespace amsr::cpu {

class TapProducts {
  public:
    /// Whether there is one group, and k is larger than 1 but at most half a block: k - 1 pixels of each are borders.
    static bool suits(const ConvolutionShape& shape);

    /// weight [Co, k * k, Ci] and bias [Co] are copied; a shape that suits.
    TapProducts(InstructionSet set, const ConvolutionShape& shape, const float* weight, const float* bias,
                const Activation& activation);

    /// Multiply-adds and additions of whole vectors for a pixel: what it costs.
    std::size_t vector_operations() const;

    /// As PixelConvolution::run.
    void run(const float* pixels, std::size_t height, std::size_t width, const PixelResidual<float>& residual,
             std::size_t first, std::size_t last, float* out) const;

  private:
    /// What the taps of one line of the kernel contribute.
    struct KernelLine {
        std::vector<std::vector<ProductRun>> runs;           // of each of the lines that a pixel becomes
        std::unique_ptr<const Convolution<float>> products;  // null where no tap has weights
    };

    void multiply(const Convolution<float>& products, const float* line, std::size_t width, std::size_t x,
                  std::size_t count, float* out) const;

    const ConvolutionCode<float>& code_;
    ConvolutionShape shape_;
    std::size_t side_;  // k
    Activation activation_;
    std::size_t row_;          // Co / upscale
    std::size_t sum_stride_;   // the same, rounded up to whole vectors
    std::vector<float> bias_;  // [upscale][sum_stride], as a pixel's output lies in memory
    std::vector<KernelLine> lines_;
};

}  // namespace amsr::cpu
