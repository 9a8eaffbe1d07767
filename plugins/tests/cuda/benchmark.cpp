// Time of every CUDA kernel at the sizes that make 2K, 4K and 8K pictures, beside the least time that its bytes and its
// operations would take: a Markdown table. Medians; needs a GPU.
//   amsr_cuda_benchmark [--masks FOLDER] [--float32] [--repeats N] [--tflops PEAK]
// FOLDER holds masks as benchmarks/gpu.py writes them: WIDTHxHEIGHT_DENSITY.mask, one byte a pixel. Without it masks
// are random blocks of 8 x 8 pixels. PEAK: dense tera-operations a second of the tensor cores (of the ordinary units
// with --float32); known here for sm_80 and sm_90 only. Bandwidth is that of a copy on this GPU.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <set>
#include <string>

#include "cuda/convolution.h"
#include "cuda/mask.h"
#include "cuda/neighbors.h"
#include "cuda/rows.h"
#include "cuda/windows.h"
#include "gpu.h"

using namespace amsr;
using namespace amsr::test;
using cuda::ConvolutionShape;
using cuda::ElementType;

namespace {

constexpr Activation relu{Activation::leaky_relu, 0.0f};

struct Options {
    std::string masks;
    ElementType type = ElementType::float16;
    int repeats = 20;
    double peak = 0;  // operations a second; 0 where not known
    double bandwidth = 0;
};

using Work = std::function<cudaError_t()>;
using Bytes = Buffer<unsigned char>;

/// Median seconds of a run, of batches long enough for the clock.
double seconds(const Work& work, int repeats) {
    constexpr int batch = 10;
    cudaEvent_t start, end;
    CHECK_CUDA(cudaEventCreate(&start));
    CHECK_CUDA(cudaEventCreate(&end));
    std::vector<double> times;
    for (int round = -2; round < repeats; ++round) {  // two to warm up
        CHECK_CUDA(cudaEventRecord(start));
        for (int i = 0; i < batch; ++i) CHECK_CUDA(work());
        CHECK_CUDA(cudaEventRecord(end));
        CHECK_CUDA(cudaEventSynchronize(end));
        float milliseconds = 0;
        CHECK_CUDA(cudaEventElapsedTime(&milliseconds, start, end));
        if (round >= 0) times.push_back(1e-3 * static_cast<double>(milliseconds) / batch);
    }
    CHECK_CUDA(cudaEventDestroy(start));
    CHECK_CUDA(cudaEventDestroy(end));
    std::nth_element(times.begin(), times.begin() + repeats / 2, times.end());
    return times[static_cast<std::size_t>(repeats / 2)];
}

double copy_bandwidth(int repeats) {
    constexpr std::size_t bytes = std::size_t{1} << 30;
    const Bytes from(bytes), to(bytes);
    return 2.0 * bytes /
           seconds([&] { return cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice); }, repeats);
}

