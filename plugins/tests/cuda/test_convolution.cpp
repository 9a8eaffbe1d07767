// MaskedConv2d, Pointwise and PixelConv2d on random cases, against their definitions.

#include "closeness.h"
#include "cuda/convolution.h"
#include "gpu.h"
#include "reference.h"

using namespace amsr;
using namespace amsr::test;
using cuda::ConvolutionShape;

namespace {

/// Epilogues in turns, so that all of them come.
template <std::size_t count>
class Turns {
  public:
    explicit Turns(const Epilogue (&all)[count]) : all_(all) {}
    const Epilogue& next() { return all_[turn_++ % count]; }

  private:
    const Epilogue (&all_)[count];
    std::size_t turn_ = 0;
};

template <class T>
struct Layer {
    ConvolutionShape shape;
    Epilogue epilogue;
    std::vector<T> weight, bias;
    Activation activation;

    Layer(Random& random, const ConvolutionShape& of, const Epilogue& end) : shape(of), epilogue(end) {
        const std::int64_t depth = shape.inputs / shape.groups * shape.kernel_size * shape.kernel_size;
        weight = random.values<T>(shape.outputs * depth, 1.0f / std::sqrt(static_cast<float>(depth)));
        bias = random.values<T>(shape.outputs);
        activation = {epilogue.activation, random.one_of<float>({0.0f, 0.1f, 1.0f})};
    }

    Buffer<unsigned char> packed() const {
        const std::size_t bytes = cuda::packed_convolution_bytes(type_of<T>, shape);
        CHECK(bytes > 0, "the shape is one");
        Buffer<unsigned char> result(bytes);
        const Buffer<T> w(weight), b(bias);
        CHECK_CUDA(cuda::pack_convolution(type_of<T>, shape, w.data(), b.data(), result.data(), nullptr));
        CHECK_CUDA(cudaDeviceSynchronize());
        return result;
    }

    reference::Convolution definition() const {
        return {shape.outputs,
                shape.inputs,
                shape.groups,
                shape.kernel_size,
                reference::values_of(weight),
                reference::values_of(bias),
                activation};
    }

