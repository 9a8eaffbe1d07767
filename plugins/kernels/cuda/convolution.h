// MaskedConv2d, Pointwise and PixelConv2d, each with and without a residual: one implicit GEMM over rows of memory.
// float16 runs on tensor cores with float32 sums; float32 runs on the ordinary units, because TF32 would keep only ten
// of the 23 bits. What becomes of sums and residuals is in epilogue.h; Activation::attention needs a residual. Inputs,
// residuals and outputs need no more than the alignment of an element; they are moved in smaller pieces where it is
// below 16 bytes.
#pragma once

#include "element.h"
#include "epilogue.h"

namespace amsr::cuda {

struct ConvolutionShape {
    std::int64_t outputs;  // Co
    std::int64_t inputs;   // Ci, both multiples of groups
    std::int64_t groups = 1;
    std::int64_t kernel_size = 1;  // k, odd
    std::int64_t upscale = 1;      // r of a pixel shuffle, up to 16; Co is a multiple of groups * r * r
};

/// Bytes of device memory for the packed weights and bias of a convolution; 0 where the shape is not that of one, or
/// its kernel too large for the shared memory of the smallest supported GPU: k is up to 7 in float16 and 11 in float32.
std::size_t packed_convolution_bytes(ElementType type, const ConvolutionShape& shape);

/// Lays out weight [Co, Ci / groups, k, k] and bias [Co] (device memory) as the kernels below read them.
/// Done once per layer; 16-byte aligned.
cudaError_t pack_convolution(ElementType type, const ConvolutionShape& shape, const void* weight, const void* bias,
                             void* packed, cudaStream_t stream);

/// out [Q, Co] = activation(convolution, residual) at the masked pixels; r is 1.
///   rows [Q, Ci], surround [P, Ci], neighbors [Q, k * k]: j < Q is row j, Q + p surround pixel p, anything else zero.
///   residual [Q, Co], or null for none; it may be `out`.
cudaError_t masked_conv2d(ElementType type, const ConvolutionShape& shape, const void* rows, std::int64_t row_count,
                          const void* surround, std::int64_t pixel_count, const std::int32_t* neighbors,
                          const void* packed, const void* residual, const Activation& activation, void* out,
                          cudaStream_t stream);

constexpr int pointwise_inputs_max = 4;

/// out [Q, Co] = activation(concatenated inputs W^T + b, residual), without concatenating them.
///   inputs: `input_count` (1 to 4) device pointers in host memory, each [Q, C].
///   packed: of the shape {Co, input_count * C}.
///   residual [Q, Co], or null for none; it may be `out`.
cudaError_t pointwise(ElementType type, std::int64_t outputs, std::int64_t channels, const void* const* inputs,
                      int input_count, std::int64_t row_count, const void* packed, const void* residual,
                      const Activation& activation, void* out, cudaStream_t stream);

/// What pixel_conv2d adds.
struct PixelResidual {
    const void* values = nullptr;  // as the output, and it may be the output; null for none
    bool is_nearest = false;       // [H * W, Co / (r * r)] instead: the row of a pixel for all pixels that it becomes
};

/// Dense convolution of pixels [H * W, Ci] with zero padding k / 2, written as torch.pixel_shuffle(r) orders it:
/// channel c*r*r + i*r + j of pixel (y, x) becomes channel c of pixel (r*y + i, r*x + j) of out [rH * rW, Co / (r*r)].
///   height * width must be below 2^31.
cudaError_t pixel_conv2d(ElementType type, const ConvolutionShape& shape, const void* pixels, std::int64_t height,
                         std::int64_t width, const void* packed, const PixelResidual& residual,
                         const Activation& activation, void* out, cudaStream_t stream);

}  // namespace amsr::cuda
