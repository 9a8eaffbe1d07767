#include "convolution.h"

#include <limits>

#include "gemm_float16.h"
#include "gemm_float32.h"

namespace amsr::cuda {
namespace {

constexpr int pack_threads = 256;
constexpr std::int64_t pixels_max = std::numeric_limits<std::int32_t>::max();
constexpr int system_bytes = 1024;  // of shared memory that CUDA takes for itself in each block

bool is_valid(const ConvolutionShape& shape) {
    constexpr std::int64_t limit = 1 << 16;
    return shape.outputs > 0 && shape.inputs > 0 && shape.groups > 0 && shape.outputs < limit && shape.inputs < limit &&
           shape.outputs % shape.groups == 0 && shape.inputs % shape.groups == 0 && shape.kernel_size > 0 &&
           shape.kernel_size % 2 == 1 && shape.kernel_size <= 11 && shape.upscale > 0 && shape.upscale <= 16 &&
           shape.outputs % (shape.groups * shape.upscale * shape.upscale) == 0;
}

std::size_t weight_bytes(ElementType type, const PackedLayout& layout) {
    return static_cast<std::size_t>(ceil_div(layout.weights() * static_cast<std::int64_t>(bytes_of(type)), 16)) * 16;
}

template <class T>
AMSR_KERNEL(pack_threads)
pack(ElementType type, PackedLayout layout, const T* weight, const T* bias, T* weights, float* biases) {
    const std::int64_t at = std::int64_t{blockIdx.x} * pack_threads + threadIdx.x;
    if (at < layout.weights()) {
        const std::int64_t source = packed_source(type, layout, at);
        T value{};
        if (source >= 0) value = weight[source];
        weights[at] = value;
    } else if (at < layout.weights() + layout.biases()) {
        const std::int64_t source = packed_bias_source(layout, at - layout.weights());
        biases[at - layout.weights()] = source >= 0 ? to_float(bias[source]) : 0.0f;
    }
}

template <class T>
cudaError_t pack(ElementType type, const PackedLayout& layout, const void* weight, const void* bias, void* packed,
                 cudaStream_t stream) {
    const std::int64_t blocks = ceil_div(layout.weights() + layout.biases(), pack_threads);
    auto* biases = reinterpret_cast<float*>(static_cast<unsigned char*>(packed) + weight_bytes(type, layout));
    return launch(pack<T>, dim3(static_cast<unsigned>(blocks)), pack_threads, 0, stream, type, layout,
                  static_cast<const T*>(weight), static_cast<const T*>(bias), static_cast<T*>(packed), biases);
}

using Kernel = void (*)(Gemm);

struct Choice {
    Kernel kernel;
    int tile_rows, stages_bytes;

