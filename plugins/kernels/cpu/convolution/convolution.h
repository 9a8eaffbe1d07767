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

std::size_t square_root(std::size_t square);

/// How many vectors hold so many channels.
constexpr std::size_t vectors_of(std::size_t channels, std::size_t lanes) { return (channels + lanes - 1) / lanes; }

/// So many channels and those that fill the last vector.
constexpr std::size_t in_whole_vectors(std::size_t channels, std::size_t lanes) {
    return vectors_of(channels, lanes) * lanes;
}

/// A vector of outputs: which they are, and where in a row's output they go.
struct OutputVector {
    std::size_t group, line, column;
    std::vector<std::size_t> outputs;  // channels before the pixel shuffle
    std::vector<std::uint32_t> taps;   // those that have weights
};

/// Splits outputs into vectors that lie side by side in memory after the pixel shuffle.
std::vector<OutputVector> output_vectors(const ConvolutionShape& shape, std::size_t lanes);

/// Weights [Co, Ci / groups, taps] as [Co, taps, Ci / groups].
template <class T>
std::vector<T> taps_first(const T* weight, const ConvolutionShape& shape);

/// Rows that become a block: a multiple of most tiles, and small enough for the L1 cache.
constexpr std::size_t convolution_block_rows = 48;

}  // namespace amsr::cpu
