// PixelConv2d where most taps feed few outputs, as in a rearranged transposed convolution: each input pixel is
// multiplied with those weights of a tap that are not zero, densely, and the products are then added up where they
// belong.
#pragma once

#include <memory>

#include "cpu/convolution/pixel_residual.h"

namespace amsr::cpu {

template <class T>
class TapProducts {
  public:
    /// Operations of whole vectors for a pixel: what it costs; `unsuitable` where the set has no code for it, or there
    /// are groups, or one tap, or more than half a block in a line: k - 1 pixels of each block are borders.
    static std::size_t vector_operations(InstructionSet set, const ConvolutionShape& shape, const T* weight);

    /// weight [Co, k * k, Ci] and bias [Co] are copied.
    TapProducts(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
                const Activation& activation);

    /// As PixelConvolution::run.
    void run(const T* pixels, std::size_t height, std::size_t width, const PixelResidual<T>& residual,
             std::size_t first, std::size_t last, T* out) const;

  private:
    /// What the taps of one line of the kernel contribute.
    struct KernelLine {
        std::vector<std::vector<ProductRun>> runs;           // of each of the lines that a pixel becomes
        std::unique_ptr<const Convolution<float>> products;  // null where no tap has weights
    };

    struct Block;

    /// Pixels of the largest block: with their borders they are a block of the products.
    std::size_t block_pixels() const { return convolution_block_rows - 2 * (side_ / 2); }

    const float* widened(const T* values, std::size_t count, std::vector<float>& buffer) const;
    void start_sums(const Block& block) const;
    void multiply(const Convolution<float>& products, const T* line, std::size_t width, const Block& block) const;
    void add_products(const KernelLine& kernel_line, const Block& block) const;
    void finish(const Block& block, std::size_t width, ResidualBlock<T>& residual, T* out) const;

    const ConvolutionCode<T>& code_;
    ConvolutionShape shape_;
    std::size_t side_;  // k
    Activation activation_;
    std::size_t row_;          // Co / upscale
    std::size_t sum_stride_;   // the same, rounded up to whole vectors
    std::vector<float> bias_;  // [upscale][sum_stride], as a pixel's output lies in memory
    std::vector<KernelLine> lines_;
};

}  // namespace amsr::cpu
