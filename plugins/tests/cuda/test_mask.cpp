// The mask on the GPU against its definition written plainly, step by step as amsr_deploy/mask/ does it;
// where a picture has values that are not finite, against the CPU's code.
#include <algorithm>
#include <limits>

#include "cpu/mask/high_frequencies.h"
#include "cpu/mask/mask_growth.h"
#include "cuda/mask.h"
#include "gpu.h"
#include "reference.h"

using namespace amsr;
using namespace amsr::test;

namespace {

struct Expected {
    double threshold = -1;
    std::vector<std::uint8_t> mask;
};

/// Rounded after every operation: volatile keeps the compiler from fusing them.
float blurred(const float (&v)[5]) {
    volatile float inner = v[1] + v[3], outer = v[0] + v[4], centre = v[2] * 0.40261996f;
    inner = inner * 0.24420135f;
    outer = outer * 0.054488685f;
    volatile float sum = centre + inner;
    sum = sum + outer;
    return sum;
}

std::vector<float> detail_of(const std::vector<float>& image, int height, int width) {
    std::vector<float> detail;
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            volatile float sum = 0;
            for (int channel = 0; channel < 3; ++channel) {
                const auto at = [&](int line, int column) {
                    return image[static_cast<std::size_t>((channel * height + line) * width + column)];
                };
                float columns[5];
                for (int j = 0; j < 5; ++j) {
                    float values[5];
                    for (int i = 0; i < 5; ++i)
                        values[i] = at(reference::reflected(y + i - 2, height), reference::reflected(x + j - 2, width));
                    columns[j] = blurred(values);
                }
                volatile float difference = at(y, x) - blurred(columns);
                sum = sum + std::abs(difference);
            }
            detail.push_back(sum / 3.0f);
        }
    }
    return detail;
}

constexpr std::size_t bins = 4096;

std::vector<std::int64_t> histogram_of(const std::vector<float>& values) {
    std::vector<std::int64_t> histogram(bins);
    for (const float v : values) ++histogram[std::min<std::size_t>(static_cast<std::size_t>(v * 4096.0f), bins - 1)];
    return histogram;
}

double threshold_of(const std::vector<std::int64_t>& histogram) {
    double threshold = 0.5, change = 1;
    for (int round = 0; change >= 1e-4 && round < 30; ++round) {
        double below = 0, above = 0, count_below = 0, count_above = 0;
        for (std::size_t bin = 0; bin < bins; ++bin) {
            const double centre = (static_cast<double>(bin) + 0.5) / bins, count = static_cast<double>(histogram[bin]);
            (centre <= threshold ? below : above) += count * centre;
            (centre <= threshold ? count_below : count_above) += count;
        }
        const double next = (below / count_below + above / count_above) / 2;
        change = std::abs(next - threshold);
        threshold = next;
    }
    std::int64_t pixels = 0;
    for (const std::int64_t count : histogram) pixels += count;
    const double flat = static_cast<double>(histogram[0]) / static_cast<double>(pixels);
    const double part = std::min(std::max((0.6 - flat) / (0.6 - 0.4), 0.0), 1.0), weight = part * part * part;
    return std::min(threshold, weight * threshold + (1 - weight) * 0.01);
}

Expected expected_mask(const std::vector<float>& image, int height, int width, int dilation) {
    Expected result;
    result.mask.assign(static_cast<std::size_t>(height * width), 0);
    std::vector<float> detail = detail_of(image, height, width);
    const auto [low, high] = std::minmax_element(detail.begin(), detail.end());
    const float lowest = *low;
    volatile float span = *high - lowest;
    if (span < 1e-6f) return result;
    for (float& value : detail) {
        volatile float lifted = value - lowest;
        value = lifted / span;
    }
    result.threshold = threshold_of(histogram_of(detail));
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            if (!(detail[static_cast<std::size_t>(y * width + x)] > static_cast<float>(result.threshold))) continue;
            for (int yy = std::max(0, y - dilation / 2); yy <= std::min(height - 1, y + dilation / 2); ++yy) {
                for (int xx = std::max(0, x - dilation / 2); xx <= std::min(width - 1, x + dilation / 2); ++xx) {
                    result.mask[static_cast<std::size_t>(yy * width + xx)] = 1;
                }
            }
        }
    }
    return result;
}

/// The mask as the CPU makes it of the planes of a picture.
Expected mask_of_cpu(const std::vector<float>& image, int height, int width, int dilation) {
    const auto rows = static_cast<std::size_t>(height), columns = static_cast<std::size_t>(width),
               pixels = rows * columns;
    constexpr float taps[3] = {0.40261996f, 0.24420135f, 0.054488685f};
    std::vector<float> interleaved(image.size()), frequencies(pixels);
    for (std::size_t i = 0; i < image.size(); ++i) interleaved[i % pixels * 3 + i / pixels] = image[i];
    Expected result{-1, std::vector<std::uint8_t>(pixels)};
    if (!cpu::high_frequencies(interleaved.data(), rows, columns, taps, 1e-6f, frequencies.data())) return result;
    std::vector<std::int64_t> histogram(bins);
    cpu::histogram(frequencies.data(), pixels, histogram.data(), bins);
    result.threshold = threshold_of(histogram);
    const std::unique_ptr<bool[]> mask(new bool[pixels]);
    cpu::mask_above(frequencies.data(), rows, columns, static_cast<float>(result.threshold),
                    static_cast<std::size_t>(dilation), mask.get());
    std::copy_n(mask.get(), pixels, result.mask.begin());
    return result;
}