double known_peak(ElementType type) {
    int device = 0, major = 0, minor = 0;
    CHECK_CUDA(cudaGetDevice(&device));
    CHECK_CUDA(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    CHECK_CUDA(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
    const bool half = type == ElementType::float16;
    if (major == 9 && minor == 0) return half ? 989e12 : 67e12;
    if (major == 8 && minor == 0) return half ? 312e12 : 19.5e12;
    return 0;
}

/// Memory of random small numbers, so that clocks are those of real work: a short pattern again and again.
Bytes numbers(ElementType type, std::int64_t count) {
    constexpr std::size_t pattern_size = 4099;
    Random random(7);
    std::vector<unsigned char> bytes(static_cast<std::size_t>(count) * cuda::bytes_of(type));
    const auto fill = [&bytes](const auto& pattern) {
        const auto* from = reinterpret_cast<const unsigned char*>(pattern.data());
        const std::size_t period = pattern.size() * sizeof(pattern[0]);
        for (std::size_t at = 0; at < bytes.size(); at += period) {
            std::memcpy(bytes.data() + at, from, std::min(period, bytes.size() - at));
        }
    };
    if (type == ElementType::float16) {
        fill(random.values<cpu::float16>(pattern_size));
    } else {
        fill(random.values<float>(pattern_size));
    }
    return Bytes(bytes);
}

struct Picture {
    std::int64_t width, height;
    std::int64_t pixels() const { return width * height; }
};

/// One size and density, and what all kernels need there.
class Bench {
  public:
    Bench(const Options& options, Picture picture, const std::vector<std::uint8_t>& mask)
        : options_(options), picture_(picture), element_(static_cast<double>(cuda::bytes_of(options.type))) {
        for (std::size_t p = 0; p < mask.size(); ++p) {
            if (mask[p] != 0) index_.push_back(static_cast<std::int64_t>(p));
        }
        rows_ = static_cast<std::int64_t>(index_.size());
    }

    double density() const { return static_cast<double>(rows_) / static_cast<double>(picture_.pixels()); }

    void masked() const {
        const Masked in{Buffer<std::int64_t>(index_), Buffer<std::int32_t>(static_cast<std::size_t>(9 * rows_)),
                        numbers(options_.type, channels * picture_.pixels()), numbers(options_.type, channels * rows_),
                        Bytes(static_cast<std::size_t>(channels * rows_) * cuda::bytes_of(options_.type))};
        find_neighbors(in);
        move_rows(in);
        convolve_rows(in);
        merge_rows(in);
    }

    void windows() const {
        const std::int64_t height = picture_.height / 8 * 8, width = picture_.width / 8 * 8, all = height * width / 64;
        const auto kept = static_cast<std::int64_t>(density() * static_cast<double>(all));
        std::vector<std::int64_t> numbers_of(static_cast<std::size_t>(kept));
        for (std::int64_t i = 0; i < kept; ++i) numbers_of[static_cast<std::size_t>(i)] = i * all / kept;
        const Buffer<std::int64_t> windows(numbers_of);
        const cuda::WindowLayerShape shape{60, 120, 6, 8};
        const Bytes weights = numbers(options_.type, 6 * 64 * 64), pixels = numbers(options_.type, height * width * 60);
        const void* w = weights.data();
        const Bytes packed(cuda::packed_window_layer_bytes(options_.type, shape));
        CHECK_CUDA(cuda::pack_window_layer(options_.type, shape, {w, w, w, w, w, w, w, w, w, w, w, w, w}, packed.data(),
                                           nullptr));
        const double tokens = 64.0 * static_cast<double>(kept);
        const double work = 2 * tokens * (60 * 180 + 60 * 60 + 2 * 60 * 120 + 2 * 64 * 60);
        report(
            "WindowLayer 60",
            [&] {
                return cuda::window_layer(options_.type, shape, {height, width, 8, 4}, pixels.data(), windows.data(),
                                          kept, packed.data(), 1e-5f, pixels.data(), nullptr);
            },
            tokens * 120 * element_, work);
    }

    void whole() const {
        const double pixels = static_cast<double>(picture_.pixels());
        struct Layer {
            const char* name;
            ConvolutionShape shape;
        };
        for (const Layer& layer :
             {Layer{"PixelConv2d 3 -> 64", {64, 3, 1, 3}}, Layer{"PixelConv2d 64 -> 64", {64, 64, 1, 3}},
              Layer{"PixelConv2d 64 -> 256, r 2", {256, 64, 1, 3, 2}},
              Layer{"PixelConv2d 64 -> 256, 4 groups, r 2", {256, 64, 4, 3, 2}},
              Layer{"PixelConv2d 56 -> 48, r 4", {48, 56, 1, 3, 4}}, Layer{"PixelConv2d 64 -> 3", {3, 64, 1, 3}}}) {
            const Bytes values = numbers(options_.type, layer.shape.inputs * picture_.pixels()),
                        packed = pack(layer.shape);
            const Bytes out(static_cast<std::size_t>(layer.shape.outputs * picture_.pixels()) *
                            cuda::bytes_of(options_.type));
            report(
                layer.name,
                [&] {
                    return cuda::pixel_conv2d(options_.type, layer.shape, values.data(), picture_.height,
                                              picture_.width, packed.data(), {}, relu, out.data(), nullptr);
                },
                pixels * static_cast<double>(layer.shape.inputs + layer.shape.outputs) * element_,
                operations(layer.shape, pixels));
        }
        mask();
    }

  private:
    static constexpr std::int64_t channels = 64;  // of rows and pixels

    /// What the kernels on masked pixels read and write.
    struct Masked {
        Buffer<std::int64_t> index;
        Buffer<std::int32_t> neighbors;
        Bytes pixels, rows, out;
    };

    void find_neighbors(const Masked& in) const {
        const Bytes workspace(cuda::mask_neighbors_workspace(picture_.pixels()));
        const double pixels = static_cast<double>(picture_.pixels()), rows = static_cast<double>(rows_);
        const auto find = [&] {
            return cuda::mask_neighbors(in.index.data(), rows_, picture_.height, picture_.width, 3, in.neighbors.data(),
                                        workspace.data(), nullptr);
        };
        report("MaskNeighbors", find, 8 * rows + 8 * pixels + 36 * rows, 0);
    }

    void move_rows(const Masked& in) const {
        const std::size_t row_bytes = channels * cuda::bytes_of(options_.type);
        const double bytes = static_cast<double>(rows_) * (8 + 2 * channels * element_);
        report(
            "MaskGather",
            [&] {
                return cuda::mask_gather(in.pixels.data(), picture_.pixels(), in.index.data(), rows_, row_bytes,
                                         in.out.data(), nullptr);
            },
            bytes, 0);
        const Bytes scattered = numbers(options_.type, channels * picture_.pixels());
        report(
            "MaskScatter",
            [&] {
                return cuda::mask_scatter(in.rows.data(), in.index.data(), rows_, picture_.pixels(), row_bytes,
                                          scattered.data(), nullptr);
            },
            bytes, 0);
    }

    /// Pixels of the surround that the neighbour table names.
    double surround_of(const Masked& in) const {
        std::set<std::int32_t> surround;
        for (const std::int32_t entry : in.neighbors.values()) {
            if (entry >= rows_) surround.insert(entry);
        }
        return static_cast<double>(surround.size());
    }

    void convolve_rows(const Masked& in) const {
        struct Layer {
            const char* name;
            ConvolutionShape shape;
            Epilogue epilogue;
        };
        const double rows = static_cast<double>(rows_), surround = surround_of(in);
        for (const Layer& layer : {Layer{"MaskedConv2d 64 -> 64", {64, 64, 1, 3}, epilogues::none},
                                   Layer{"MaskedConv2dAdd 64 -> 64", {64, 64, 1, 3}, epilogues::add},
                                   Layer{"MaskedConv2d 64 -> 64, 4 groups", {64, 64, 4, 3}, epilogues::none},
                                   Layer{"MaskedConv2dSilu 32 -> 32", {32, 32, 1, 3}, epilogues::silu},
                                   Layer{"MaskedConv2dAttention 48 -> 48", {48, 48, 1, 3}, epilogues::attention},
                                   Layer{"MaskedConv2d 12 -> 12", {12, 12, 1, 3}, epilogues::none}}) {
            const Bytes packed = pack(layer.shape);
            const bool add = layer.epilogue.has_residual();
            const double read = static_cast<double>(layer.shape.inputs) * (rows + surround + rows * (add ? 2 : 1));
            report(
                layer.name,
                [&] {
                    return cuda::masked_conv2d(options_.type, layer.shape, in.rows.data(), rows_, in.pixels.data(),
                                               picture_.pixels(), in.neighbors.data(), packed.data(),
                                               add ? in.rows.data() : nullptr, {layer.epilogue.activation, 0.0f},
                                               in.out.data(), nullptr);
                },
                read * element_ + 36 * rows, operations(layer.shape, rows));
        }
    }

    void merge_rows(const Masked& in) const {
        const double rows = static_cast<double>(rows_);
        for (const int inputs : {1, 2, 4}) {
            const ConvolutionShape shape{channels, channels * inputs};
            const Bytes packed = pack(shape);
            const void* const pointers[] = {in.rows.data(), in.pixels.data(), in.rows.data(), in.pixels.data()};
            report(("Pointwise, inputs: " + std::to_string(inputs)).c_str(),
                   [&] {
                       return cuda::pointwise(options_.type, channels, channels, pointers, inputs, rows_, packed.data(),
                                              nullptr, relu, in.out.data(), nullptr);
                   },
                   channels * rows * (inputs + 1) * element_, operations(shape, rows));
        }
    }

    Bytes pack(const ConvolutionShape& shape) const {
        const std::int64_t depth = shape.inputs / shape.groups * shape.kernel_size * shape.kernel_size;
        const Bytes weight = numbers(options_.type, shape.outputs * depth),
                    bias = numbers(options_.type, shape.outputs);
        Bytes packed(cuda::packed_convolution_bytes(options_.type, shape));
        CHECK_CUDA(cuda::pack_convolution(options_.type, shape, weight.data(), bias.data(), packed.data(), nullptr));
        CHECK_CUDA(cudaDeviceSynchronize());
        return packed;
    }

    static double operations(const ConvolutionShape& shape, double places) {
        return 2 * places *
               static_cast<double>(shape.outputs * (shape.inputs / shape.groups) * shape.kernel_size *
                                   shape.kernel_size);
    }

    void mask() const {
        const double pixels = static_cast<double>(picture_.pixels());
        const Bytes image = numbers(ElementType::float32, 3 * picture_.pixels());
        const Bytes workspace(cuda::mask_workspace(picture_.height, picture_.width));
        const Buffer<std::uint8_t> flags(static_cast<std::size_t>(picture_.pixels()));
        const Buffer<std::int64_t> index(static_cast<std::size_t>(picture_.pixels())), count(1);
        const Buffer<double> threshold(1);
        const cuda::Picture given{reinterpret_cast<const float*>(image.data()), picture_.height, picture_.width, 1,
                                  picture_.pixels()};
        report(
            "mask and index",
            [&] {
                const cudaError_t error =
                    cuda::compute_mask(given, 5, flags.data(), threshold.data(), workspace.data(), nullptr);
                return error != cudaSuccess ? error
                                            : cuda::mask_index(flags.data(), picture_.height, picture_.width,
                                                               index.data(), count.data(), workspace.data(), nullptr);
            },
            pixels * (12 + 8), 0);
    }

    void report(const char* name, const Work& work, double bytes, double operations) const {
        const double time = seconds(work, options_.repeats), memory = bytes / options_.bandwidth;
        const double arithmetic = options_.peak > 0 ? operations / options_.peak : 0;
        const char* bound = operations > 0 && options_.peak == 0 ? "bytes (peak not known)"
                            : arithmetic > memory                ? "operations"
                                                                 : "bytes";
        std::printf("| %s | %d x %d | %.2f | %.4f | %.1f | %.2f | %.2f | %s |\n", name,
                    static_cast<int>(picture_.width), static_cast<int>(picture_.height), density(), 1e3 * time,
                    1e-6 * bytes, 1e-9 * operations, std::max(memory, arithmetic) / time, bound);
        std::fflush(stdout);
    }

    const Options& options_;
    Picture picture_;
    double element_;
    std::vector<std::int64_t> index_;
    std::int64_t rows_ = 0;
};

std::vector<std::uint8_t> mask_of(const Options& options, Picture picture, double density) {
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(picture.pixels()));
    if (!options.masks.empty()) {
        char name[64];
        std::snprintf(name, sizeof(name), "/%dx%d_%.1f.mask", static_cast<int>(picture.width),
                      static_cast<int>(picture.height), density);
        std::ifstream file(options.masks + name, std::ios::binary);
        file.read(reinterpret_cast<char*>(mask.data()), static_cast<std::streamsize>(mask.size()));
        CHECK(file.good(), "%s%s is missing or too short", options.masks.c_str(), name);
        return mask;
    }
    std::mt19937 random(1);
    const std::int64_t across = (picture.width + 7) / 8;
    std::vector<bool> blocks(static_cast<std::size_t>(across * ((picture.height + 7) / 8)));
    for (auto block : blocks) block = std::uniform_real_distribution<double>(0, 1)(random) < density;
    for (std::int64_t p = 0; p < picture.pixels(); ++p) {
        mask[static_cast<std::size_t>(p)] =
            blocks[static_cast<std::size_t>(p / picture.width / 8 * across + p % picture.width / 8)];
    }
    return mask;
}

Options parse(int count, char** arguments) {
    Options options;
    for (int i = 1; i < count; ++i) {
        const std::string name = arguments[i];
        if (name == "--float32") {
            options.type = ElementType::float32;
            continue;
        }
        CHECK(i + 1 < count, "%s needs a value", name.c_str());
        const std::string value = arguments[++i];
        if (name == "--masks") {
            options.masks = value;
        } else if (name == "--repeats") {
            options.repeats = std::max(1, std::stoi(value));
        } else if (name == "--tflops") {
            options.peak = 1e12 * std::stod(value);
        } else {
            CHECK(false, "unknown option %s", name.c_str());
        }
    }
    return options;
}

}  // namespace

int main(int count, char** arguments) {
    Options options = parse(count, arguments);
    skip_without_device();
    if (options.peak == 0) options.peak = known_peak(options.type);
    options.bandwidth = copy_bandwidth(options.repeats);
    std::printf(
        "Copies run at %.0f GB/s; peak %.0f TFLOP/s. Floor: the larger of bytes / bandwidth and operations / peak; "
        "what fits the L2 cache can beat it.\n\n",
        1e-9 * options.bandwidth, 1e-12 * options.peak);
    std::printf(
        "| kernel | picture | density | ms | MB | GFLOP | floor / time | floor |\n|---|---|---|---|---|---|---|---|\n");
    for (const Picture picture : {Picture{512, 270}, Picture{960, 540}, Picture{1920, 1080}}) {
        for (const double density : {0.2, 0.3, 0.4, 0.5, 0.6}) {
            const Bench bench(options, picture, mask_of(options, picture, density));
            bench.masked();
            bench.windows();
        }
        Bench(options, picture, std::vector<std::uint8_t>(static_cast<std::size_t>(picture.pixels()), 1)).whole();
    }
}
