// From high frequencies to a mask: their histogram, from which a threshold is found, and the mask above it, grown by a
// square. As amsr_deploy/mask/passes.py, with equal results.
#pragma once

#include <cstddef>
#include <cstdint>

namespace amsr::cpu {

/// Counts of frequencies [count] in [0, 1] in equally wide bins [bins], at most 2^24. Frequencies outside [0, 1] count
/// in the nearest bin, those that are not a number in the first.
void histogram(const float* frequencies, std::size_t count, std::int64_t* counts, std::size_t bins);

/// Where frequencies [height, width] exceed the threshold, grown by a square of odd side `dilation`. Takes 2 bytes of
/// memory for each pixel and its border, 18 at most: a square beyond twice the picture reaches no further.
void mask_above(const float* frequencies, std::size_t height, std::size_t width, float threshold, std::size_t dilation,
                bool* mask);

}  // namespace amsr::cpu