std::vector<std::int64_t> kept(const std::vector<std::uint8_t>& mask, int height, int width, int side, int shift,
                               double threshold) {
    std::vector<std::int64_t> result;
    for (int window = 0; window < height / side * (width / side); ++window) {
        int masked = 0;
        for (int token = 0; token < side * side; ++token) {
            const int y = (window / (width / side) * side + token / side + shift) % height;
            const int x = (window % (width / side) * side + token % side + shift) % width;
            masked += mask[static_cast<std::size_t>(y * width + x)];
        }
        if (masked >= threshold * side * side) result.push_back(window);
    }
    return result;
}

/// Smooth with some texture, or flat.
std::vector<float> random_image(Random& random, int height, int width, bool flat) {
    std::vector<float> image(static_cast<std::size_t>(3 * height * width), 0.25f);
    const std::int64_t left = random.number(0, width - 1);
    for (std::size_t i = 0; i < image.size() && !flat; ++i) {
        const bool textured = static_cast<std::int64_t>(i) % width >= left;
        image[i] = static_cast<float>(random.number(0, 255)) / 255.0f * (textured ? 1.0f : 0.1f);
    }
    return image;
}

/// Black and faint strokes on paper, of which a share has texture.
std::vector<float> drawn_image(Random& random, int height, int width, double textured) {
    const auto pixels = static_cast<std::size_t>(height * width);
    std::vector<float> image(3 * pixels, 1.0f);
    for (const float ink : {0.0f, 0.9f}) {
        const std::size_t start = random.count(0, pixels - 8);
        for (std::size_t i = start; i < start + 8; ++i) image[i] = image[pixels + i] = image[2 * pixels + i] = ink;
    }
    const auto end = static_cast<std::size_t>(textured * static_cast<double>(pixels));
    for (std::size_t i = 0; i < end; ++i) image[i] = static_cast<float>(random.number(0, 255)) / 255.0f;
    return image;
}

void check(const std::vector<float>& image, int height, int width, int dilation, const Expected& expected) {
    const std::int64_t pixels = std::int64_t{height} * width;
    const Buffer<float> picture(image);
    const Buffer<std::uint8_t> mask(static_cast<std::size_t>(pixels));
    const Buffer<double> threshold(1);
    const Buffer<unsigned char> workspace(cuda::mask_workspace(height, width));
    CHECK_CUDA(cuda::compute_mask({picture.data(), height, width, 1, pixels}, dilation, mask.data(), threshold.data(),
                                  workspace.data(), nullptr));
    const double found = threshold.values()[0];
    CHECK(found == expected.threshold || (std::isnan(found) && std::isnan(expected.threshold)),
          "%d x %d: threshold %.17g, not %.17g", height, width, found, expected.threshold);
    CHECK(mask.values() == expected.mask, "mask of %d x %d, dilation %d", height, width, dilation);

    const Buffer<std::int64_t> index(static_cast<std::size_t>(pixels)), count(1);
    CHECK_CUDA(cuda::mask_index(mask.data(), height, width, index.data(), count.data(), workspace.data(), nullptr));
    const auto positions = kept(expected.mask, height, width, 1, 0, 1.0);
    const auto selected = [&] { return index.values(static_cast<std::size_t>(count.values()[0])); };
    CHECK(selected() == positions, "index of %d x %d", height, width);

    if (height % 8 != 0 || width % 8 != 0) return;
    for (const int shift : {0, 4}) {
        CHECK_CUDA(cuda::kept_windows(mask.data(), height, width, 8, shift, 0.5, index.data(), count.data(),
                                      workspace.data(), nullptr));
        CHECK(selected() == kept(expected.mask, height, width, 8, shift, 0.5), "kept windows of %d x %d", height,
              width);
    }
}

void check(Random& random, int height, int width, int dilation, bool flat) {
    const std::vector<float> image = random_image(random, height, width, flat);
    check(image, height, width, dilation, expected_mask(image, height, width, dilation));
}

void check_drawn(Random& random, int height, int width) {
    const std::vector<float> drawn = drawn_image(random, height, width, 0.0);
    const Expected expected = expected_mask(drawn, height, width, 3);
    CHECK(expected.threshold == 0.01, "a drawn picture has threshold %.17g", expected.threshold);
    check(drawn, height, width, 3, expected);
    for (const double textured : {0.2, 0.3, 0.4, 0.5}) {  // between a photo and a drawing
        const std::vector<float> image = drawn_image(random, height, width, textured);
        check(image, height, width, 3, expected_mask(image, height, width, 3));
    }
}

/// What arithmetic makes of values that no picture should have.
void check_not_finite(Random& random, int height, int width) {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    const std::vector<float> finite = random_image(random, height, width, false);
    std::vector<std::vector<float>> images{std::vector<float>(finite.size(), nan)};
    for (const float value : {nan, -nan, infinity, -infinity}) {
        images.push_back(finite);
        for (int i = 0; i < 3; ++i) images.back()[random.count(0, finite.size() - 1)] = value;
    }
    for (const std::vector<float>& image : images) {
        check(image, height, width, 3, mask_of_cpu(image, height, width, 3));
    }
}

}  // namespace

int main() {
    skip_without_device();
    Random random(1);
    for (const bool flat : {false, true}) check(random, 16, 24, 5, flat);
    for (const int dilation : {1, 3, 7, 41}) check(random, 37, 29, dilation, false);
    check(random, 1, 1, 3, false);
    check(random, 1, 9, 3, false);
    check(random, 2, 2, 3, false);
    check(random, 64, 40, 11, false);
    check_drawn(random, 37, 29);
    check_not_finite(random, 37, 29);
    CHECK(cuda::compute_mask({nullptr, 4, 4, 1, 16}, 2, nullptr, nullptr, nullptr, nullptr) == cudaErrorInvalidValue,
          "an even dilation");
}
