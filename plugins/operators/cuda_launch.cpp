#include "cuda_launch.h"

#include <stdexcept>

#include "cuda/convolution.h"
#include "cuda/neighbors.h"
#include "cuda/rows.h"
#include "cuda/windows.h"
#include "error.h"

namespace amsr::cuda {
namespace {

cudaError_t run_mask_gather(const Arguments& call, const Launch& launch) {
    return mask_gather(call.input("pixels"), call.length("P"), call.input<std::int64_t>("index"), call.length("Q"),
                       launch.bytes(call.length("C")), call.output, launch.stream);
}

cudaError_t run_mask_scatter(const Arguments& call, const Launch& launch) {
    if (call.input("pixels") != call.output) {  // not in place
        const cudaError_t error =
            cudaMemcpyAsync(call.output, call.input("pixels"), launch.bytes(call.length("P") * call.length("C")),
                            cudaMemcpyDeviceToDevice, launch.stream);
        if (error != cudaSuccess) return error;
    }
    return mask_scatter(call.input("rows"), call.input<std::int64_t>("index"), call.length("Q"), call.length("P"),
                        launch.bytes(call.length("C")), call.output, launch.stream);
}

cudaError_t run_mask_neighbors(const Arguments& call, const Launch& launch) {
    return mask_neighbors(call.input<std::int64_t>("index"), call.length("Q"), call.size.height, call.size.width,
                          call.integer("kernel_size"), static_cast<std::int32_t*>(call.output), launch.workspace,
                          launch.stream);
}

ConvolutionShape convolution_shape(const Arguments& call) {
    return {call.length("Co"), call.length("Ci"), call.integer("group"), call.length("k")};
}

ConvolutionShape pixel_convolution_shape(const Arguments& call) {
    ConvolutionShape shape = convolution_shape(call);
    shape.upscale = call.integer("upscale");
    return shape;
}

ConvolutionShape pointwise_shape(const Arguments& call) {
    return {call.length("Co"), static_cast<std::int64_t>(call.row_inputs()) * call.length("C")};
}

template <ConvolutionShape shape(const Arguments&)>
std::size_t packed_bytes(const Arguments& call, ElementType type) {
    return packed_convolution_bytes(type, shape(call));
}

template <ConvolutionShape shape(const Arguments&)>
cudaError_t pack(const Arguments& call, ElementType type, void* packed, cudaStream_t stream) {
    return pack_convolution(type, shape(call), call.input("weight"), call.input("bias"), packed, stream);
}

cudaError_t run_masked_conv2d(const Arguments& call, const Launch& launch) {
    return masked_conv2d(launch.type, convolution_shape(call), call.input("rows"), call.length("Q"),
                         call.input("surround"), call.length("P"), call.input<std::int32_t>("neighbors"), launch.packed,
                         call.input("residual"), call.activation(), call.output, launch.stream);
}

cudaError_t run_pointwise(const Arguments& call, const Launch& launch) {
    return pointwise(launch.type, call.length("Co"), call.length("C"), call.inputs.data(),
                     static_cast<int>(call.row_inputs()), call.length("Q"), launch.packed, call.input("residual"),
                     call.activation(), call.output, launch.stream);
}

cudaError_t run_pixel_conv2d(const Arguments& call, const Launch& launch) {
    const PixelResidual residual{call.input("residual"), call.op.epilogue.residual == Epilogue::nearest};
    return pixel_conv2d(launch.type, pixel_convolution_shape(call), call.input("pixels"), call.size.height,
                        call.size.width, launch.packed, residual, call.activation(), call.output, launch.stream);
}

WindowLayerShape window_layer_shape(const Arguments& call) {
    return {call.length("C"), call.length("F"), call.integer("heads"), call.integer("window_size")};
}

std::size_t packed_layer_bytes(const Arguments& call, ElementType type) {
    return packed_window_layer_bytes(type, window_layer_shape(call));
}

cudaError_t pack_layer(const Arguments& call, ElementType type, void* packed, cudaStream_t stream) {
    const WindowLayerWeights weights{call.input("norm1_weight"), call.input("norm1_bias"),    call.input("qkv_weight"),
                                     call.input("qkv_bias"),     call.input("position_bias"), call.input("proj_weight"),
                                     call.input("proj_bias"),    call.input("norm2_weight"),  call.input("norm2_bias"),
                                     call.input("fc1_weight"),   call.input("fc1_bias"),      call.input("fc2_weight"),
                                     call.input("fc2_bias")};
    return pack_window_layer(type, window_layer_shape(call), weights, packed, stream);
}

cudaError_t run_window_layer(const Arguments& call, const Launch& launch) {
    const WindowGrid grid{call.size.height, call.size.width, call.integer("window_size"), call.integer("shift")};
    return window_layer(launch.type, window_layer_shape(call), grid, call.input("pixels"),
                        call.input<std::int64_t>("windows"), call.length("M"), launch.packed, call.number("epsilon"),
                        call.output, launch.stream);
}

}  // namespace

void check(cudaError_t error) {
    if (error != cudaSuccess) throw std::runtime_error(std::string("CUDA says: ") + cudaGetErrorString(error));
}

Kernels kernels_of(Kernel kernel) {
    switch (kernel) {
        case Kernel::mask_gather:
            return {run_mask_gather};
        case Kernel::mask_scatter:
            return {run_mask_scatter};
        case Kernel::mask_neighbors:
            return {run_mask_neighbors, nullptr, nullptr, mask_neighbors_workspace};
        case Kernel::masked_conv2d:
            return {run_masked_conv2d, packed_bytes<convolution_shape>, pack<convolution_shape>};
        case Kernel::pointwise:
            return {run_pointwise, packed_bytes<pointwise_shape>, pack<pointwise_shape>};
        case Kernel::pixel_conv2d:
            return {run_pixel_conv2d, packed_bytes<pixel_convolution_shape>, pack<pixel_convolution_shape>};
        case Kernel::window_layer:
            return {run_window_layer, packed_layer_bytes, pack_layer};
    }
    throw InvalidInput("there is no such kernel");
}

std::size_t checked_packed_bytes(const Kernels& kernels, const Arguments& call, ElementType type) {
    if (kernels.packed_bytes == nullptr) return 0;
    const std::size_t bytes = kernels.packed_bytes(call, type);
    require(bytes > 0, "the CUDA kernels do not take weights of this shape");
    return bytes;
}

}  // namespace amsr::cuda
