#include "window_layer_float16.h"
#include "window_layer_float32.h"

namespace amsr::cuda {
namespace {

constexpr int pack_threads = 256;

bool is_valid(const WindowLayerShape& shape) {
    constexpr std::int64_t limit = 4096;
    return shape.heads > 0 && shape.channels > 0 && shape.channels < limit && shape.channels % shape.heads == 0 &&
           shape.hidden > 0 && shape.hidden < limit && shape.window_size > 0 &&
           shape.window_size * shape.window_size <= window_tokens;
}

std::size_t shared_bytes(ElementType type, const WindowCall& call) {
    return type == ElementType::float16 ? static_cast<std::size_t>(call.heads) * 2 * window_tokens * head_width * 2
                                        : static_cast<std::size_t>(Float32Layer::of(call).shared_size) * sizeof(float);
}

bool is_supported(ElementType type, const WindowLayerShape& shape) {
    if (!is_valid(shape)) return false;
    const WindowCall call = window_call(shape);
    const bool fits = shared_bytes(type, call) <= shared_bytes_max;
    const bool pads = call.channels <= layer_channels && call.channels % 2 == 0 && call.head_channels <= head_width;
    return fits && (type == ElementType::float32 || pads);
}

/// Blocks of 16 x 16 out of a matrix [rows][columns]: outer and inner blocks follow along outputs and inputs, or the
/// other way round. A block takes output_step outputs and input_step inputs; the rest of it is padding.
struct BlockMatrix {
    int rows, columns;
    int inner;  // blocks
    bool outer_is_output;
    int output_step, input_step;

    AMSR_HOST_DEVICE std::int64_t source(std::int64_t position) const {
        const int block = static_cast<int>(position / mma_block_weights);
        const BlockPlace place = mma_block_place(static_cast<int>(position % mma_block_weights));
        const int outer = block / inner, within = block % inner;
        const int output = (outer_is_output ? outer : within) * output_step + place.output;
        const int input = (outer_is_output ? within : outer) * input_step + place.depth;
        const bool inside = place.output < output_step && place.depth < input_step && output < rows && input < columns;
        return inside ? std::int64_t{output} * columns + input : -1;
    }
};

/// Position bias [heads][tokens][tokens] in the order of mma's results.
struct PositionBias {
    int tokens;

    AMSR_HOST_DEVICE std::int64_t source(std::int64_t position) const {
        constexpr int across = window_tokens / 16;
        const int block = static_cast<int>(position / mma_block_weights);
        const BlockPlace place = mma_result_place(static_cast<int>(position % mma_block_weights));
        const int query = block / across % across * 16 + place.depth, key = block % across * 16 + place.output;
        const int head = block / (across * across);
        return query < tokens && key < tokens ? (std::int64_t{head} * tokens + query) * tokens + key : -1;
    }
};

/// A vector in pieces of 16, of which `step` are used.
struct PaddedVector {
    int count, step;

