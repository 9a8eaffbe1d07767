// What the tests of the CUDA kernels share: device memory, and what happens where there is no device.
#pragma once

#include <cuda_runtime_api.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "cpu/simd/storage.h"
#include "cuda/element.h"
#include "random.h"

namespace amsr::test {

#define CHECK_CUDA(call)                                                           \
    do {                                                                           \
        const cudaError_t error_ = (call);                                         \
        CHECK(error_ == cudaSuccess, "%s: %s", #call, cudaGetErrorString(error_)); \
    } while (false)

/// Why there is no GPU; empty where there is one.
inline std::string missing_device() {
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess) return cudaGetErrorString(error);
    return count > 0 ? "" : "there is none";
}

/// Ends the program with 77, which CTest reads as skipped, where there is no GPU.
inline void skip_without_device() {
    const std::string reason = missing_device();
    if (reason.empty()) return;
    std::printf("skipped: no GPU here (%s)\n", reason.c_str());
    std::exit(77);
}

/// Device memory of exactly the bytes that are asked for, so that memory checkers see what lies beyond. `offset`:
/// elements by which it begins behind an aligned address.
template <class T>
class Buffer {
  public:
    explicit Buffer(std::size_t size, std::size_t offset = 0) : size_(size), offset_(offset) {
        void* memory = nullptr;
        CHECK_CUDA(cudaMalloc(&memory, (offset + size) * sizeof(T)));
        memory_ = static_cast<T*>(memory);
    }
    explicit Buffer(const std::vector<T>& values, std::size_t offset = 0) : Buffer(values.size(), offset) {
        write(values);
    }
    Buffer(Buffer&& other) noexcept
        : memory_(std::exchange(other.memory_, nullptr)), size_(other.size_), offset_(other.offset_) {}
    Buffer& operator=(Buffer&&) = delete;
    ~Buffer() { cudaFree(memory_); }

    T* data() const { return memory_ + offset_; }
    std::size_t size() const { return size_; }

    /// As many as there are.
    void write(const std::vector<T>& values) const {
        CHECK_CUDA(cudaMemcpy(data(), values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice));
        CHECK_CUDA(cudaDeviceSynchronize());  // the copy may return before it has arrived, and no other stream waits
    }

    std::vector<T> values() const { return values(size_); }

    /// The first of them: memory checkers complain about a copy of what was not written.
    std::vector<T> values(std::size_t count) const {
        CHECK_CUDA(cudaDeviceSynchronize());
        std::vector<T> result(count);
        CHECK_CUDA(cudaMemcpy(result.data(), data(), count * sizeof(T), cudaMemcpyDeviceToHost));
        return result;
    }

  private:
    T* memory_ = nullptr;
    std::size_t size_, offset_;
};

template <class T>
constexpr cuda::ElementType type_of = cuda::ElementType::float32;
template <>
inline constexpr cuda::ElementType type_of<cpu::float16> = cuda::ElementType::float16;

}  // namespace amsr::test
