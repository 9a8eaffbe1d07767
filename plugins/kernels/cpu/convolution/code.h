// What a convolution hands to the vector code of an instruction set (convolution/SET.cpp), and what that offers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/simd/storage.h"
#include "epilogue.h"

namespace amsr::cpu {

struct ConvolutionShape {
    std::size_t outputs;  // Co, a multiple of groups * upscale^2
    std::size_t inputs;   // Ci, a multiple of groups
    std::size_t groups;
    std::size_t taps;
    std::size_t upscale = 1;  // r of a pixel shuffle, whose channels c * r^2 + i * r + j the outputs are

    std::size_t group_inputs() const { return inputs / groups; }
};

/// A block of rows: pixels, masked or side by side.
template <class T>
struct ConvolutionBlock {
    const T* const* const* taps;  // [taps]: where the rows that a tap reads are named, with tile_rows_max more for the
                                  // rest of the last tile
    std::size_t rows;
    const T* residual;                 // what the activation adds, or null; lines as those of out
    std::size_t residual_line_stride;  // between the lines: 0 where all are the same
    T* out;                   // [upscale] lines of [rows][outputs / upscale]: where upscale is 1, [rows][outputs]
    std::size_t line_stride;  // between the lines
    std::size_t fetched_tap;  // what this tap and later ones read is fetched from memory meanwhile,
    std::size_t ahead;        // or what lies so many elements further on
};

/// Up to four vectors of outputs that are computed together.
struct ConvolutionPanel {
    static constexpr int vectors_max = 4;

    int vectors;
    bool per_group;             // one vector of each of as many groups; otherwise all vectors are of one group
    std::size_t first_input;    // of the first group
    const std::uint32_t* taps;  // those that have weights
    std::size_t tap_count;
    const void* weights;                                 // [tap_count][group inputs / depth][vectors][lanes][depth]
    const float* bias;                                   // [vectors][lanes]
    std::size_t line[vectors_max], column[vectors_max];  // where each vector goes in a row's output
    int count[vectors_max];                              // outputs of each vector
};

/// A convolution as the vector code sees it.
struct PackedConvolution {
    ConvolutionShape shape;
    std::size_t group_inputs, row_stride;  // of the shape: Ci / groups, Co / upscale
    Activation activation;
    bool activates;  // false where the activation changes nothing
    const ConvolutionPanel* panels;
    std::size_t panel_count;
    const void* dot_weights;  // [taps][inputs / (lanes * depth)][outputs][lanes * depth], where dots are used
    const float* dot_bias;
};

/// Products of a pixel that lie side by side, and the sums [column .. column + count) that they belong to.
struct ProductRun {
    std::size_t column, count;
    std::size_t row, first_product;  // relative to the pixel's own
};

/// The vector code of one instruction set for one storage type.
template <class T>
struct ConvolutionCode {
    std::size_t lanes;         // outputs in a vector
    std::size_t depth;         // inputs that one multiply-add consumes
    std::size_t weight_bytes;  // of a packed weight: those of a float, or of the storage type itself
    std::size_t panel_max;     // vectors of the largest panel
    void (*run)(const PackedConvolution&, const ConvolutionBlock<T>&);
    void (*run_dots)(const PackedConvolution&, const ConvolutionBlock<T>&);  // lanes are inputs: for few outputs
    /// The rest only where `depth` is 1: direct convolutions of pairs of inputs are faster than what follows.
    void (*widen)(const T* from, std::size_t count, float* to);
    /// Adds runs of the products of each row, [rows][product_stride], to its sums, [rows][sum_stride]; sum_stride is a
    /// multiple of the lanes.
    void (*add_products)(const ProductRun* runs, std::size_t run_count, const float* products,
                         std::size_t product_stride, std::size_t rows, float* sums, std::size_t sum_stride);
    /// Sums [rows][sum_stride], with a residual unless it is null, activated, as out: rows of `count`, `stride` apart.
    /// Whole vectors of sums are read.
    void (*finish_sums)(const float* sums, std::size_t sum_stride, std::size_t rows, std::size_t count,
                        const Activation& activation, const T* residual, T* out, std::size_t stride);
    /// Transforms the inputs of a tile of 4 x 4 pixels: 16 rows of whole vectors, written `stride` apart.
    void (*winograd_input)(const T* const* sources, std::size_t inputs, float* to, std::size_t stride);
    /// The sums of the 2 x 2 output pixels of a tile, from products that lie `stride` apart.
    void (*winograd_output)(const float* products, std::size_t stride, const float* bias, std::size_t vectors,
                            float* const* sums);
};

/// Rows of the largest tile of the vector code.
constexpr std::size_t tile_rows_max = 24;

}  // namespace amsr::cpu
