// Which outputs of a convolution are computed in a vector.
#pragma once

#include <cstddef>
#include <vector>

#include "cpu/convolution/code.h"

namespace amsr::cpu {

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

}  // namespace amsr::cpu