    void check(const char* name, const std::vector<T>& actual, const reference::Values& expected) const {
        for (std::size_t i = 0; i < actual.size(); ++i) {
            CHECK(is_close(actual[i], expected[i], 1e-5), "%s%s %d: %d -> %d in %d groups, k %d: %g, not %g", name,
                  epilogue.suffix, static_cast<int>(sizeof(T)) * 8, static_cast<int>(shape.inputs),
                  static_cast<int>(shape.outputs), static_cast<int>(shape.groups), static_cast<int>(shape.kernel_size),
                  cpu::to_float(actual[i]), expected[i]);
        }
    }
};

/// The residual of a definition, which is empty where there is none.
template <class T>
reference::Values residual_of(bool is_added, const std::vector<T>& residual) {
    return is_added ? reference::values_of(residual) : reference::Values{};
}

template <class T>
void check_masked(Random& random, const ConvolutionShape& shape, std::int64_t rows, std::size_t offset = 0) {
    static Turns turns(epilogues::of_masked_conv2d);
    const Layer<T> layer(random, shape, turns.next());
    const bool add = layer.epilogue.has_residual();
    const std::int64_t taps = shape.kernel_size * shape.kernel_size, pixels = random.number(1, 50);
    const auto row_values = random.values<T>(rows * shape.inputs), surround = random.values<T>(pixels * shape.inputs);
    const auto residual = random.values<T>(rows * shape.outputs);
    std::vector<std::int32_t> neighbors(static_cast<std::size_t>(rows * taps));
    for (auto& entry : neighbors) entry = static_cast<std::int32_t>(random.number(-1, rows + pixels));
    const Buffer<T> device_rows(row_values, offset), device_surround(surround, offset), out(residual, offset);
    const Buffer<std::int32_t> device_neighbors(neighbors);
    const auto packed = layer.packed();
    CHECK_CUDA(cuda::masked_conv2d(type_of<T>, shape, device_rows.data(), rows, device_surround.data(), pixels,
                                   device_neighbors.data(), packed.data(), add ? out.data() : nullptr, layer.activation,
                                   out.data(), nullptr));
    layer.check(
        "MaskedConv2d", out.values(),
        reference::masked_conv2d(layer.definition(), reference::values_of(row_values), reference::values_of(surround),
                                 {neighbors.begin(), neighbors.end()}, residual_of(add, residual)));
}

template <class T>
void check_pointwise(Random& random, std::int64_t outputs, std::int64_t channels, int count, std::int64_t rows,
                     std::size_t offset = 0) {
    static Turns turns(epilogues::of_pointwise);
    const Layer<T> layer(random, {outputs, count * channels}, turns.next());
    const bool add = layer.epilogue.has_residual();
    std::vector<std::vector<T>> inputs;
    for (int i = 0; i < count; ++i) inputs.push_back(random.values<T>(rows * channels));
    const auto residual = random.values<T>(rows * outputs);
    std::vector<std::unique_ptr<Buffer<T>>> buffers;
    std::vector<const void*> pointers;
    for (const auto& input : inputs) {
        buffers.push_back(std::make_unique<Buffer<T>>(input, offset));
        pointers.push_back(buffers.back()->data());
    }
    const Buffer<T> device_residual(residual), out(static_cast<std::size_t>(rows * outputs));
    const auto packed = layer.packed();
    CHECK_CUDA(cuda::pointwise(type_of<T>, outputs, channels, pointers.data(), count, rows, packed.data(),
                               add ? device_residual.data() : nullptr, layer.activation, out.data(), nullptr));
    std::vector<reference::Values> values;
    for (const auto& input : inputs) values.push_back(reference::values_of(input));
    layer.check("Pointwise", out.values(),
                reference::pointwise(layer.definition(), values, rows, residual_of(add, residual)));
}

template <class T>
void check_pixels(Random& random, const ConvolutionShape& shape, std::int64_t height, std::int64_t width,
                  std::size_t offset = 0) {
    static Turns turns(epilogues::of_pixel_conv2d);
    const Layer<T> layer(random, shape, turns.next());
    const bool add = layer.epilogue.has_residual(), is_nearest = layer.epilogue.residual == Epilogue::nearest;
    const std::int64_t channels = shape.outputs / (shape.upscale * shape.upscale);
    const auto pixels = random.values<T>(height * width * shape.inputs);
    const auto residual = random.values<T>(height * width * (is_nearest ? channels : shape.outputs));
    const Buffer<T> device_pixels(pixels), device_residual(residual);
    const Buffer<T> out(std::vector<T>(static_cast<std::size_t>(height * width * shape.outputs)), offset);
    const auto packed = layer.packed();
    CHECK_CUDA(cuda::pixel_conv2d(type_of<T>, shape, device_pixels.data(), height, width, packed.data(),
                                  {add ? device_residual.data() : nullptr, is_nearest}, layer.activation, out.data(),
                                  nullptr));
    reference::Values added = residual_of(add, residual);
    if (is_nearest) added = reference::nearest(added, height, width, shape.upscale, channels);
    layer.check(
        "PixelConv2d", out.values(),
        reference::pixel_conv2d(layer.definition(), reference::values_of(pixels), height, width, shape.upscale, added));
}

/// Sums of any size, which are biases: e^-x leaves the range of float32 where |x| is 88.
template <class T>
void check_large_sums(Random& random) {
    std::vector<T> sums;
    for (const float size : {0.0f, 1e-3f, 1.0f, 10.0f, 87.0f, 88.0f, 89.0f, 100.0f, 1000.0f, 60000.0f}) {
        for (const float sum : {size, -size}) cpu::assign(sums.emplace_back(), sum);
    }
    const auto outputs = static_cast<std::int64_t>(sums.size());
    const Buffer<T> row(std::vector<T>(1));
    const void* const input = row.data();
    for (const Epilogue& epilogue : epilogues::of_masked_conv2d) {
        Layer<T> layer(random, {outputs, 1}, epilogue);
        layer.bias = sums;
        const auto residual = random.values<T>(outputs);
        const Buffer<T> device_residual(residual), out(sums.size());
        const auto packed = layer.packed();
        const bool add = epilogue.has_residual();
        CHECK_CUDA(cuda::pointwise(type_of<T>, outputs, 1, &input, 1, 1, packed.data(),
                                   add ? device_residual.data() : nullptr, layer.activation, out.data(), nullptr));
        layer.check("large sums", out.values(),
                    reference::pointwise(layer.definition(), {reference::values_of(std::vector<T>(1))}, 1,
                                         residual_of(add, residual)));
    }
}

/// The layers of the networks, and what else the tiles can meet.
template <class T>
void check_type(Random& random) {
    const std::vector<ConvolutionShape> layers{{64, 64, 1, 3}, {64, 64, 4, 3},  {12, 12, 1, 3}, {60, 60, 1, 3},
                                               {56, 12, 1, 1}, {8, 6, 2, 3},    {5, 3, 1, 5},   {64, 64, 4, 5},
                                               {70, 24, 2, 3}, {256, 64, 4, 1}, {20, 6, 1, 7},  {48, 48, 1, 3}};
    for (const auto& shape : layers) check_masked<T>(random, shape, random.number(1, 140));
    for (const auto& each [[maybe_unused]] : epilogues::of_masked_conv2d) check_masked<T>(random, {32, 32, 1, 3}, 70);
    check_masked<T>(random, layers[0], 0);
    for (const std::size_t offset : {1, 4}) {
        for (const std::int64_t groups : {1, 4}) check_masked<T>(random, {64, 64, groups, 3}, 9, offset);
        check_pointwise<T>(random, 64, 64, 2, 9, offset);
    }
    for (const std::int64_t outputs : {32, 48, 64}) {
        check_masked<T>(random, {outputs, 16, 1, 3}, 520);  // large tiles in the emulation
    }
    for (int i = 0; i < 6; ++i) {
        const std::int64_t groups = random.one_of<std::int64_t>({1, 2, 4});
        check_masked<T>(random, {groups * random.number(1, 20), groups * random.number(1, 20), groups, 3},
                        random.number(1, 70));
    }
    for (int count = 1; count <= 4; ++count) {
        check_pointwise<T>(random, 64, 64, count, random.number(1, 140));
        check_pointwise<T>(random, random.number(1, 80), random.number(1, 40), count, random.number(1, 140));
    }
    check_pointwise<T>(random, 64, 64, 2, 520);
    check_pixels<T>(random, {64, 3, 1, 3}, 9, 11);
    check_pixels<T>(random, {56, 3, 1, 5}, 7, 9);
    check_pixels<T>(random, {3, 64, 1, 3}, 5, 13);
    check_pixels<T>(random, {256, 64, 1, 3, 2}, 4, 7);
    check_pixels<T>(random, {256, 64, 4, 3, 2}, 3, 6);
    check_pixels<T>(random, {48, 60, 1, 3, 4}, 5, 6);
    check_pixels<T>(random, {48, 56, 1, 3, 4}, 1, 5);
    check_pixels<T>(random, {48, 16, 1, 3, 4}, 20, 27);
    for (const std::int64_t upscale : {1, 2, 3, 4}) {
        for (const std::int64_t channels : {3, 8}) {
            for (const auto& each [[maybe_unused]] : epilogues::of_pixel_conv2d) {
                check_pixels<T>(random, {upscale * upscale * channels, 32, 1, 3, upscale}, 3, 5);
            }
        }
    }
    for (const std::size_t offset : {1, 2, 4}) check_pixels<T>(random, {48, 8, 1, 3, 4}, 2, 3, offset);
    for (const auto& each [[maybe_unused]] : epilogues::of_pixel_conv2d) {
        check_pixels<T>(random, {12, 5, 1, 3, 2}, 3, 5);
        check_pixels<T>(random, {64, 64, 4, 3, 2}, 2, 3);
    }
    check_pixels<T>(random, {18, 7, 1, 3, 3}, 6, 5);
    check_pixels<T>(random, {64, 64, 4, 3}, 8, 20);
    check_pixels<T>(random, {60, 60, 1, 3}, 6, 7);
    check_pixels<T>(random, {64, 64, 1, 3}, 33, 34);
    check_pixels<T>(random, {9, 4, 1, 1, 3}, 6, 9);
    check_pixels<T>(random, {4, 4, 1, 3}, 0, 5);
    check_large_sums<T>(random);
}

void check_bad_shapes() {
    using cuda::ElementType;
    CHECK(cuda::packed_convolution_bytes(ElementType::float16, {5, 6, 2, 3}) == 0, "5 outputs in 2 groups");
    CHECK(cuda::packed_convolution_bytes(ElementType::float16, {4, 4, 1, 2}) == 0, "an even kernel");
    CHECK(cuda::packed_convolution_bytes(ElementType::float16, {20, 4, 1, 9}) == 0, "9 x 9 in float16");
    CHECK(cuda::packed_convolution_bytes(ElementType::float32, {20, 4, 1, 11}) > 0, "11 x 11 in float32");
    CHECK(cuda::packed_convolution_bytes(ElementType::float32, {20, 4, 1, 13}) == 0, "13 x 13 in float32");
    CHECK(cuda::masked_conv2d(ElementType::float16, {20, 4, 1, 9}, nullptr, 1, nullptr, 0, nullptr, nullptr, nullptr,
                              {}, nullptr, nullptr) == cudaErrorInvalidValue,
          "9 x 9 in float16, run");
    CHECK(cuda::packed_convolution_bytes(ElementType::float32, {6, 4, 1, 3, 2}) == 0, "6 outputs are not 4 pixels");
    CHECK(cuda::packed_convolution_bytes(ElementType::float32, {12, 4, 2, 3, 2}) == 0, "6 of a group are not 4 pixels");
    CHECK(cuda::masked_conv2d(ElementType::float32, {12, 4, 1, 3, 2}, nullptr, 1, nullptr, 0, nullptr, nullptr, nullptr,
                              {}, nullptr, nullptr) == cudaErrorInvalidValue,
          "masked pixels, upscaled");
    CHECK(cuda::pointwise(ElementType::float32, 6, 4, nullptr, 5, 2, nullptr, nullptr, {}, nullptr, nullptr) ==
              cudaErrorInvalidValue,
          "5 inputs");
    CHECK(cuda::masked_conv2d(ElementType::float32, {4, 4, 1, 3}, nullptr, 1, nullptr, 0, nullptr, nullptr, nullptr,
                              {Activation::attention}, nullptr, nullptr) == cudaErrorInvalidValue,
          "attention without a residual");
}

}  // namespace

int main() {
    skip_without_device();
    Random random(1);
    check_type<float>(random);
    check_type<cpu::float16>(random);
    check_bad_shapes();
}
