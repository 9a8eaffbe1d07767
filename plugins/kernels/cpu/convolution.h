// MaskedConv2d on the CPU: an indirect GEMM (Dukhan, "The Indirect Convolution Algorithm", 2019). The neighbour table
// says which row of memory each tap of each masked pixel reads; nothing is unfolded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "instruction_set.h"
#include "storage.h"

namespace amsr::cpu {

struct ConvolutionShape {
    std::size_t outputs;  // Co
    std::size_t inputs;   // Ci, a multiple of groups
    std::size_t groups;
    std::size_t taps;  // k * k
};

/// A block of masked pixels, as the vector code sees it.
template <class T>
struct ConvolutionBlock {
    const T* const* taps;    // [taps][tap_stride]: what each tap of each pixel reads, padded with zero rows at the end
    std::size_t tap_stride;  // pixels of a full block and its padding
    std::size_t rows;        // pixels to compute
    const void* weights;     // packed
    const float* bias;       // padded as the packed weights are
    float negative_slope;    // of the leaky ReLU that follows
    T* out;                  // [rows][outputs]
};

/// The vector code of one instruction set for one storage type.
template <class T>
struct ConvolutionCode {
    std::size_t (*packed_bytes)(const ConvolutionShape&);
    std::size_t (*padded_outputs)(const ConvolutionShape&);
    void (*pack)(const ConvolutionShape&, const T* weight, const T* bias, void* packed, float* padded_bias);
    void (*run)(const ConvolutionShape&, const ConvolutionBlock<T>&);
};

/// One convolution with its weights packed for the instruction set that runs it. Immutable, so threads may share it.
template <class T>
class Convolution {
  public:
    /// weight [Co, Ci / groups, k, k] and bias [Co] are copied.
    Convolution(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias, float negative_slope);

    const ConvolutionShape& shape() const { return shape_; }

    /// Computes out[first .. last) of [Q, Co]. Rows are independent of each other: how they are split changes nothing.
    /// rows [Q, Ci], surround [P, Ci], neighbors [Q, k * k]: j < Q is row j, Q + p surround pixel p, Q + P zero.
    /// Returns false, and leaves the rest undone, where the table names something else.
    bool run(const T* rows, std::size_t row_count, const T* surround, std::size_t pixel_count,
             const std::int32_t* neighbors, std::size_t first, std::size_t last, T* out) const;

  private:
    const ConvolutionCode<T>* code_;
    ConvolutionShape shape_;
    std::size_t side_ = 1;  // k
    float negative_slope_;
    std::vector<unsigned char> weights_;
    void* aligned_weights_;
    std::vector<float> bias_;
    std::vector<T> zeros_;  // the row outside the image
};

/// Rows whose table entries become pointers at a time: a multiple of most tiles, and small enough for the L1 cache.
constexpr std::size_t convolution_block_rows = 48;

}  // namespace amsr::cpu
