#include "cpu/mask/high_frequencies.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <vector>

namespace amsr::cpu {
namespace {

constexpr std::size_t channels = 3;
constexpr std::size_t reach = 2;  // of the blur

/// Position `reach` or less outside of [0, length), reflected into it without repeating its ends.
std::size_t reflect(std::ptrdiff_t position, std::size_t length) {
    if (length == 1) return 0;
    const auto period = static_cast<std::ptrdiff_t>(2 * (length - 1));
    const auto place = static_cast<std::size_t>((position % period + period) % period);
    return std::min(place, static_cast<std::size_t>(period) - place);
}

/// centre * x[0] + first * (x[-1] + x[1]) + second * (x[-2] + x[2]), of five rows.
void blur(const float* const (&rows)[5], std::size_t count, const float taps[3], float* out) {
    const float *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3], *e = rows[4];
    const float centre = taps[0], first = taps[1], second = taps[2];
    for (std::size_t i = 0; i < count; ++i) out[i] = c[i] * centre + (b[i] + d[i]) * first + (a[i] + e[i]) * second;
}

/// A row [width + 4, 3] whose ends are reflections of its middle.
void reflect_ends(float* row, std::size_t width) {
    for (const std::ptrdiff_t outside : {std::ptrdiff_t{-2}, std::ptrdiff_t{-1}, static_cast<std::ptrdiff_t>(width),
                                         static_cast<std::ptrdiff_t>(width) + 1}) {
        const float* from = row + (reach + reflect(outside, width)) * channels;
        std::copy(from, from + channels,
                  row + (static_cast<std::ptrdiff_t>(reach) + outside) * std::ptrdiff_t{channels});
    }
}

/// Measures the detail of lines of a picture [height, width, 3].
class Detail {
  public:
    Detail(const float* image, std::size_t height, std::size_t width, const float* taps)
        : image_(image),
          height_(height),
          width_(width),
          taps_(taps),
          down_((width + 2 * reach) * channels),
          blurred_(width * channels) {}

    /// detail [width]: the absolute difference between line y and its blur, averaged over the channels.
    void measure(std::size_t y, float* detail) {
        const std::size_t row = width_ * channels;
        const float *rows[5], *columns[5];
        for (std::size_t i = 0; i < 5; ++i) {
            rows[i] = image_ + reflect(static_cast<std::ptrdiff_t>(y + i) - std::ptrdiff_t{reach}, height_) * row;
            columns[i] = down_.data() + i * channels;
        }
        blur(rows, row, taps_, down_.data() + reach * channels);
        reflect_ends(down_.data(), width_);
        blur(columns, row, taps_, blurred_.data());
        const float* pixels = image_ + y * row;
        for (std::size_t i = 0; i < row; ++i) blurred_[i] = std::fabs(pixels[i] - blurred_[i]);
        for (std::size_t x = 0; x < width_; ++x) {
            const float* residue = blurred_.data() + x * channels;
            detail[x] = residue[0] + residue[1] + residue[2];
        }
        for (std::size_t x = 0; x < width_; ++x) detail[x] /= 3.0f;
    }

  private:
    const float* image_;
    std::size_t height_, width_;
    const float* taps_;
    std::vector<float> down_;     // a line that is blurred along the columns, with its border
    std::vector<float> blurred_;  // the same along both
};

}  // namespace

bool high_frequencies(const float* image, std::size_t height, std::size_t width, const float taps[3], float flat_range,
                      float* out) {
    assert(height > 0 && width > 0);
    Detail detail(image, height, width, taps);
    std::vector<float> low(width, std::numeric_limits<float>::max()), high(width);  // of each column
    for (std::size_t y = 0; y < height; ++y) {
        float* line = out + y * width;
        detail.measure(y, line);
        for (std::size_t x = 0; x < width; ++x) {
            low[x] = std::min(low[x], line[x]);
            high[x] = std::max(high[x], line[x]);
        }
    }
    const float least = *std::min_element(low.begin(), low.end());
    const float range = *std::max_element(high.begin(), high.end()) - least;
    if (range < flat_range) return false;
    for (std::size_t i = 0; i < height * width; ++i) out[i] = (out[i] - least) / range;
    return true;
}

}  // namespace amsr::cpu
