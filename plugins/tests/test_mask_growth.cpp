// Histograms and grown masks of random frequencies of all small sizes, against their definitions.
#include <algorithm>
#include <cstdlib>
#include <limits>
#include <memory>
#include <vector>

#include "check.h"
#include "cpu/mask/mask_growth.h"
#include "random.h"

using namespace amsr::cpu;
using amsr::test::Random;

namespace {

std::vector<float> random_frequencies(Random& random, int count) {
    std::vector<float> values = random.samples(static_cast<std::size_t>(count));
    values.front() = 0;
    values.back() = 1;
    return values;
}

void check_histogram(const std::vector<float>& frequencies, std::size_t bins) {
    std::vector<std::int64_t> counts(bins, -1);
    histogram(frequencies.data(), frequencies.size(), counts.data(), bins);
    for (std::size_t bin = 0; bin < bins; ++bin) {
        const auto inside = std::count_if(frequencies.begin(), frequencies.end(), [&](float value) {
            return std::min(static_cast<std::size_t>(value * static_cast<float>(bins)), bins - 1) == bin;
        });
        CHECK(counts[bin] == inside, "%zu of %zu bins counts %lld", bin, bins, static_cast<long long>(counts[bin]));
    }
}

void check_histogram_of_what_is_no_frequency() {
    constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> frequencies(600, 0.5f);  // more than one block
    for (const float value : {nan, -nan, -infinity, -1.0f, -1e30f}) frequencies.push_back(value);
    for (const float value : {infinity, 2.0f, 1e30f}) frequencies.push_back(value);
    std::vector<std::int64_t> counts(4);
    histogram(frequencies.data(), frequencies.size(), counts.data(), counts.size());
    CHECK((counts == std::vector<std::int64_t>{5, 0, 600, 3}), "bins of values outside [0, 1]");
}

void check_mask(const std::vector<float>& frequencies, int height, int width, float threshold, int dilation) {
    const auto size = frequencies.size();
    const auto mask = std::make_unique<bool[]>(size);
    mask_above(frequencies.data(), static_cast<std::size_t>(height), static_cast<std::size_t>(width), threshold,
               static_cast<std::size_t>(dilation), mask.get());
    for (int pixel = 0; pixel < height * width; ++pixel) {
        bool expected = false;
        for (int other = 0; other < height * width; ++other) {
            const bool near = std::abs(other / width - pixel / width) <= dilation / 2 &&
                              std::abs(other % width - pixel % width) <= dilation / 2;
            expected |= near && frequencies[static_cast<std::size_t>(other)] > threshold;
        }
        CHECK(mask[static_cast<std::size_t>(pixel)] == expected, "%d x %d, dilation %d, threshold %g: pixel %d", height,
              width, dilation, static_cast<double>(threshold), pixel);
    }
}

}  // namespace

int main() {
    check_histogram_of_what_is_no_frequency();
    Random random(1);
    for (int height = 1; height < 7; ++height) {
        for (int width = 1; width < 25; ++width) {
            const auto frequencies = random_frequencies(random, height * width);
            for (const std::size_t bins : {1u, 7u, 64u}) check_histogram(frequencies, bins);
            for (const int dilation : {1, 3, 5, 7, 31, 2'000'000'001}) {
                for (const float threshold : {-1.0f, 0.5f, 0.95f, 1.0f}) {
                    check_mask(frequencies, height, width, threshold, dilation);
                }
            }
        }
    }
}
