#include "cpu/mask/mask_growth.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <functional>
#include <vector>

namespace amsr::cpu {
namespace {

using Bytes = std::vector<unsigned char>;

/// Every byte becomes the union of itself and the reach - 1 ones that follow it at distances of `stride`; what would
/// lie behind the end is none. The union of twice as many bytes is that of two unions, so that few passes are needed.
void unite(Bytes& bytes, Bytes& spare, std::size_t stride, std::size_t reach) {
    for (std::size_t united = 1; united < reach;) {
        const std::size_t step = std::min(united, reach - united);
        const auto behind = bytes.begin() + static_cast<std::ptrdiff_t>(step * stride);
        const auto rest = std::transform(behind, bytes.end(), bytes.begin(), spare.begin(), std::bit_or<>());
        std::copy(bytes.end() - (spare.end() - rest), bytes.end(), rest);
        bytes.swap(spare);
        united += step;
    }
}

}  // namespace

void histogram(const float* frequencies, std::size_t count, std::int64_t* counts, std::size_t bins) {
    assert(bins > 0 && bins <= std::size_t{1} << 24);  // which float32 tells apart
    constexpr std::size_t lanes = 2;  // neighbours are alike: in one table each would wait for the sum of the last one
    std::vector<std::uint32_t> tables(lanes * bins);
    std::array<std::int32_t, 512> found;
    const auto scale = static_cast<float>(bins);
    const auto last = static_cast<float>(bins - 1);
    for (std::size_t first = 0; first < count; first += found.size()) {
        const std::size_t block = std::min(found.size(), count - first);
        for (std::size_t i = 0; i < block; ++i) {
            const float scaled = frequencies[first + i] * scale;
            const float positive = scaled > 0.0f ? scaled : 0.0f;  // of NaN too
            found[i] = static_cast<std::int32_t>(positive < last ? positive : last);
        }
        for (std::size_t i = 0; i < block; ++i) ++tables[i % lanes * bins + static_cast<std::size_t>(found[i])];
    }
    for (std::size_t bin = 0; bin < bins; ++bin) {
        counts[bin] = 0;
        for (std::size_t lane = 0; lane < lanes; ++lane) counts[bin] += tables[lane * bins + bin];
    }
}

void mask_above(const float* frequencies, std::size_t height, std::size_t width, float threshold, std::size_t dilation,
                bool* mask) {
    assert(dilation % 2 == 1);
    const std::size_t down = std::min(dilation, 2 * height - 1), across = std::min(dilation, 2 * width - 1);
    const std::size_t stride = width + across - 1;
    Bytes bytes((height + down - 1) * stride), spare(bytes.size());
    for (std::size_t y = 0; y < height; ++y) {
        unsigned char* line = bytes.data() + (y + down / 2) * stride + across / 2;
        const float* values = frequencies + y * width;
        for (std::size_t x = 0; x < width; ++x) line[x] = values[x] > threshold;
    }
    unite(bytes, spare, 1, across);
    unite(bytes, spare, stride, down);
    for (std::size_t y = 0; y < height; ++y) {
        const unsigned char* line = bytes.data() + y * stride;
        std::transform(line, line + width, mask + y * width, [](unsigned char byte) { return byte != 0; });
    }
}

}  // namespace amsr::cpu
