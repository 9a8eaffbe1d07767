// Upscales a picture with a masked model and a mask of its own, in ONNX Runtime:
//   upscale MODEL.onnx INPUT.ppm OUTPUT.ppm MASK.pgm [libamsr_onnxruntime.so]
// With the library of this project the masked operators run in its kernels, without it as the model's own functions.
// The picture is upscaled in one piece: `amsr infer` cuts large ones into tiles.
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <filesystem>
#include <iostream>

#include "netpbm.h"

namespace {

constexpr std::size_t edge = 4;  // reflected pixels on all sides: networks see black outside
constexpr std::size_t radius = 2;
constexpr int contrast = 32;

/// Mask pixels whose neighbourhood has contrast: this is the place for a rule of your own.
Mask find_detail(const Picture& picture) {
    Mask mask{picture.height, picture.width, std::vector<std::uint8_t>(picture.height * picture.width)};
    for (std::size_t y = 0; y < picture.height; ++y) {
        for (std::size_t x = 0; x < picture.width; ++x) {
            int darkest = 255, brightest = 0;
            for (std::size_t v = y - std::min(y, radius); v <= std::min(y + radius, picture.height - 1); ++v) {
                for (std::size_t u = x - std::min(x, radius); u <= std::min(x + radius, picture.width - 1); ++u) {
                    darkest = std::min<int>(darkest, picture.at(v, u, 1));
                    brightest = std::max<int>(brightest, picture.at(v, u, 1));
                }
            }
            mask.pixels[y * picture.width + x] = brightest - darkest >= contrast;
        }
    }
    return mask;
}

/// The pixel of an axis at a position of the reflected axis, which begins `edge` pixels earlier.
std::size_t reflected(std::size_t position, std::size_t length) {
    if (length == 1) return 0;
    const std::size_t period = 2 * (length - 1), place = (position + edge * (period - 1)) % period;
    return std::min(place, period - place);
}

/// The input `image`: [1, 3, height, width] in [0, 1].
std::vector<float> to_planes(const Picture& picture, std::size_t height, std::size_t width) {
    std::vector<float> planes;
    planes.reserve(3 * height * width);
    for (std::size_t channel = 0; channel < 3; ++channel) {
        for (std::size_t y = 0; y < height; ++y) {
            for (std::size_t x = 0; x < width; ++x) {
                const auto sample = picture.at(reflected(y, picture.height), reflected(x, picture.width), channel);
                planes.push_back(static_cast<float>(sample) / 255.0f);
            }
        }
    }
    return planes;
}

/// The input `index`: rising positions y * width + x of the masked pixels.
std::vector<std::int64_t> to_index(const Mask& mask, std::size_t height, std::size_t width) {
    std::vector<std::int64_t> index;
    for (std::size_t y = 0; y < height; ++y) {
        for (std::size_t x = 0; x < width; ++x) {
            if (mask.pixels[reflected(y, mask.height) * mask.width + reflected(x, mask.width)]) {
                index.push_back(static_cast<std::int64_t>(y * width + x));
            }
        }
    }
    return index;
}

/// The output `sr`, [1, 3, height, width], without its border, as 8 bits.
Picture to_picture(const float* planes, std::size_t height, std::size_t width, std::size_t border) {
    Picture picture{height - 2 * border, width - 2 * border, {}};
    for (std::size_t y = border; y < height - border; ++y) {
        for (std::size_t x = border; x < width - border; ++x) {
            for (std::size_t channel = 0; channel < 3; ++channel) {
                const float value = std::clamp(planes[(channel * height + y) * width + x], 0.0f, 1.0f);
                picture.samples.push_back(static_cast<std::uint8_t>(std::lrint(value * 255.0f)));
            }
        }
    }
    return picture;
}

template <class T>
Ort::Value tensor(std::vector<T>& values, const std::vector<std::int64_t>& shape) {
    static const Ort::MemoryInfo memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    return Ort::Value::CreateTensor<T>(memory, values.data(), values.size(), shape.data(), shape.size());
}

Picture upscale(Ort::Session& session, const Picture& picture, const Mask& mask) {
    const std::size_t height = picture.height + 2 * edge, width = picture.width + 2 * edge;
    std::vector<float> planes = to_planes(picture, height, width);
    std::vector<std::int64_t> index = to_index(mask, height, width);
    const std::array<const char*, 2> inputs{"image", "index"};
    const std::array<const char*, 1> outputs{"sr"};
    const std::array<Ort::Value, 2> values{
        tensor(planes, {1, 3, static_cast<std::int64_t>(height), static_cast<std::int64_t>(width)}),
        tensor(index, {static_cast<std::int64_t>(index.size())})};
    const auto results = session.Run(Ort::RunOptions(), inputs.data(), values.data(), values.size(), outputs.data(), 1);
    const auto shape = results[0].GetTensorTypeAndShapeInfo().GetShape();
    const auto large_height = static_cast<std::size_t>(shape[2]), large_width = static_cast<std::size_t>(shape[3]);
    const std::size_t scale = large_height / height;
    return to_picture(results[0].GetTensorData<float>(), large_height, large_width, edge * scale);
}

/// Models tell in their metadata what their mask selects; these here select pixels (SwinIR: windows).
void check_model(const Ort::Session& session) {
    Ort::AllocatorWithDefaultOptions allocator;
    const auto metadata = session.GetModelMetadata();
    const auto body = metadata.LookupCustomMetadataMapAllocated("amsr.body", allocator);
    const auto masked = metadata.LookupCustomMetadataMapAllocated("amsr.masked", allocator);
    if (!body || !masked || std::string(body.get()) != "\"pixels\"" || std::string(masked.get()) != "true") {
        throw std::runtime_error("this is not a model of amsr-deploy that is masked by pixels");
    }
}

void run(const std::vector<std::string>& arguments) {
    Ort::Env environment(ORT_LOGGING_LEVEL_ERROR);
    Ort::SessionOptions options;
    // ONNX Runtime takes paths in the system's own characters: wide ones on Windows.
    if (arguments.size() == 5) options.RegisterCustomOpsLibrary(std::filesystem::path(arguments[4]).c_str());
    Ort::Session session(environment, std::filesystem::path(arguments[0]).c_str(), options);
    check_model(session);
    const Picture picture = read_ppm(arguments[1]);
    const Mask mask = find_detail(picture);
    write_ppm(arguments[2], upscale(session, picture, mask));
    write_pgm(arguments[3], mask);
}

}  // namespace

int main(int count, char** values) {
    const std::vector<std::string> arguments(values + 1, values + count);
    if (arguments.size() != 4 && arguments.size() != 5) {
        std::cerr << "usage: upscale MODEL.onnx INPUT.ppm OUTPUT.ppm MASK.pgm [libamsr_onnxruntime.so]\n"
                     "OUTPUT.ppm and MASK.pgm are written.\n";
        return 2;
    }
    try {
        run(arguments);
    } catch (const std::exception& error) {
        std::cerr << "upscale: error: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
