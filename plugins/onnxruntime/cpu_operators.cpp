#include "cpu_operators.h"

#include <atomic>
#include <cstring>

#include "cpu/convolution/masked_convolution.h"
#include "cpu/convolution/pixel_convolution.h"
#include "cpu/convolution/pointwise.h"
#include "cpu/mask/neighbors.h"
#include "cpu/rows/rows.h"
#include "cpu/window_layer/window_layer.h"
#include "kernel.h"
#include "operators/error.h"

namespace amsr::ort {
namespace {

constexpr std::size_t copied_rows = 1024;   // rows that a task copies: enough to outweigh its start
constexpr std::size_t convolved_lines = 8;  // lines that a task convolves: most of what they read is shared
constexpr std::size_t windows_of_task = 8;  // enough to outweigh its start and its memory

/// The positions of an input, all of them in [0, limit), none smaller than the one before.
const std::int64_t* checked_positions(const Call& call, const char* name, std::size_t count, std::int64_t limit) {
    const auto* positions = call.input<std::int64_t>(name);
    const std::size_t place = cpu::first_misplaced(positions, count, limit);
    if (place == count) return positions;
    const std::int64_t position = positions[place];
    const bool is_inside = position >= 0 && position < limit;
    throw InvalidInput(std::string(name) + "[" + std::to_string(place) + "] = " + std::to_string(position) +
                       (is_inside ? " is smaller than the one before, " + std::to_string(positions[place - 1])
                                  : " is not in [0, " + std::to_string(limit) + ")"));
}

/// Copies the pixels unless ONNX Runtime gave the output their memory.
void copy_pixels(const Call& call, std::size_t row_bytes) {
    const auto* from = call.input<char>("pixels");
    auto* const to = static_cast<char*>(call.output);
    if (from == to || row_bytes == 0) return;
    call.context.parallel(call.count("P"), copied_rows, [&](std::size_t first, std::size_t last) {
        std::memcpy(to + first * row_bytes, from + first * row_bytes, (last - first) * row_bytes);
    });
}

template <class T>
class MaskGather final : public NodeKernel {
  public:
    void compute(const Call& call) override {
        const std::size_t rows = call.count("Q"), row_bytes = call.count("C") * sizeof(T);
        const std::int64_t* const index = checked_positions(call, "index", rows, call.length("P"));
        const void* const pixels = call.input("pixels");
        call.context.parallel(rows, copied_rows, [&](std::size_t first, std::size_t last) {
            cpu::mask_gather(pixels, index, row_bytes, first, last, call.output);
        });
    }
};

template <class T>
class MaskScatter final : public NodeKernel {
  public:
    void compute(const Call& call) override {
        const std::size_t rows = call.count("Q"), row_bytes = call.count("C") * sizeof(T);
        const std::int64_t* const index = checked_positions(call, "index", rows, call.length("P"));
        const void* const values = call.input("rows");
        copy_pixels(call, row_bytes);
        call.context.parallel(rows, copied_rows, [&](std::size_t first, std::size_t last) {
            cpu::mask_scatter(values, index, rows, row_bytes, first, last, call.output);
        });
    }
};

class MaskNeighbors final : public NodeKernel {
  public:
    void compute(const Call& call) override {
        const auto [height, width] = call.size;
        const std::size_t rows = call.count("Q");
        const std::int64_t* const index = checked_positions(call, "index", rows, height * width);
        const cpu::NeighborTable table(index, rows, height, width, call.integer("kernel_size"));
        call.context.parallel(rows, copied_rows, [&](std::size_t first, std::size_t last) {
            table.fill(first, last, static_cast<std::int32_t*>(call.output));
        });
    }
};

/// What a kernel makes of a node's weights: once where they are constant, otherwise for each call.
template <class Packed>
class Weights {
  public:
    using Pack = std::shared_ptr<const Packed> (*)(cpu::InstructionSet, const Arguments&);

    Weights(const Node& node, Pack pack) : pack_(pack) {
        if (node.has_constant_weights) packed_ = pack_(instruction_set_, node);
    }

    std::shared_ptr<const Packed> get(const Call& call) const {
        return packed_ ? packed_ : pack_(instruction_set_, call);
    }

  private:
    cpu::InstructionSet instruction_set_ = cpu::chosen_instruction_set();
    Pack pack_;
    std::shared_ptr<const Packed> packed_;  // null where a weight is not constant
};

/// Of a convolution with weight [Co, Ci / group, k, k] and bias [Co].
template <class Packed, class T>
std::shared_ptr<const Packed> pack_convolution(cpu::InstructionSet set, const Arguments& node) {
    const std::size_t side = node.count("k"), upscale = node.attributes.has("upscale") ? node.count("upscale") : 1;
    const cpu::ConvolutionShape shape{node.count("Co"), node.count("Ci"), node.count("group"), side * side, upscale};
    return std::make_shared<const Packed>(set, shape, node.input<T>("weight"), node.input<T>("bias"),
                                          node.activation());
}

template <class T>
class MaskedConv2d final : public NodeKernel {
  public:
    explicit MaskedConv2d(const Node& node) : weights_(node, pack_convolution<cpu::MaskedConvolution<T>, T>) {}

    void compute(const Call& call) override {
        const auto convolution = weights_.get(call);
        const std::size_t row_count = call.count("Q"), pixel_count = call.count("P");
        const T *const rows = call.input<T>("rows"), *const surround = call.input<T>("surround"),
                       *const residual = call.input<T>("residual");
        const auto* const neighbors = call.input<std::int32_t>("neighbors");
        std::atomic<bool> inside{true};
        call.context.parallel(row_count, 4 * cpu::convolution_block_rows, [&](std::size_t first, std::size_t last) {
            if (!convolution->run(rows, row_count, surround, pixel_count, neighbors, residual, first, last,
                                  static_cast<T*>(call.output))) {
                inside = false;
            }
        });
        require(inside, "neighbors names a row beyond the " + std::to_string(row_count) + " rows and the " +
                            std::to_string(pixel_count) + " pixels of the surround");
    }

