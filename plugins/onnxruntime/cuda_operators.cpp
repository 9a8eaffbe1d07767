#include "cuda_operators.h"

#include <cuda_runtime_api.h>

#include <limits>
#include <mutex>
#include <set>

#include "checks.h"
#include "cuda/convolution.h"
#include "cuda/neighbors.h"
#include "cuda/rows.h"
#include "cuda/windows.h"
#include "operators.h"

namespace amsr::ort::gpu {
namespace {

struct CudaProvider {
    static constexpr const char* name = "CUDAExecutionProvider";
    template <class Operator>
    static MemoryType memory_of(std::size_t input) {
        return static_cast<int>(input) == Operator::host_input ? MemoryType::cpu_input : MemoryType::standard;
    }
};

void check_cuda(cudaError_t error) {
    if (error != cudaSuccess) throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(error));
}

cudaStream_t stream_of(const Call& call) { return static_cast<cudaStream_t>(call.stream()); }

template <class T>
constexpr cuda::ElementType kernel_type = sizeof(T) == 4 ? cuda::ElementType::float32 : cuda::ElementType::float16;

/// What an operator of the CPU shows to ONNX Runtime. `host_input`: the input whose values the host reads, or -1.
template <class Cpu, int input = -1>
struct SchemaOf {
    static constexpr const char* name = Cpu::name;
    static constexpr auto inputs = Cpu::inputs;
    static constexpr ElementType output = Cpu::output;
    static constexpr int in_place_input = Cpu::in_place_input;
    static constexpr int host_input = input;

    static void infer_shape(const ShapeInference& shapes) { Cpu::infer_shape(shapes); }
};

/// Lets the pool of the current device keep what is freed: by default it unmaps that whenever a stream is waited for,
/// which is after every run.
void keep_freed_memory() {
    static std::mutex mutex;
    static std::set<int> devices;
    int device = 0;
    check_cuda(cudaGetDevice(&device));
    const std::lock_guard<std::mutex> lock(mutex);
    if (devices.count(device) > 0) return;
    cudaMemPool_t pool = nullptr;
    check_cuda(cudaDeviceGetDefaultMemPool(&pool, device));
    std::uint64_t kept_bytes = std::numeric_limits<std::uint64_t>::max();
    check_cuda(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept_bytes));
    devices.insert(device);
}

/// Device memory for the work that is put on a stream from now on.
class StreamMemory {
  public:
    StreamMemory(std::size_t bytes, cudaStream_t stream) : stream_(stream) {
        if (bytes == 0) return;
        keep_freed_memory();
        check_cuda(cudaMallocAsync(&data_, bytes, stream));
    }
    StreamMemory(StreamMemory&& other) noexcept : data_(std::exchange(other.data_, nullptr)), stream_(other.stream_) {}
    StreamMemory& operator=(StreamMemory&&) = delete;
    ~StreamMemory() {
        if (data_ != nullptr) cudaFreeAsync(data_, stream_);
    }
    void* data() const { return data_; }

  private:
    void* data_ = nullptr;
    cudaStream_t stream_;
};

/// Packed weights on the device: made at the first call and kept where all of them are constant, else made for each
/// call.
class PackedWeights {
  public:
    /// The weights are inputs [first, last) of the node.
    PackedWeights(const Node& node, std::size_t first, std::size_t last) {
        Tensor ignored;
        for (std::size_t input = first; input < last; ++input)
            constant_ = constant_ && node.constant_input(input, ignored);
    }
    PackedWeights(const PackedWeights&) = delete;
    PackedWeights& operator=(const PackedWeights&) = delete;
    ~PackedWeights() { cudaFree(kept_); }

    /// Calls use(packed) with weights of so many bytes that pack(packed) puts on the stream.
    template <class Pack, class Use>
    void with(std::size_t bytes, cudaStream_t stream, const Pack& pack, const Use& use) {
        require(bytes > 0, "the CUDA kernels do not take weights of this shape");
        if (!constant_) {
            const StreamMemory packed(bytes, stream);
            check_cuda(pack(packed.data()));
            check_cuda(use(packed.data()));
            return;
        }
        {
            const std::lock_guard<std::mutex> lock(mutex_);  // sessions may run on several threads
            if (kept_ == nullptr) kept_ = make(bytes, stream, pack);
        }
        check_cuda(use(kept_));
    }

