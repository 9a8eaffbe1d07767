// What the interleaving hands to the vector code of an instruction set (picture/SET.cpp), and what that offers.
#pragma once

#include <cstddef>

namespace amsr::cpu {

/// The vector code of one instruction set for one type of sample.
template <class T>
struct InterleaveCode {
    /// Writes `count` pixels of the rows [3] of planes; see `interleave`. Returns whether all values were finite.
    bool (*row)(const float* const* rows, std::size_t count, bool grey, T* pixels);
};

}  // namespace amsr::cpu
