// Device memory with an owner.
#pragma once

#include "cuda_launch.h"

namespace amsr::cuda {

class DeviceBuffer {
  public:
    DeviceBuffer() = default;
    DeviceBuffer(const DeviceBuffer&) = delete;
    DeviceBuffer& operator=(const DeviceBuffer&) = delete;
    ~DeviceBuffer() {
        if (memory_ != nullptr) cudaFree(memory_);  // without memory there may be no driver to ask
    }

    /// At least so many bytes; what was there is lost where it grows. Growing waits for the GPU.
    void* reserve(std::size_t bytes) {
        if (bytes > bytes_) {
            if (memory_ != nullptr) check(cudaFree(memory_));
            memory_ = nullptr;
            bytes_ = 0;
            check(cudaMalloc(&memory_, bytes));
            bytes_ = bytes;
        }
        return memory_;
    }

    void* get() const { return memory_; }

  private:
    void* memory_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace amsr::cuda