  private:
    template <class Pack>
    static void* make(std::size_t bytes, cudaStream_t stream, const Pack& pack) {
        void* memory = nullptr;
        check_cuda(cudaMalloc(&memory, bytes));
        cudaError_t error = pack(memory);
        if (error == cudaSuccess) error = cudaStreamSynchronize(stream);  // the next call may use another stream
        if (error != cudaSuccess) cudaFree(memory);
        check_cuda(error);
        return memory;
    }

    bool constant_ = true;
    std::mutex mutex_;
    void* kept_ = nullptr;
};

/// Copies rows [P, C] unless ONNX Runtime gave the output the input's memory.
void copy_unless_in_place(const Tensor& from, const Tensor& to, std::size_t row_bytes, cudaStream_t stream) {
    if (from.data == to.data) return;
    check_cuda(cudaMemcpyAsync(to.data, from.data, from.size(0) * row_bytes, cudaMemcpyDeviceToDevice, stream));
}

template <class T>
struct MaskGather : SchemaOf<ort::MaskGather<T>> {
    explicit MaskGather(const Node&) {}

    void compute(const Call& call) const {
        const Tensor pixels = call.input(0, "pixels", 2), index = call.input(1, "index", 1);
        const Tensor rows = call.output({index.shape[0], pixels.shape[1]});
        check_cuda(cuda::mask_gather(pixels.data, pixels.shape[0], index.as<std::int64_t>(), index.shape[0],
                                     pixels.size(1) * sizeof(T), rows.data, stream_of(call)));
    }
};

template <class T>
struct MaskScatter : SchemaOf<ort::MaskScatter<T>> {
    explicit MaskScatter(const Node&) {}

    void compute(const Call& call) const {
        const Tensor rows = call.input(0, "rows", 2), pixels = call.input(1, "pixels", 2),
                     index = call.input(2, "index", 1);
        require_equal("the number of rows", rows.size(0), index.size(0));
        require_equal("the number of channels of rows", rows.size(1), pixels.size(1));
        const Tensor out = call.output(pixels.shape);
        const std::size_t row_bytes = pixels.size(1) * sizeof(T);
        copy_unless_in_place(pixels, out, row_bytes, stream_of(call));
        check_cuda(cuda::mask_scatter(rows.data, index.as<std::int64_t>(), index.shape[0], pixels.shape[0], row_bytes,
                                      out.data, stream_of(call)));
    }
};

struct MaskNeighbors : SchemaOf<ort::MaskNeighbors, 1> {
    explicit MaskNeighbors(const Node& node) : kernel_size(ort::MaskNeighbors(node).kernel_size) {}

    void compute(const Call& call) const {
        const Tensor index = call.input(0, "index", 1);
        const Size size = read_size(call, 1);
        require(index.shape[0] <= std::numeric_limits<std::int32_t>::max() - size.height * size.width,
                "the picture has too many pixels for a table of 32-bit numbers; use tiles");
        const Tensor neighbors = call.output({index.shape[0], kernel_size * kernel_size});
        const StreamMemory workspace(cuda::mask_neighbors_workspace(size.height * size.width), stream_of(call));
        check_cuda(cuda::mask_neighbors(index.as<std::int64_t>(), index.shape[0], size.height, size.width, kernel_size,
                                        neighbors.as<std::int32_t>(), workspace.data(), stream_of(call)));
    }

    std::int64_t kernel_size;
};

/// The shape of a convolution with weight [Co, Ci / group, k, k] and bias [Co] on inputs of so many channels.
cuda::ConvolutionShape convolution_shape(const Tensor& weight, const Tensor& bias, std::int64_t group,
                                         std::size_t channels) {
    require_equal("the length of bias", bias.size(0), weight.size(0));
    require_equal("the width of the kernel", weight.size(3), weight.size(2));
    require_equal("the number of input channels", channels, weight.size(1) * static_cast<std::size_t>(group));
    return {weight.shape[0], weight.shape[1] * group, group, weight.shape[2]};
}

template <class T>
auto packing(const cuda::ConvolutionShape& shape, const Tensor& weight, const Tensor& bias, cudaStream_t stream) {
    return [&shape, weight, bias, stream](void* packed) {
        return cuda::pack_convolution(kernel_type<T>, shape, weight.data, bias.data, packed, stream);
    };
}

template <class T, Epilogue epilogue>
struct MaskedConv2d : SchemaOf<ort::MaskedConv2d<T, epilogue>> {
    explicit MaskedConv2d(const Node& node)
        : group(group_of(node)),
          activation{activation_of(epilogue), node.attribute("negative_slope", 1.0f)},
          weights(node, 3, 5) {}

