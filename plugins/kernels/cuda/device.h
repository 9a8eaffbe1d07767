// What the kernels are written in: the few GPU instructions that C++ has no word for. plugins/tests/cuda/emulation
// offers the same names on the CPU, so that the very same kernels are tested on machines without a GPU.
#pragma once

#include "element.h"

#ifdef AMSR_EMULATION
#include "emulation.h"
#else

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#define AMSR_DEVICE __device__ __forceinline__
#define AMSR_HOST_DEVICE __host__ __device__ __forceinline__
#define AMSR_KERNEL(threads) __global__ void __launch_bounds__(threads)
#define AMSR_UNROLL _Pragma("unroll")
#define AMSR_UNROLL_8 _Pragma("unroll 8")

namespace amsr::cuda {

using float16 = __half;

AMSR_DEVICE float to_float(float value) { return value; }
AMSR_DEVICE float to_float(float16 value) { return __half2float(value); }
AMSR_DEVICE void assign(float& to, float value) { to = value; }
AMSR_DEVICE void assign(float16& to, float value) { to = __float2half_rn(value); }

/// Two float16, the first in the lower half, as tensor cores take them.
AMSR_DEVICE std::uint32_t half_pair(float first, float second) {
    const __half2 pair = __floats2half2_rn(first, second);
    return *reinterpret_cast<const std::uint32_t*>(&pair);
}

AMSR_DEVICE void split_pair(std::uint32_t pair, float& first, float& second) {
    const float2 values = __half22float2(*reinterpret_cast<const __half2*>(&pair));
    first = values.x;
    second = values.y;
}

/// The dynamic shared memory of the block.
AMSR_DEVICE unsigned char* shared_memory() {
    extern __shared__ __align__(128) unsigned char memory[];
    return memory;
}

AMSR_DEVICE unsigned shared_address(const void* shared) {
    return static_cast<unsigned>(__cvta_generic_to_shared(shared));
}

/// Starts to copy 4, 8 or 16 bytes to shared memory; zeros where `valid` is false. Below sm_80 the copy is
/// done when this returns.
template <int bytes>
AMSR_DEVICE void copy_async(void* shared, const void* global, bool valid) {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_address(shared)), "l"(global), "n"(bytes),
                 "r"(valid ? bytes : 0)
                 : "memory");
#else
    struct alignas(bytes) Piece {
        std::uint32_t words[bytes / 4];
    };
    Piece piece{};
    if (valid) piece = *static_cast<const Piece*>(global);
    *static_cast<Piece*>(shared) = piece;
#endif
}

/// Closes a group of copies.
AMSR_DEVICE void commit_copies() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// Waits for all groups of this thread but the latest ones.
template <int latest>
AMSR_DEVICE void wait_for_copies() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(latest) : "memory");
#endif
}

/// Four 8 x 8 matrices of float16; lanes 8i .. 8i + 7 point to the rows of matrix i.
AMSR_DEVICE void load_matrices(std::uint32_t (&matrices)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(matrices[0]), "=r"(matrices[1]), "=r"(matrices[2]), "=r"(matrices[3])
                 : "r"(shared_address(row))
                 : "memory");
}

/// The same, each transposed.
AMSR_DEVICE void load_transposed_matrices(std::uint32_t (&matrices)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(matrices[0]), "=r"(matrices[1]), "=r"(matrices[2]), "=r"(matrices[3])
                 : "r"(shared_address(row))
                 : "memory");
}

/// sums [16 x 8] += a [16 x 16] b [16 x 8], float16 in, float32 sums, in the register layout of mma.m16n8k16.
AMSR_DEVICE void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
#if __CUDA_ARCH__ >= 800
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
    const std::uint32_t halves[2][3] = {{a[0], a[1], b0}, {a[2], a[3], b1}};
    AMSR_UNROLL
    for (int i = 0; i < 2; ++i) {
        asm volatile(
            "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
            "{%0, %1, %2, %3};"
            : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
            : "r"(halves[i][0]), "r"(halves[i][1]), "r"(halves[i][2]));
    }
#endif
}

/// 2^x with a relative error of at most 2^-22: infinity above the range of float32, zero below that of normal numbers.
AMSR_DEVICE float exp2_of(float x) {
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
}

/// 1 / x with a relative error of at most 2^-23; zero where it is below normal numbers.
AMSR_DEVICE float reciprocal(float x) {
    float result;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
}

/// The value of the lane whose number differs in these bits.
template <class T>
AMSR_DEVICE T exchange(T value, int bits) {
    return __shfl_xor_sync(0xffffffffu, value, bits);
}

/// Starts a kernel with `shared_bytes` of dynamic shared memory and says what the launch says.
template <class... Parameters, class... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, unsigned threads, std::size_t shared_bytes,
                   cudaStream_t stream, Arguments... arguments) {
    if (grid.x == 0 || grid.y == 0) return cudaSuccess;
    const void* function = reinterpret_cast<const void*>(kernel);
    if (shared_bytes > 48 * 1024) {
        const cudaError_t error =
            cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes));
        if (error != cudaSuccess) return error;
    }
    const auto start = [&](Parameters... converted) {
        void* pointers[] = {static_cast<void*>(&converted)...};
        return cudaLaunchKernel(function, grid, dim3(threads), pointers, shared_bytes, stream);
    };
    return start(arguments...);
}

}  // namespace amsr::cuda
#endif

namespace amsr::cuda {

constexpr int shared_bytes_max = 64 * 1024;  // of a block on sm_75, which all supported GPUs have

struct alignas(16) Words4 {
    std::uint32_t x, y, z, w;
};

/// Ends the function with the error of a call, if it has one.
#define AMSR_RETURN_IF_ERROR(call)                                      \
    do {                                                                \
        if (const cudaError_t error_ = (call); error_ != cudaSuccess) { \
            return error_;                                              \
        }                                                               \
    } while (false)

AMSR_HOST_DEVICE constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace amsr::cuda