  private:
    Weights<cpu::MaskedConvolution<T>> weights_;
};

template <class T>
std::shared_ptr<const cpu::Pointwise<T>> pack_pointwise(cpu::InstructionSet set, const Arguments& node) {
    return std::make_shared<const cpu::Pointwise<T>>(set, node.row_inputs(), node.count("C"), node.count("Co"),
                                                     node.input<T>("weight"), node.input<T>("bias"), node.activation());
}

template <class T>
class Pointwise final : public NodeKernel {
  public:
    explicit Pointwise(const Node& node) : weights_(node, pack_pointwise<T>) {}

    void compute(const Call& call) override {
        const auto pointwise = weights_.get(call);
        std::vector<const T*> rows;
        for (std::size_t i = 0; i < call.row_inputs(); ++i) rows.push_back(static_cast<const T*>(call.inputs[i]));
        const T* const residual = call.input<T>("residual");
        call.context.parallel(call.count("Q"), 4 * cpu::convolution_block_rows,
                              [&](std::size_t first, std::size_t last) {
                                  pointwise->run(rows.data(), residual, first, last, static_cast<T*>(call.output));
                              });
    }

  private:
    Weights<cpu::Pointwise<T>> weights_;
};

template <class T>
class PixelConv2d final : public NodeKernel {
  public:
    explicit PixelConv2d(const Node& node) : weights_(node, pack_convolution<cpu::PixelConvolution<T>, T>) {}

    void compute(const Call& call) override {
        const auto convolution = weights_.get(call);
        const auto height = static_cast<std::size_t>(call.size.height),
                   width = static_cast<std::size_t>(call.size.width);
        const T* const pixels = call.input<T>("pixels");
        const cpu::PixelResidual<T> residual{call.input<T>("residual"), call.op.epilogue.residual == Epilogue::nearest};
        call.context.parallel(height, convolved_lines, [&](std::size_t first, std::size_t last) {
            convolution->run(pixels, height, width, residual, first, last, static_cast<T*>(call.output));
        });
    }

  private:
    Weights<cpu::PixelConvolution<T>> weights_;
};

template <class T>
std::shared_ptr<const cpu::WindowLayer<T>> pack_window_layer(cpu::InstructionSet set, const Arguments& node) {
    const std::size_t side = node.count("window_size");
    const cpu::WindowLayerShape shape{node.count("C"), node.count("F"), node.count("heads"), side * side};
    const auto weight = [&](const char* name) { return node.input<T>(name); };
    const cpu::WindowLayerWeights<T> weights{weight("norm1_weight"), weight("norm1_bias"),    weight("qkv_weight"),
                                             weight("qkv_bias"),     weight("position_bias"), weight("proj_weight"),
                                             weight("proj_bias"),    weight("norm2_weight"),  weight("norm2_bias"),
                                             weight("fc1_weight"),   weight("fc1_bias"),      weight("fc2_weight"),
                                             weight("fc2_bias")};
    return std::make_shared<const cpu::WindowLayer<T>>(set, shape, weights, node.number("epsilon"));
}

template <class T>
class WindowLayer final : public NodeKernel {
  public:
    explicit WindowLayer(const Node& node) : weights_(node, pack_window_layer<T>) {}

    void compute(const Call& call) override {
        const auto layer = weights_.get(call);
        const cpu::WindowGrid grid{call.size.height, call.size.width, call.integer("window_size"),
                                   call.integer("shift")};
        const std::size_t count = call.count("M");
        const std::int64_t* const windows = checked_positions(call, "windows", count, grid.window_count());
        copy_pixels(call, call.count("C") * sizeof(T));
        call.context.parallel(count, windows_of_task, [&](std::size_t first, std::size_t last) {
            layer->run(windows, count, grid, first, last, static_cast<T*>(call.output));
        });
    }

  private:
    Weights<cpu::WindowLayer<T>> weights_;
};

template <class T>
std::unique_ptr<NodeKernel> make_kernel(const Node& node) {
    switch (node.op.kernel) {
        case Kernel::mask_gather:
            return std::make_unique<MaskGather<T>>();
        case Kernel::mask_scatter:
            return std::make_unique<MaskScatter<T>>();
        case Kernel::mask_neighbors:
            return std::make_unique<MaskNeighbors>();
        case Kernel::masked_conv2d:
            return std::make_unique<MaskedConv2d<T>>(node);
        case Kernel::pointwise:
            return std::make_unique<Pointwise<T>>(node);
        case Kernel::pixel_conv2d:
            return std::make_unique<PixelConv2d<T>>(node);
        case Kernel::window_layer:
            return std::make_unique<WindowLayer<T>>(node);
    }
    return nullptr;
}

}  // namespace

void add_cpu_operators(const Api& api, CustomOpDomain* domain) {
    for (const Operator& op : operators()) {
        add_operator(api, domain, op, ElementType::float32, Provider::cpu, make_kernel<float>);
        if (!op.value_input()) continue;
        add_operator(api, domain, op, ElementType::float16, Provider::cpu, make_kernel<cpu::float16>);
        add_operator(api, domain, op, ElementType::bfloat16, Provider::cpu, make_kernel<cpu::bfloat16>);
    }
}

}  // namespace amsr::ort
