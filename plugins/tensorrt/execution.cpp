#include "execution.h"

#include "operators/error.h"
#include "shapes.h"

namespace amsr::trt {
namespace {

using cuda::check;

bool is_captured(cudaStream_t stream) {
    cudaStreamCaptureStatus status;
    check(cudaStreamIsCapturing(stream, &status));
    return status != cudaStreamCaptureStatusNone;
}

Size read_size(const Arguments& call, cudaStream_t stream) {
    require(!is_captured(stream),
            "size is in device memory, which a CUDA graph cannot read; give a picture in its place");
    std::int64_t values[2];
    check(cudaMemcpyAsync(values, call.input("size"), sizeof values, cudaMemcpyDeviceToHost, stream));
    check(cudaStreamSynchronize(stream));
    return {values[0], values[1]};
}

/// Any picture of as many pixels, to time the kernels on.
Size strip(const Arguments& call) {
    const std::int64_t unit = size_unit(call.lengths);
    return {unit, call.lengths.get("P").value_or(call.lengths["Q"]).value / unit};
}

Size checked_size(const Arguments& call, cudaStream_t stream, bool may_be_timed) {
    const std::optional<Size> known = size_of_picture(call.lengths);
    const Size size = known ? *known : read_size(call, stream);
    try {
        check_size(call.op, call.lengths, size);
    } catch (const InvalidInput&) {
        if (known || !may_be_timed) throw;
        return strip(call);
    }
    return size;
}

const void* pack(const cuda::Kernels& kernels, const Arguments& call, const cuda::Launch& launch, Kept& kept) {
    std::vector<const void*> weights;
    for (std::size_t i = 0; i < call.inputs.size(); ++i) {
        if (call.op.inputs[i].is_weight) weights.push_back(call.inputs[i]);
    }
    if (weights != kept.packed_from) {
        require(!is_captured(launch.stream),
                "run it once before it is captured in a CUDA graph: the weights are laid out then");
        kept.packed_from.clear();  // what is there is not to be used where the next lines fail
        void* const packed = kept.packed.reserve(kernels.packed_bytes(call, launch.type));
        check(kernels.pack(call, launch.type, packed, launch.stream));
        kept.packed_from = weights;
    }
    return kept.packed.get();
}

}  // namespace

void execute(const cuda::Kernels& kernels, Arguments call, cuda::Launch launch, Kept& kept) {
    for (const Tensor& input : call.op.inputs) {
        if (input.element == Element::size) call.size = checked_size(call, launch.stream, kept.may_be_timed);
    }
    if (kernels.workspace_bytes != nullptr) {
        const std::size_t bytes = kernels.workspace_bytes(call.size.height * call.size.width);
        if (!size_of_picture(call.lengths)) launch.workspace = kept.workspace.reserve(bytes);
        require(launch.workspace != nullptr || bytes == 0, "there is no memory to compute in");
    }
    if (kernels.pack != nullptr) launch.packed = pack(kernels, call, launch, kept);
    check(kernels.run(call, launch));
}

}  // namespace amsr::trt