    /// Shared memory with the neighbours of a block's rows.
    int shared_bytes(int taps) const {
        return stages_bytes + tile_rows * taps * static_cast<int>(sizeof(std::int32_t));
    }
};

template <int bytes, int blocks, int tile, bool diagonal, bool is_pointwise>
Choice float16_choice() {
    using Sizes = Float16Tile<blocks, tile, diagonal>;
    return {gemm_float16<bytes, blocks, tile, diagonal, is_pointwise>, Sizes::rows, Sizes::shared_bytes};
}

template <int bytes, int tile, bool is_pointwise>
Choice float32_choice() {
    return {gemm_float32<bytes, tile, is_pointwise>, Float32Tile<tile>::rows, Float32Tile<tile>::shared_bytes};
}

std::uintptr_t address(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

/// The most bytes that divide all the places from which rows are read.
int load_bytes(ElementType type, const Gemm& gemm) {
    std::uintptr_t places = gemm.layout.group_inputs * bytes_of(type) | address(gemm.surround);
    for (const void* input : gemm.inputs) places |= address(input);
    return places % 16 == 0 ? 16 : places % 8 == 0 ? 8 : places % 4 == 0 ? 4 : 2;
}

/// Chooses among the kernels of a tile; `bytes`: what is loaded of a row at once.
template <int tile, bool is_pointwise>
Choice choose_of_tile(ElementType type, int bytes, bool large) {
    if constexpr (tile != 48) {
        if (type == ElementType::float32) {
            return bytes == 16 ? float32_choice<16, tile, is_pointwise>() : float32_choice<4, tile, is_pointwise>();
        }
    }
    if constexpr (tile > mma_block) {
        if (bytes == 16 && large) return float16_choice<16, 4, tile, false, is_pointwise>();
    }
    if (bytes == 16) return float16_choice<16, 2, tile, false, is_pointwise>();
    return bytes == 8 ? float16_choice<8, 2, tile, false, is_pointwise>()
                      : float16_choice<2, 2, tile, false, is_pointwise>();
}

template <bool is_pointwise>
Choice choose(ElementType type, const PackedLayout& layout, int bytes, bool large) {
    if constexpr (!is_pointwise) {
        if (layout.diagonal) {
            return bytes == 16 ? float16_choice<16, 2, largest_tile, true, false>()
                               : float16_choice<2, 2, largest_tile, true, false>();
        }
    }
    if (layout.tile == 16) return choose_of_tile<16, is_pointwise>(type, bytes, large);
    if (layout.tile == 32) return choose_of_tile<32, is_pointwise>(type, bytes, large);
    if (layout.tile == 48) return choose_of_tile<48, is_pointwise>(type, bytes, large);
    return choose_of_tile<largest_tile, is_pointwise>(type, bytes, large);
}

/// Whether a block fits the shared memory of all GPUs: the table of neighbours grows with the kernel.
bool is_supported(ElementType type, const ConvolutionShape& shape) {
    if (!is_valid(shape)) return false;
    const PackedLayout layout = packed_layout(type, shape);
    return choose<false>(type, layout, 16, false).shared_bytes(layout.taps) <= shared_bytes_max;
}

/// Large tiles do more with a row that is loaded, where two blocks of them fit a processor and all processors get some.
cudaError_t pays_large(const Choice& large, int taps, std::int64_t rows, bool& pays) {
    int device = 0, processors = 0, bytes = 0;
    AMSR_RETURN_IF_ERROR(cudaGetDevice(&device));
    AMSR_RETURN_IF_ERROR(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device));
    AMSR_RETURN_IF_ERROR(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerMultiprocessor, device));
    pays = 2 * (large.shared_bytes(taps) + system_bytes) <= bytes &&
           rows >= std::int64_t{2} * processors * large.tile_rows;
    return cudaSuccess;
}

/// How many results can be stored at once: they lie side by side, and all places are multiples of it.
int store_width(ElementType type, const Gemm& gemm) {
    const std::size_t size = bytes_of(type), run = static_cast<std::size_t>(gemm.layout.run());
    const std::uintptr_t places = run * size | address(gemm.out) | address(gemm.residual.values);
    std::size_t width = 16 / size;
    while (places % (width * size) != 0) width /= 2;
    return static_cast<int>(width);
}

template <bool is_pointwise>
cudaError_t run(ElementType type, Gemm& gemm, const void* packed, const PixelResidual& residual,
                const Activation& activation, void* out, cudaStream_t stream) {
    if (activation.kind == Activation::attention && residual.values == nullptr && gemm.rows > 0)
        return cudaErrorInvalidValue;
    gemm.group_inputs = Divisor(gemm.layout.group_inputs);
    gemm.weights = packed;
    gemm.bias =
        reinterpret_cast<const float*>(static_cast<const unsigned char*>(packed) + weight_bytes(type, gemm.layout));
    gemm.residual = residual;
    gemm.out = out;
    gemm.activation = activation;
    gemm.store_width = store_width(type, gemm);
    const int taps = is_pointwise ? 0 : gemm.layout.taps;  // of the table
    const int bytes = load_bytes(type, gemm);
    Choice choice = choose<is_pointwise>(type, gemm.layout, bytes, true);
    bool large = false;
    AMSR_RETURN_IF_ERROR(pays_large(choice, taps, gemm.rows, large));
    if (!large) choice = choose<is_pointwise>(type, gemm.layout, bytes, false);
    const std::int64_t blocks = ceil_div(gemm.rows, choice.tile_rows) * gemm.layout.groups * gemm.layout.tiles;
    if (blocks > pixels_max) return cudaErrorInvalidValue;
    return launch(choice.kernel, dim3(static_cast<unsigned>(blocks)), gemm_threads,
                  static_cast<std::size_t>(choice.shared_bytes(taps)), stream, gemm);
}

}  // namespace