    void compute(const Call& call) {
        const Tensor rows = call.input(0, "rows", 2), surround = call.input(1, "surround", 2),
                     neighbors = call.input(2, "neighbors", 2), weight = call.input(3, "weight", 4),
                     bias = call.input(4, "bias", 1);
        const cuda::ConvolutionShape shape = convolution_shape(weight, bias, group, rows.size(1));
        require_equal("the number of rows of neighbors", neighbors.size(0), rows.size(0));
        require_equal("the number of neighbors of a row", neighbors.size(1), weight.size(2) * weight.size(3));
        require_equal("the number of channels of surround", surround.size(1), rows.size(1));
        const Tensor out = call.output({rows.shape[0], shape.outputs});
        const T* residual = has_residual(epilogue) ? read_residual<T>(call, 5, out) : nullptr;
        const cudaStream_t stream = stream_of(call);
        weights.with(cuda::packed_convolution_bytes(kernel_type<T>, shape), stream,
                     packing<T>(shape, weight, bias, stream), [&](const void* packed) {
                         return cuda::masked_conv2d(kernel_type<T>, shape, rows.data, rows.shape[0], surround.data,
                                                    surround.shape[0], neighbors.as<std::int32_t>(), packed, residual,
                                                    activation, out.data, stream);
                     });
    }

    std::int64_t group;
    Activation activation;
    PackedWeights weights;
};

template <class T, std::size_t tensors, Epilogue epilogue>
struct Pointwise : SchemaOf<ort::Pointwise<T, tensors, epilogue>> {
    explicit Pointwise(const Node& node)
        : activation{activation_of(epilogue), node.attribute("negative_slope", 1.0f)},
          weights(node, tensors, tensors + 2) {}

    void compute(const Call& call) {
        const Tensor first = call.input(0, "rows", 2), weight = call.input(tensors, "weight", 2),
                     bias = call.input(tensors + 1, "bias", 1);
        const void* sources[tensors] = {first.data};
        for (std::size_t i = 1; i < tensors; ++i) {
            const Tensor rows = call.input(i, "rows", 2);
            require_equal("the number of rows", rows.size(0), first.size(0));
            require_equal("the number of channels of rows", rows.size(1), first.size(1));
            sources[i] = rows.data;
        }
        require_equal("the number of input channels", first.size(1) * tensors, weight.size(1));
        require_equal("the length of bias", bias.size(0), weight.size(0));
        const cuda::ConvolutionShape shape{weight.shape[0], weight.shape[1]};
        const Tensor out = call.output({first.shape[0], shape.outputs});
        const T* residual = has_residual(epilogue) ? read_residual<T>(call, tensors + 2, out) : nullptr;
        const cudaStream_t stream = stream_of(call);
        weights.with(cuda::packed_convolution_bytes(kernel_type<T>, shape), stream,
                     packing<T>(shape, weight, bias, stream), [&](const void* packed) {
                         return cuda::pointwise(kernel_type<T>, shape.outputs, first.shape[1], sources,
                                                static_cast<int>(tensors), first.shape[0], packed, residual, activation,
                                                out.data, stream);
                     });
    }

    Activation activation;
    PackedWeights weights;
};

template <class T, Epilogue epilogue>
struct PixelConv2d : SchemaOf<ort::PixelConv2d<T, epilogue>, 1> {
    explicit PixelConv2d(const Node& node)
        : group(group_of(node)),
          upscale(upscale_of(node)),
          activation{activation_of(epilogue), node.attribute("negative_slope", 1.0f)},
          weights(node, 2, 4) {}

