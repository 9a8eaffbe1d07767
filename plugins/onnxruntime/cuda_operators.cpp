#include "cuda_operators.h"

#include <cuda_runtime_api.h>

#include <limits>
#include <mutex>
#include <set>
#include <utility>

#include "kernel.h"
#include "operators/cuda_launch.h"
#include "operators/device_buffer.h"

namespace amsr::ort {
namespace {

/// Lets the pool of the current device keep what is freed: by default it unmaps that whenever a stream is waited for,
/// which is after every run.
void keep_freed_memory() {
    static std::mutex mutex;
    static std::set<int> devices;
    int device = 0;
    cuda::check(cudaGetDevice(&device));
    const std::lock_guard<std::mutex> lock(mutex);
    if (devices.count(device) > 0) return;
    cudaMemPool_t pool = nullptr;
    cuda::check(cudaDeviceGetDefaultMemPool(&pool, device));
    std::uint64_t kept_bytes = std::numeric_limits<std::uint64_t>::max();
    cuda::check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept_bytes));
    devices.insert(device);
}

/// Device memory for the work that is put on a stream from now on.
class StreamMemory {
  public:
    StreamMemory(std::size_t bytes, cudaStream_t stream) : stream_(stream) {
        if (bytes == 0) return;
        keep_freed_memory();
        cuda::check(cudaMallocAsync(&data_, bytes, stream));
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

/// The kernel of any operator. Constant weights are packed at the first call and kept, others for each call.
class CudaKernel final : public NodeKernel {
  public:
    /// Throws InvalidInput where the kernels do not take constant weights of that shape.
    CudaKernel(const Node& node, cuda::ElementType type)
        : kernels_(cuda::kernels_of(node.op.kernel)), type_(type), keeps_(node.has_constant_weights) {
        if (keeps_) cuda::checked_packed_bytes(kernels_, node, type_);
    }

    void compute(const Call& call) override {
        cuda::Launch launch{type_, static_cast<cudaStream_t>(call.context.stream())};
        const std::size_t bytes = cuda::checked_packed_bytes(kernels_, call, type_);
        const StreamMemory packed(keeps_ ? 0 : bytes, launch.stream);
        if (bytes > 0 && keeps_) {
            launch.packed = kept(call, bytes, launch.stream);
        } else if (bytes > 0) {
            cuda::check(kernels_.pack(call, type_, packed.data(), launch.stream));
            launch.packed = packed.data();
        }
        const std::int64_t pixel_count = call.size.height * call.size.width;
        const StreamMemory workspace(kernels_.workspace_bytes ? kernels_.workspace_bytes(pixel_count) : 0,
                                     launch.stream);
        launch.workspace = workspace.data();
        cuda::check(kernels_.run(call, launch));
    }

  private:
    const void* kept(const Call& call, std::size_t bytes, cudaStream_t stream) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!is_packed_) {
            cuda::check(kernels_.pack(call, type_, kept_.reserve(bytes), stream));
            cuda::check(cudaStreamSynchronize(stream));  // the next call may use another stream
            is_packed_ = true;
        }
        return kept_.get();
    }

    const cuda::Kernels kernels_;
    const cuda::ElementType type_;
    const bool keeps_;
    std::mutex mutex_;
    cuda::DeviceBuffer kept_;
    bool is_packed_ = false;
};

template <cuda::ElementType type>
std::unique_ptr<NodeKernel> make_kernel(const Node& node) {
    return std::make_unique<CudaKernel>(node, type);
}

}  // namespace

void add_cuda_operators(const Api& api, CustomOpDomain* domain) {
    for (const Operator& op : operators()) {
        add_operator(api, domain, op, ElementType::float32, Provider::cuda, make_kernel<cuda::ElementType::float32>);
        if (!op.value_input()) continue;
        add_operator(api, domain, op, ElementType::float16, Provider::cuda, make_kernel<cuda::ElementType::float16>);
    }
}

}  // namespace amsr::ort
