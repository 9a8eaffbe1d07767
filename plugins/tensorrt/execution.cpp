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

Size read_size(const cuda::Call& call) {
    require(!is_captured(call.stream),
            "size is in device memory, which a CUDA graph cannot read; give a picture in its place");
    std::int64_t values[2];
    check(cudaMemcpyAsync(values, call.input("size"), sizeof values, cudaMemcpyDeviceToHost, call.stream));
    check(cudaStreamSynchronize(call.stream));
    return {values[0], values[1]};
}

/// Any picture of as many pixels, to time the kernels on.
Size strip(const cuda::Call& call) {
    const std::int64_t unit = size_unit(call.lengths);
    return {unit, call.lengths.get("P").value_or(call.lengths["Q"]).value / unit};
}

Size checked_size(const cuda::Call& call, bool may_be_timed) {
    const std::optional<Size> known = size_of_picture(call.lengths);
    const Size size = known ? *known : read_size(call);
    try {
        check_size(call.op, call.lengths, size);
    } catch (const InvalidInput&) {
        if (known || !may_be_timed) throw;
        return strip(call);
    }
    return size;
}

const void* pack(const cuda::Kernels& kernels, const cuda::Call& call, Kept& kept) {
    std::vector<const void*> weights;
    for (std::size_t i = 0; i < call.inputs.size(); ++i) {
        if (call.op.inputs[i].is_weight) weights.push_back(call.inputs[i]);
    }
    if (weights != kept.packed_from) {
        require(!is_captured(call.stream),
                "run it once before it is captured in a CUDA graph: the weights are laid out then");
        kept.packed_from.clear();  // what is there is not to be used where the next lines fail
        check(kernels.pack(call, kept.packed.reserve(kernels.packed_bytes(call))));
        kept.packed_from = weights;
    }
    return kept.packed.get();
}

}  // namespace

void execute(const cuda::Kernels& kernels, cuda::Call call, void* workspace, Kept& kept) {
    for (const Tensor& input : call.op.inputs) {
        if (input.element == Element::size) call.size = checked_size(call, kept.may_be_timed);
    }
    if (kernels.workspace_bytes != nullptr) {
        const std::size_t bytes = kernels.workspace_bytes(call.size.height * call.size.width);
        call.workspace = size_of_picture(call.lengths) ? workspace : kept.workspace.reserve(bytes);
        require(call.workspace != nullptr || bytes == 0, "there is no memory to compute in");
    }
    if (kernels.pack != nullptr) call.packed = pack(kernels, call, kept);
    check(kernels.run(call));
}

}  // namespace amsr::trt