std::size_t packed_convolution_bytes(ElementType type, const ConvolutionShape& shape) {
    if (!is_supported(type, shape)) return 0;
    const PackedLayout layout = packed_layout(type, shape);
    return weight_bytes(type, layout) + static_cast<std::size_t>(layout.biases()) * sizeof(float);
}

cudaError_t pack_convolution(ElementType type, const ConvolutionShape& shape, const void* weight, const void* bias,
                             void* packed, cudaStream_t stream) {
    if (!is_supported(type, shape)) return cudaErrorInvalidValue;
    const PackedLayout layout = packed_layout(type, shape);
    return type == ElementType::float32 ? pack<float>(type, layout, weight, bias, packed, stream)
                                        : pack<float16>(type, layout, weight, bias, packed, stream);
}

cudaError_t masked_conv2d(ElementType type, const ConvolutionShape& shape, const void* rows, std::int64_t row_count,
                          const void* surround, std::int64_t pixel_count, const std::int32_t* neighbors,
                          const void* packed, const void* residual, const Activation& activation, void* out,
                          cudaStream_t stream) {
    if (!is_supported(type, shape) || shape.upscale != 1 || row_count < 0 || pixel_count < 0 ||
        row_count + pixel_count > pixels_max) {
        return cudaErrorInvalidValue;
    }
    Gemm gemm{};
    gemm.layout = packed_layout(type, shape);
    gemm.rows = row_count;
    gemm.inputs[0] = rows;
    gemm.surround = surround;
    gemm.row_count = static_cast<std::uint32_t>(row_count);
    gemm.outside = static_cast<std::uint32_t>(row_count + pixel_count);
    gemm.neighbors = neighbors;
    gemm.channels = static_cast<int>(shape.inputs);
    return run<false>(type, gemm, packed, {residual}, activation, out, stream);
}

cudaError_t pointwise(ElementType type, std::int64_t outputs, std::int64_t channels, const void* const* inputs,
                      int input_count, std::int64_t row_count, const void* packed, const void* residual,
                      const Activation& activation, void* out, cudaStream_t stream) {
    const ConvolutionShape shape{outputs, input_count * channels};
    if (input_count < 1 || input_count > pointwise_inputs_max || row_count < 0 || !is_supported(type, shape)) {
        return cudaErrorInvalidValue;
    }
    Gemm gemm{};
    gemm.layout = packed_layout(type, shape);
    gemm.layout.taps = input_count;  // each input is a tap: the depth, and with it the packed layout, stays the same
    gemm.layout.group_inputs = static_cast<int>(channels);
    gemm.rows = row_count;
    for (int i = 0; i < input_count; ++i) gemm.inputs[i] = inputs[i];
    gemm.channels = static_cast<int>(channels);
    return run<true>(type, gemm, packed, {residual}, activation, out, stream);
}

cudaError_t pixel_conv2d(ElementType type, const ConvolutionShape& shape, const void* pixels, std::int64_t height,
                         std::int64_t width, const void* packed, const PixelResidual& residual,
                         const Activation& activation, void* out, cudaStream_t stream) {
    if (!is_supported(type, shape) || height < 0 || width < 0 || (width > 0 && height > pixels_max / width)) {
        return cudaErrorInvalidValue;
    }
    Gemm gemm{};
    gemm.layout = packed_layout(type, shape);
    gemm.rows = height * width;
    gemm.inputs[0] = pixels;
    gemm.surround = pixels;
    gemm.row_count = gemm.outside = static_cast<std::uint32_t>(gemm.rows);
    gemm.height = static_cast<int>(height);
    gemm.width = static_cast<int>(width);
    gemm.kernel_size = static_cast<int>(shape.kernel_size);
    gemm.channels = static_cast<int>(shape.inputs);
    return run<false>(type, gemm, packed, residual, activation, out, stream);
}

}  // namespace amsr::cuda
