// The CUDA kernels behind a C interface, for callers without a compiler: benchmarks/cuda_kernels.py loads it with
// ctypes. Arguments are those of the headers in kernels/cuda. What returns an int returns a cudaError_t.
#include "cuda/convolution.h"
#include "cuda/neighbors.h"
#include "cuda/rows.h"
#include "cuda/windows.h"
#include "export.h"

using namespace amsr;
using cuda::ConvolutionShape;
using cuda::WindowLayerShape;
using std::int64_t;

namespace {

cuda::ElementType element(int is_float16) {
    return is_float16 != 0 ? cuda::ElementType::float16 : cuda::ElementType::float32;
}

Activation activation(int kind, float negative_slope) { return {static_cast<Activation::Kind>(kind), negative_slope}; }

}  // namespace

AMSR_EXPORT const char* amsr_error_text(int error) { return cudaGetErrorString(static_cast<cudaError_t>(error)); }

// Pixels and masked pixels

AMSR_EXPORT int amsr_mask_gather(const void* pixels, int64_t pixel_count, const int64_t* index, int64_t row_count,
                                 int64_t row_bytes, void* rows, cudaStream_t stream) {
    return cuda::mask_gather(pixels, pixel_count, index, row_count, static_cast<std::size_t>(row_bytes), rows, stream);
}

AMSR_EXPORT int amsr_mask_scatter(const void* rows, const int64_t* index, int64_t row_count, int64_t pixel_count,
                                  int64_t row_bytes, void* pixels, cudaStream_t stream) {
    return cuda::mask_scatter(rows, index, row_count, pixel_count, static_cast<std::size_t>(row_bytes), pixels, stream);
}

AMSR_EXPORT int64_t amsr_mask_neighbors_workspace(int64_t pixel_count) {
    return static_cast<int64_t>(cuda::mask_neighbors_workspace(pixel_count));
}

AMSR_EXPORT int amsr_mask_neighbors(const int64_t* index, int64_t row_count, int64_t height, int64_t width,
                                    int64_t kernel_size, std::int32_t* neighbors, void* workspace,
                                    cudaStream_t stream) {
    return cuda::mask_neighbors(index, row_count, height, width, kernel_size, neighbors, workspace, stream);
}

// Convolutions

AMSR_EXPORT int64_t amsr_packed_convolution_bytes(int is_float16, const ConvolutionShape* shape) {
    return static_cast<int64_t>(cuda::packed_convolution_bytes(element(is_float16), *shape));
}

AMSR_EXPORT int amsr_pack_convolution(int is_float16, const ConvolutionShape* shape, const void* weight,
                                      const void* bias, void* packed, cudaStream_t stream) {
    return cuda::pack_convolution(element(is_float16), *shape, weight, bias, packed, stream);
}

AMSR_EXPORT int amsr_masked_conv2d(int is_float16, const ConvolutionShape* shape, const void* rows, int64_t row_count,
                                   const void* surround, int64_t pixel_count, const std::int32_t* neighbors,
                                   const void* packed, const void* residual, int kind, float negative_slope, void* out,
                                   cudaStream_t stream) {
    return cuda::masked_conv2d(element(is_float16), *shape, rows, row_count, surround, pixel_count, neighbors, packed,
                               residual, activation(kind, negative_slope), out, stream);
}

AMSR_EXPORT int amsr_pointwise(int is_float16, int64_t outputs, int64_t channels, const void* const* inputs,
                               int input_count, int64_t row_count, const void* packed, const void* residual, int kind,
                               float negative_slope, void* out, cudaStream_t stream) {
    return cuda::pointwise(element(is_float16), outputs, channels, inputs, input_count, row_count, packed, residual,
                           activation(kind, negative_slope), out, stream);
}

AMSR_EXPORT int amsr_pixel_conv2d(int is_float16, const ConvolutionShape* shape, const void* pixels, int64_t height,
                                  int64_t width, const void* packed, const void* residual, int is_nearest, int kind,
                                  float negative_slope, void* out, cudaStream_t stream) {
    return cuda::pixel_conv2d(element(is_float16), *shape, pixels, height, width, packed, {residual, is_nearest != 0},
                              activation(kind, negative_slope), out, stream);
}

// Windows

AMSR_EXPORT int64_t amsr_packed_window_layer_bytes(int is_float16, const WindowLayerShape* shape) {
    return static_cast<int64_t>(cuda::packed_window_layer_bytes(element(is_float16), *shape));
}

AMSR_EXPORT int amsr_pack_window_layer(int is_float16, const WindowLayerShape* shape,
                                       const cuda::WindowLayerWeights* weights, void* packed, cudaStream_t stream) {
    return cuda::pack_window_layer(element(is_float16), *shape, *weights, packed, stream);
}

AMSR_EXPORT int amsr_window_layer(int is_float16, const WindowLayerShape* shape, const cuda::WindowGrid* grid,
                                  const void* pixels, const int64_t* windows, int64_t window_count, const void* packed,
                                  float epsilon, void* out, cudaStream_t stream) {
    return cuda::window_layer(element(is_float16), *shape, *grid, pixels, windows, window_count, packed, epsilon, out,
                              stream);
}
