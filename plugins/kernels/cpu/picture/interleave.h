// From a network's planes to the samples of a picture: clipped, rounded, interleaved. As
// amsr_deploy/image/interleave.py, with equal results.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/simd/instruction_set.h"

namespace amsr::cpu {

/// Three planes [3, height, width] of float32, where white is 1.
struct Planes {
    const float* values;
    std::size_t height, width;
    std::size_t plane_stride, row_stride;  // in values
};

/// Writes pixels [height, width, 3] of T, whose rows lie `row_stride` values apart.
///
/// Values are clipped to [0, 1] and scaled to T's range, rounded to the nearest, halves to even; float stays as
/// clipped. Where `grey` is set, all channels get the mean of the three planes.
///
/// Returns whether all values were finite; the pixels are of no use where they were not.
template <class T>
bool interleave(InstructionSet set, const Planes& planes, bool grey, T* pixels, std::size_t row_stride);

}  // namespace amsr::cpu