    void compute(const Call& call) {
        const Tensor pixels = call.input(0, "pixels", 2), weight = call.input(2, "weight", 4),
                     bias = call.input(3, "bias", 1);
        const Size size = read_size(call, 1);
        require_equal("the number of pixels", pixels.size(0), static_cast<std::size_t>(size.height * size.width));
        const cuda::ConvolutionShape shape = convolution_shape(weight, bias, group, pixels.size(1));
        const std::int64_t area = upscale * upscale;
        require(shape.outputs % area == 0, "the " + std::to_string(shape.outputs) + " outputs are not a multiple of " +
                                               std::to_string(area) + ", the number of shuffled pixels");
        const Tensor out = call.output({pixels.shape[0] * area, shape.outputs / area});
        const bool is_nearest = epilogue == Epilogue::add_nearest;
        const Tensor residual_like{nullptr, {is_nearest ? pixels.shape[0] : out.shape[0], out.shape[1]}};
        const T* values = has_residual(epilogue) ? read_residual<T>(call, 4, residual_like) : nullptr;
        const cuda::PixelResidual residual{values, is_nearest};
        const cudaStream_t stream = stream_of(call);
        weights.with(cuda::packed_convolution_bytes(kernel_type<T>, shape), stream,
                     packing<T>(shape, weight, bias, stream), [&](const void* packed) {
                         return cuda::pixel_conv2d(kernel_type<T>, shape, pixels.data, size.height, size.width, packed,
                                                   residual, activation, upscale, out.data, stream);
                     });
    }

    std::int64_t group, upscale;
    Activation activation;
    PackedWeights weights;
};

cuda::WindowGrid read_grid(const Call& call, std::size_t index, std::int64_t window_size, std::int64_t shift,
                           const Tensor& pixels) {
    const Size size = read_size(call, index);
    require(size.height % window_size == 0 && size.width % window_size == 0,
            "size " + std::to_string(size.height) + " x " + std::to_string(size.width) + " is not a multiple of " +
                std::to_string(window_size));
    require_equal("the number of pixels", pixels.size(0), static_cast<std::size_t>(size.height * size.width));
    return {size.height, size.width, window_size, shift};
}

template <class T>
struct WindowGather : SchemaOf<ort::WindowGather<T>, 2> {
    explicit WindowGather(const Node& node) : window_size(window_size_of(node)), shift(shift_of(node, window_size)) {}

    void compute(const Call& call) const {
        const Tensor pixels = call.input(0, "pixels", 2), windows = call.input(1, "windows", 1);
        const cuda::WindowGrid grid = read_grid(call, 2, window_size, shift, pixels);
        const Tensor tokens = call.output({windows.shape[0], window_size * window_size, pixels.shape[1]});
        check_cuda(cuda::window_gather(pixels.data, windows.as<std::int64_t>(), windows.shape[0], grid,
                                       pixels.size(1) * sizeof(T), tokens.data, stream_of(call)));
    }

    std::int64_t window_size, shift;
};

template <class T>
struct WindowScatter : SchemaOf<ort::WindowScatter<T>, 3> {
    explicit WindowScatter(const Node& node) : window_size(window_size_of(node)), shift(shift_of(node, window_size)) {}

    void compute(const Call& call) const {
        const Tensor tokens = call.input(0, "tokens", 3), pixels = call.input(1, "pixels", 2),
                     windows = call.input(2, "windows", 1);
        const cuda::WindowGrid grid = read_grid(call, 3, window_size, shift, pixels);
        require_equal("the number of windows of tokens", tokens.size(0), windows.size(0));
        require_equal("the number of tokens of a window", tokens.size(1),
                      static_cast<std::size_t>(window_size * window_size));
        require_equal("the number of channels of tokens", tokens.size(2), pixels.size(1));
        const Tensor out = call.output(pixels.shape);
        const std::size_t row_bytes = pixels.size(1) * sizeof(T);
        copy_unless_in_place(pixels, out, row_bytes, stream_of(call));
        check_cuda(cuda::window_scatter(tokens.data, windows.as<std::int64_t>(), windows.shape[0], grid, row_bytes,
                                        out.data, stream_of(call)));
    }

    std::int64_t window_size, shift;
};

template <class T>
struct WindowLayer : SchemaOf<ort::WindowLayer<T>, 2> {
    static constexpr std::size_t first_weight = 3, weight_count = 13;

    explicit WindowLayer(const Node& node)
        : window_size(window_size_of(node)),
          shift(shift_of(node, window_size)),
          heads(node.attribute("heads", std::int64_t{6})),
          epsilon(node.attribute("epsilon", 1e-5f)),
          weights(node, first_weight, first_weight + weight_count) {
        require(heads > 0, "heads " + std::to_string(heads) + " is not positive");
    }

