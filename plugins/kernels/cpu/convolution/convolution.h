// Convolutions on the CPU: an indirect GEMM (Dukhan, "The Indirect Convolution Algorithm", 2019). Pointers say which
// row of memory each tap of each output row reads; nothing is unfolded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/convolution/code.h"
#include "cpu/simd/aligned_bytes.h"
#include "cpu/simd/instruction_set.h"

namespace amsr::cpu {

/// One convolution with its weights packed for the instruction set that runs it. Immutable, so threads may share it.
template <class T>
class Convolution {
  public:
    /// weight [Co, taps, Ci / groups] and bias [Co] are copied.
    /// Throws std::invalid_argument where the channels are not multiples of what they must be.
    Convolution(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
                const Activation& activation);
    Convolution(const Convolution&) = delete;
    Convolution& operator=(const Convolution&) = delete;

    /// Multiply-adds of whole vectors for a row: what it costs.
    static std::size_t vector_operations(InstructionSet set, const ConvolutionShape& shape, const T* weight);

    const ConvolutionShape& shape() const { return packed_.shape; }

    /// A row of zeros: what taps outside the image read.
    const T* zeros() const { return zeros_.data(); }

    /// Rows are independent of each other: how they are split into blocks changes nothing.
    void run(const ConvolutionBlock<T>& block) const { run_(packed_, block); }

  private:
    void pack_panels(const T* weight, const T* bias);
    void pack_dots(const T* weight, const T* bias);

    const ConvolutionCode<T>& code_;
    PackedConvolution packed_;
    void (*run_)(const PackedConvolution&, const ConvolutionBlock<T>&);
    std::vector<ConvolutionPanel> panels_;
    std::vector<std::uint32_t> taps_;
    AlignedBytes weights_;
    std::vector<float> bias_;
    std::vector<T> zeros_;
};

/// Rows that become a block: a multiple of most tiles, and small enough for the L1 cache.
constexpr std::size_t convolution_block_rows = 48;

}  // namespace amsr::cpu
