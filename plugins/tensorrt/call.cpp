#include "call.h"

#include <cstring>
#include <limits>

#include "error.h"

namespace amsr::trt {

void Call::set_memory(const void* const* inputs, void* const* outputs, void* workspace, Kept* kept,
                      cudaStream_t stream) {
    inputs_ = inputs;
    output_ = outputs[0];
    workspace_ = workspace;
    kept_ = kept;
    stream_ = stream;
}

const void* Call::input(const char* name) const {
    for (std::size_t i = 0; i < op_.inputs.size(); ++i) {
        if (std::strcmp(op_.inputs[i].name, name) == 0) return inputs_[i];
    }
    return nullptr;
}

Extent Call::extent(std::int64_t unit) const {
    const std::optional<Extent> known = extent_of_shape();
    const Extent extent = known ? *known : extent_of_memory();
    try {
        require_fit(extent, unit);
    } catch (const InvalidInput&) {
        if (known || !kept_->may_be_timed) throw;
        return strip(unit);
    }
    return extent;
}

void Call::require_fit(const Extent& extent, std::int64_t unit) const {
    const std::string text = "size " + std::to_string(extent.height) + " x " + std::to_string(extent.width);
    require(extent.height > 0 && extent.width > 0 &&
                extent.height <= std::numeric_limits<std::int32_t>::max() / extent.width,
            text + " is not that of a picture");
    if (lengths_.has("P")) {
        require(extent.height * extent.width == length("P"),
                text + " is not that of " + std::to_string(length("P")) + " pixels");
    }
    require(extent.height % unit == 0 && extent.width % unit == 0,
            text + " is not a multiple of " + std::to_string(unit));
}

Extent Call::strip(std::int64_t unit) const { return {unit, length(lengths_.has("P") ? "P" : "Q") / unit}; }

std::optional<Extent> Call::extent_of_shape() const {
    if (!lengths_.has("H")) return std::nullopt;
    const Extent picture{length("H"), length("W")};
    const std::int64_t scale = lengths_.has("P") ? upscaling(length("P"), picture.height * picture.width) : 1;
    return Extent{picture.height * scale, picture.width * scale};
}

Extent Call::extent_of_memory() const {
    require(!is_captured(), "size is in device memory, which a CUDA graph cannot read; give a picture in its place");
    std::int64_t values[2];
    check(cudaMemcpyAsync(values, input("size"), sizeof values, cudaMemcpyDeviceToHost, stream_));
    check(cudaStreamSynchronize(stream_));
    return {values[0], values[1]};
}

void* Call::workspace(const Extent& extent) const {
    const std::size_t bytes = op_.workspace_bytes(extent.height * extent.width);
    if (!extent_of_shape()) return kept_->workspace.reserve(bytes);
    require(workspace_ != nullptr || bytes == 0, "there is no memory to compute in");
    return workspace_;
}

const void* Call::packed() const {
    std::vector<const void*> weights;
    for (std::size_t i = 0; i < op_.inputs.size(); ++i) {
        if (op_.inputs[i].is_weight) weights.push_back(inputs_[i]);
    }
    if (weights != kept_->packed_from) {
        require(!is_captured(), "run it once before it is captured in a CUDA graph: the weights are laid out then");
        kept_->packed_from.clear();  // what is there is not to be used where the next lines fail
        check(op_.pack(*this, kept_->packed.reserve(op_.packed_bytes(*this))));
        kept_->packed_from = weights;
    }
    return kept_->packed.get();
}

bool Call::is_captured() const {
    cudaStreamCaptureStatus status;
    check(cudaStreamIsCapturing(stream_, &status));
    return status != cudaStreamCaptureStatusNone;
}

}  // namespace amsr::trt
