// kernels/cuda/device.h on the CPU. Each thread of a block is a fiber that runs to its next barrier; a block follows
// the other. Asynchronous copies are as unkind as the hardware may be: what they will overwrite is gone when they
// start, and what they bring is there only once it is waited for. Under AddressSanitizer every access to a buffer is
// checked.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#include "cpu/simd/storage.h"

#define AMSR_DEVICE inline
#define AMSR_HOST_DEVICE inline
#define AMSR_KERNEL(threads) void
#define AMSR_UNROLL
#define AMSR_UNROLL_8

namespace amsr::cuda {

using cpu::assign;
using cpu::float16;
using cpu::to_float;

extern dim3 threadIdx, blockIdx, blockDim, gridDim;  // of the fiber that runs

/// Runs a kernel: `body` once for each thread of each block.
void run_blocks(dim3 grid, unsigned threads, std::size_t shared_bytes, const std::function<void()>& body);

unsigned char* shared_memory();
void __syncthreads();
void __syncwarp();

/// Each lane gives a pointer; the last one to arrive works on all 32.
void with_warp(void* mine, const std::function<void(void* const* lanes)>& work);

void start_copy(void* shared, const void* global, int bytes, bool valid);
void commit_copies();
void wait_for_copies(int latest);

template <int bytes>
void copy_async(void* shared, const void* global, bool valid) {
    start_copy(shared, global, bytes, valid);
}
template <int latest>
void wait_for_copies() {
    wait_for_copies(latest);
}

void load_matrices(std::uint32_t (&matrices)[4], const void* row);
void load_transposed_matrices(std::uint32_t (&matrices)[4], const void* row);
void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1);

inline std::uint32_t half_pair(float first, float second) {
    return cpu::to_float16(first).bits | static_cast<std::uint32_t>(cpu::to_float16(second).bits) << 16;
}

inline void split_pair(std::uint32_t pair, float& first, float& second) {
    first = to_float(float16{static_cast<std::uint16_t>(pair)});
    second = to_float(float16{static_cast<std::uint16_t>(pair >> 16)});
}

template <class T>
T exchange(T value, int bits) {
    struct Lane {
        T value, result;
    } mine{value, value};
    with_warp(&mine, [bits](void* const* lanes) {
        for (int lane = 0; lane < 32; ++lane) {
            static_cast<Lane*>(lanes[lane])->result = static_cast<Lane*>(lanes[lane ^ bits])->value;
        }
    });
    return mine.result;
}

template <class T>
T atomicAdd(T* to, T value) {
    const T before = *to;
    *to += value;
    return before;
}
template <class T>
T atomicMax(T* to, T value) {
    const T before = *to;
    *to = std::max(*to, value);
    return before;
}

inline float exp2_of(float x) { return std::exp2(x); }
inline float reciprocal(float x) { return 1.0f / x; }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline unsigned __float_as_uint(float value) { return cpu::bits_of_float(value); }
inline float __uint_as_float(unsigned bits) { return cpu::float_of_bits(bits); }

template <class... Parameters, class... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, unsigned threads, std::size_t shared_bytes, cudaStream_t,
                   Arguments... arguments) {
    run_blocks(grid, threads, shared_bytes, [&] { kernel(arguments...); });
    return cudaSuccess;
}

}  // namespace amsr::cuda
