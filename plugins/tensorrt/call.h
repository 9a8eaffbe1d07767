// One execution of a plugin, as its operator sees it.
#pragma once

#include <optional>

#include "device_buffer.h"
#include "operator.h"

namespace amsr::trt {

struct Extent {
    std::int64_t height, width;
};

/// What a plugin keeps between executions in one context.
struct Kept {
    DeviceBuffer packed;                   // the weights as the kernels read them
    std::vector<const void*> packed_from;  // their addresses when that was made
    DeviceBuffer workspace;                // where its size shows only during execution
    bool may_be_timed = false;             // made to build an engine: inputs may hold anything
};

class Call {
  public:
    Call(const Operator& op, const Attributes& attributes, const Lengths<Length>& lengths, cuda::ElementType type)
        : op_(op), attributes_(attributes), lengths_(lengths), type_(type) {}

    /// Before anything but lengths is asked for.
    void set_memory(const void* const* inputs, void* const* outputs, void* workspace, Kept* kept, cudaStream_t stream);

    cuda::ElementType type() const { return type_; }
    cudaStream_t stream() const { return stream_; }
    std::int64_t integer(const char* attribute) const { return attributes_.integer(attribute); }
    float number(const char* attribute) const { return attributes_.number(attribute); }
    std::int64_t length(const char* axis) const { return lengths_.value(axis).value; }
    /// Bytes of a row of so many values.
    std::size_t bytes(std::int64_t values) const { return static_cast<std::size_t>(values) * cuda::bytes_of(type_); }

    /// Null for an input that the operator does not have.
    const void* input(const char* name) const;
    const std::int64_t* positions(const char* name) const { return static_cast<const std::int64_t*>(input(name)); }
    void* output() const { return output_; }

    /// Height and width of the pixels. Known from a shape where the input `size` is a picture, which they are or were
    /// upscaled from; else read from device memory, which waits for the stream and cannot be captured in a CUDA graph.
    /// Throws InvalidInput where they are not those of the pixels, or not multiples of `unit`.
    Extent extent(std::int64_t unit = 1) const;
    void* workspace(const Extent& extent) const;

    /// The weights as the kernels read them: made in the first execution, and again when their addresses change.
    const void* packed() const;

  private:
    std::optional<Extent> extent_of_shape() const;
    Extent extent_of_memory() const;
    /// Throws InvalidInput where no such picture has the pixels.
    void require_fit(const Extent& extent, std::int64_t unit) const;
    /// Any picture of as many pixels, to time the kernels on.
    Extent strip(std::int64_t unit) const;
    bool is_captured() const;

    const Operator& op_;
    const Attributes& attributes_;
    const Lengths<Length>& lengths_;
    const cuda::ElementType type_;
    const void* const* inputs_ = nullptr;
    void* output_ = nullptr;
    void* workspace_ = nullptr;
    Kept* kept_ = nullptr;
    cudaStream_t stream_ = nullptr;
};

}  // namespace amsr::trt
