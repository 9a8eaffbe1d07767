// Memory for vector code: aligned to the widest vector, and not initialised.
#pragma once

#include <cstddef>
#include <memory>

#include "cpu/simd/hints.h"

namespace amsr::cpu {

class AlignedBytes {
  public:
    explicit AlignedBytes(std::size_t count = 0)
        : memory_(new unsigned char[count + cache_line]), data_(memory_.get()) {
        std::size_t room = count + cache_line;
        std::align(cache_line, count, data_, room);
    }
    void* data() const { return data_; }

  private:
    std::unique_ptr<unsigned char[]> memory_;
    void* data_;
};

}  // namespace amsr::cpu