    void compute(const Call& call) {
        const Tensor pixels = call.input(0, "pixels", 2), windows = call.input(1, "windows", 1);
        const cuda::WindowGrid grid = read_grid(call, 2, window_size, shift, pixels);
        const std::size_t channels = pixels.size(1);
        const Tensor hidden = call.input(first_weight + 9, "fc1_weight", 2);
        const cuda::WindowLayerShape shape{pixels.shape[1], hidden.shape[0], heads, window_size};
        const cuda::WindowLayerWeights layer = read_weights(call, channels, hidden.size(0));
        const std::size_t bytes = cuda::packed_window_layer_bytes(kernel_type<T>, shape);
        require(bytes > 0, "the CUDA kernel of WindowLayer does not take " + std::to_string(channels) +
                               " channels in " + std::to_string(heads) + " heads, MLP of " +
                               std::to_string(hidden.shape[0]));
        const Tensor out = call.output(pixels.shape);
        const cudaStream_t stream = stream_of(call);
        weights.with(
            bytes, stream,
            [&](void* packed) { return cuda::pack_window_layer(kernel_type<T>, shape, layer, packed, stream); },
            [&](const void* packed) {
                return cuda::window_layer(kernel_type<T>, shape, grid, pixels.data, windows.as<std::int64_t>(),
                                          windows.shape[0], packed, epsilon, out.data, stream);
            });
    }

    /// The weights, whose shapes follow from those of the layer.
    cuda::WindowLayerWeights read_weights(const Call& call, std::size_t channels, std::size_t hidden) const {
        const auto tokens = static_cast<std::size_t>(window_size * window_size);
        std::size_t input = first_weight;
        const auto read = [&](const char* what, const std::vector<std::size_t>& shape) {
            const Tensor tensor = call.input(input++, what, shape.size());
            for (std::size_t axis = 0; axis < shape.size(); ++axis) require_equal(what, tensor.size(axis), shape[axis]);
            return static_cast<const void*>(tensor.data);
        };
        cuda::WindowLayerWeights layer{};
        layer.norm1_weight = read("an axis of norm1_weight", {channels});
        layer.norm1_bias = read("an axis of norm1_bias", {channels});
        layer.qkv_weight = read("an axis of qkv_weight", {3 * channels, channels});
        layer.qkv_bias = read("an axis of qkv_bias", {3 * channels});
        layer.position_bias = read("an axis of position_bias", {static_cast<std::size_t>(heads), tokens, tokens});
        layer.proj_weight = read("an axis of proj_weight", {channels, channels});
        layer.proj_bias = read("an axis of proj_bias", {channels});
        layer.norm2_weight = read("an axis of norm2_weight", {channels});
        layer.norm2_bias = read("an axis of norm2_bias", {channels});
        layer.fc1_weight = read("an axis of fc1_weight", {hidden, channels});
        layer.fc1_bias = read("an axis of fc1_bias", {hidden});
        layer.fc2_weight = read("an axis of fc2_weight", {channels, hidden});
        layer.fc2_bias = read("an axis of fc2_bias", {channels});
        return layer;
    }

    std::int64_t window_size, shift, heads;
    float epsilon;
    PackedWeights weights;
};

template <class... Operators>
void add(const Api& api, CustomOpDomain* domain) {
    (add_operator<Operators, CudaProvider>(api, domain), ...);
}

template <class T>
void add_typed(const Api& api, CustomOpDomain* domain) {
    add<MaskGather<T>, MaskScatter<T>, WindowGather<T>, WindowScatter<T>, WindowLayer<T>>(api, domain);
    add<MaskedConv2d<T, Epilogue::none>, MaskedConv2d<T, Epilogue::add>, MaskedConv2d<T, Epilogue::silu>,
        MaskedConv2d<T, Epilogue::silu_add>, MaskedConv2d<T, Epilogue::attention>>(api, domain);
    add<PixelConv2d<T, Epilogue::none>, PixelConv2d<T, Epilogue::add>, PixelConv2d<T, Epilogue::add_nearest>>(api,
                                                                                                              domain);
    add<Pointwise<T, 1, Epilogue::none>, Pointwise<T, 1, Epilogue::add>>(api, domain);
    add<Pointwise<T, 2, Epilogue::none>, Pointwise<T, 3, Epilogue::none>, Pointwise<T, 4, Epilogue::none>>(api, domain);
}

}  // namespace
}  // namespace amsr::ort::gpu

namespace amsr::ort {

void add_cuda_operators(const Api& api, CustomOpDomain* domain) {
    gpu::add<gpu::MaskNeighbors>(api, domain);
    gpu::add_typed<float>(api, domain);
    gpu::add_typed<cpu::float16>(api, domain);
}

}  // namespace amsr::ort
