// Where a picture has edges and texture, the slow part of making a mask: amsr_deploy/mask/passes.py, with the same
// float32 operations in the same order, so that the results are equal to the last bit.
#pragma once

#include <cstddef>

namespace amsr::cpu {

/// The absolute difference between image [height, width, 3] and its 5-tap Gaussian blur, averaged over the channels and
/// stretched to [0, 1], in out [height, width]. False, and out is not stretched, where it spans less than flat_range.
/// Pixels at which it is not a number do not count.
bool high_frequencies(const float* image, std::size_t height, std::size_t width, const float taps[3], float flat_range,
                      float* out);

}  // namespace amsr::cpu