    AMSR_HOST_DEVICE std::int64_t source(std::int64_t position) const {
        const std::int64_t at = position / 16 * step + position % 16;
        return position % 16 < step && at < count ? at : -1;
    }
};

template <class To, class Map>
AMSR_KERNEL(pack_threads)
pack_layer(const float16* from, To* to, std::int64_t count, Map map) {
    const std::int64_t at = std::int64_t{blockIdx.x} * pack_threads + threadIdx.x;
    if (at >= count) return;
    const std::int64_t source = map.source(at);
    assign(to[at], source >= 0 ? to_float(from[source]) : 0.0f);
}

template <class To, class Map>
cudaError_t pack_layer_part(const void* from, To* to, std::int64_t count, const Map& map, cudaStream_t stream) {
    const dim3 blocks(static_cast<unsigned>(ceil_div(count, pack_threads)));
    return launch(pack_layer<To, Map>, blocks, pack_threads, 0, stream, static_cast<const float16*>(from), to, count,
                  map);
}

cudaError_t pack_float16(const WindowCall& call, const WindowLayerWeights& weights, void* packed, cudaStream_t stream) {
    const Float16Layer layer = Float16Layer::of(call);
    auto* const blocks = static_cast<float16*>(packed);
    auto* const vectors = reinterpret_cast<float*>(blocks + std::int64_t{layer.blocks} * mma_block_weights);
    const int channels = call.channels, hidden = call.hidden, width = call.head_channels;
    const struct {
        const void* from;
        int to, end;
        BlockMatrix map;
    } matrices[] = {
        {weights.qkv_weight, layer.qkv, layer.proj, {3 * channels, channels, layer_steps, true, width, 16}},
        {weights.proj_weight, layer.proj, layer.fc1, {channels, channels, layer_steps, false, 16, width}},
        {weights.fc1_weight, layer.fc1, layer.fc2, {hidden, channels, layer_steps, true, 16, 16}},
        {weights.fc2_weight, layer.fc2, layer.position, {channels, hidden, layer_steps, false, 16, 16}},
    };
    for (const auto& part : matrices) {
        AMSR_RETURN_IF_ERROR(pack_layer_part(part.from, blocks + std::int64_t{part.to} * mma_block_weights,
                                             std::int64_t{part.end - part.to} * mma_block_weights, part.map, stream));
    }
    AMSR_RETURN_IF_ERROR(pack_layer_part(
        weights.position_bias, blocks + std::int64_t{layer.position} * mma_block_weights,
        std::int64_t{layer.blocks - layer.position} * mma_block_weights, PositionBias{call.tokens}, stream));
    const struct {
        const void* from;
        int to, end;
        PaddedVector map;
    } padded[] = {
        {weights.norm1_weight, layer.norm1_weight, layer.norm1_bias, {channels, 16}},
        {weights.norm1_bias, layer.norm1_bias, layer.qkv_bias, {channels, 16}},
        {weights.qkv_bias, layer.qkv_bias, layer.proj_bias, {3 * channels, width}},
        {weights.proj_bias, layer.proj_bias, layer.norm2_weight, {channels, 16}},
        {weights.norm2_weight, layer.norm2_weight, layer.norm2_bias, {channels, 16}},
        {weights.norm2_bias, layer.norm2_bias, layer.fc1_bias, {channels, 16}},
        {weights.fc1_bias, layer.fc1_bias, layer.fc2_bias, {hidden, 16}},
        {weights.fc2_bias, layer.fc2_bias, layer.vectors, {channels, 16}},
    };
    for (const auto& part : padded) {
        AMSR_RETURN_IF_ERROR(pack_layer_part(part.from, vectors + part.to, part.end - part.to, part.map, stream));
    }
    return cudaSuccess;
}

cudaError_t pack_float32(const WindowCall& call, const WindowLayerWeights& weights, void* packed, cudaStream_t stream) {
    const Float32Layer layer = Float32Layer::of(call);
    const struct {
        const void* from;
        int to, end;
    } parts[] = {
        {weights.norm1_weight, layer.norm1_weight, layer.norm1_bias},
        {weights.norm1_bias, layer.norm1_bias, layer.qkv_weight},
        {weights.qkv_weight, layer.qkv_weight, layer.qkv_bias},
        {weights.qkv_bias, layer.qkv_bias, layer.position},
        {weights.position_bias, layer.position, layer.proj_weight},
        {weights.proj_weight, layer.proj_weight, layer.proj_bias},
        {weights.proj_bias, layer.proj_bias, layer.norm2_weight},
        {weights.norm2_weight, layer.norm2_weight, layer.norm2_bias},
        {weights.norm2_bias, layer.norm2_bias, layer.fc1_weight},
        {weights.fc1_weight, layer.fc1_weight, layer.fc1_bias},
        {weights.fc1_bias, layer.fc1_bias, layer.fc2_weight},
        {weights.fc2_weight, layer.fc2_weight, layer.fc2_bias},
        {weights.fc2_bias, layer.fc2_bias, layer.size},
    };
    for (const auto& part : parts) {
        AMSR_RETURN_IF_ERROR(cudaMemcpyAsync(static_cast<float*>(packed) + part.to, part.from,
                                             static_cast<std::size_t>(part.end - part.to) * sizeof(float),
                                             cudaMemcpyDeviceToDevice, stream));
    }
    return cudaSuccess;
}

}  // namespace

bool is_valid(const WindowGrid& grid) {
    return grid.height > 0 && grid.width > 0 && grid.height <= 0x7fffffff / grid.width && grid.window_size > 0 &&
           grid.window_size <= 1024 && grid.height % grid.window_size == 0 && grid.width % grid.window_size == 0 &&
           grid.shift >= 0 && grid.shift < grid.window_size;
}

std::size_t packed_window_layer_bytes(ElementType type, const WindowLayerShape& shape) {
    if (!is_supported(type, shape)) return 0;
    const WindowCall call = window_call(shape);
    return type == ElementType::float16 ? static_cast<std::size_t>(Float16Layer::of(call).bytes())
                                        : static_cast<std::size_t>(Float32Layer::of(call).size) * sizeof(float);
}

cudaError_t pack_window_layer(ElementType type, const WindowLayerShape& shape, const WindowLayerWeights& weights,
                              void* packed, cudaStream_t stream) {
    if (!is_supported(type, shape)) return cudaErrorInvalidValue;
    const WindowCall call = window_call(shape);
    return type == ElementType::float16 ? pack_float16(call, weights, packed, stream)
                                        : pack_float32(call, weights, packed, stream);
}

cudaError_t window_layer(ElementType type, const WindowLayerShape& shape, const WindowGrid& grid, const void* pixels,
                         const std::int64_t* windows, std::int64_t window_count, const void* packed, float epsilon,
                         void* out, cudaStream_t stream) {
    if (!is_supported(type, shape) || !is_valid(grid) || grid.window_size != shape.window_size || window_count < 0 ||
        window_count > 0x7fffffff) {
        return cudaErrorInvalidValue;
    }
    if (out != pixels) {
        const auto elements = static_cast<std::size_t>(grid.height * grid.width * shape.channels);
        AMSR_RETURN_IF_ERROR(cudaMemcpyAsync(out, pixels, elements * bytes_of(type), cudaMemcpyDeviceToDevice, stream));
    }
    WindowCall call = window_call(shape);
    call.grid = grid;
    call.pixels = pixels;
    call.windows = windows;
    call.window_count = window_count;
    call.packed = packed;
    call.epsilon = epsilon;
    call.out = out;
    const auto kernel = type == ElementType::float16 ? window_layer_float16 : window_layer_float32;
    return launch(kernel, dim3(static_cast<unsigned>(window_count)), window_threads, shared_bytes(type, call), stream,
                  call);
}

}  // namespace amsr::cuda
