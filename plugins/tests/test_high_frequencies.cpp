// High frequencies of random pictures of all small sizes, against their definition in double precision.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "cpu/mask/high_frequencies.h"
#include "random.h"
#include "reference.h"

using namespace amsr::cpu;
using amsr::test::Random;

namespace {

constexpr float taps[3] = {0.402620f, 0.244201f, 0.054489f};
constexpr float flat_range = 1e-6f;

double detail(const std::vector<float>& image, int height, int width, int y, int x) {
    double sum = 0;
    for (int c = 0; c < 3; ++c) {
        const auto value = [&](int row, int column) {
            const int pixel =
                amsr::reference::reflected(row, height) * width + amsr::reference::reflected(column, width);
            return static_cast<double>(image[static_cast<std::size_t>(pixel * 3 + c)]);
        };
        double blurred = 0;
        for (int i = -2; i <= 2; ++i) {
            for (int j = -2; j <= 2; ++j) {
                blurred += static_cast<double>(taps[std::abs(i)]) * static_cast<double>(taps[std::abs(j)]) *
                           value(y + i, x + j);
            }
        }
        sum += std::fabs(value(y, x) - blurred) / 3;
    }
    return sum;
}

void check_case(Random& random, int height, int width) {
    const std::vector<float> image = random.samples(static_cast<std::size_t>(height * width * 3));
    std::vector<double> expected;
    for (int pixel = 0; pixel < height * width; ++pixel) {
        expected.push_back(detail(image, height, width, pixel / width, pixel % width));
    }
    const auto [low, high] = std::minmax_element(expected.begin(), expected.end());
    std::vector<float> actual(expected.size());
    const auto rows = static_cast<std::size_t>(height), columns = static_cast<std::size_t>(width);
    if (!high_frequencies(image.data(), rows, columns, taps, flat_range, actual.data())) {
        CHECK(*high - *low < 2e-6, "%d x %d is not flat", height, width);
        return;
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const double difference = static_cast<double>(actual[i]) * (*high - *low) + *low - expected[i];
        CHECK(std::fabs(difference) < 1e-6, "%d x %d, pixel %zu: off by %g", height, width, i, difference);
    }
}

/// A pixel that is not a number spoils those that its blur reaches, and no others.
void check_not_a_number(Random& random) {
    constexpr int side = 11, place = 5;
    std::vector<float> image = random.samples(side * side * 3), out(side * side);
    image[(place * side + place) * 3] = std::nanf("");
    CHECK(high_frequencies(image.data(), side, side, taps, flat_range, out.data()), "%s", "a flat picture");
    float low = 1, high = 0;
    for (int pixel = 0; pixel < side * side; ++pixel) {
        const bool reached = std::abs(pixel / side - place) <= 2 && std::abs(pixel % side - place) <= 2;
        const float value = out[static_cast<std::size_t>(pixel)];
        CHECK(std::isnan(value) == reached, "pixel %d is %g", pixel, static_cast<double>(value));
        if (!reached) low = std::min(low, value), high = std::max(high, value);
    }
    CHECK(low == 0 && high == 1, "the others span %g to %g", static_cast<double>(low), static_cast<double>(high));
}

/// A picture that spans just flat_range is not flat; one that spans less is.
void check_flat_range(Random& random) {
    constexpr std::size_t height = 4, width = 9;
    const std::vector<float> image = random.samples(height * width * 3);
    std::vector<float> out(height * width);
    const auto varies = [&](float limit) {
        return high_frequencies(image.data(), height, width, taps, limit, out.data());
    };
    constexpr float infinity = std::numeric_limits<float>::infinity();
    CHECK(!varies(infinity), "a range is %s", "infinite");
    const auto [low, high] = std::minmax_element(out.begin(), out.end());  // not stretched
    const float range = *high - *low;
    CHECK(varies(range), "a range of %g is flat", static_cast<double>(range));
    CHECK(!varies(std::nextafter(range, infinity)), "a range less than %g is not flat", static_cast<double>(range));
}

}  // namespace

int main() {
    Random random(1);
    for (int height = 1; height < 8; ++height) {
        for (int width = 1; width < 40; ++width) check_case(random, height, width);
    }
    check_not_a_number(random);
    check_flat_range(random);
    const std::vector<float> flat(30, 0.5f);
    std::vector<float> out(10);
    CHECK(!high_frequencies(flat.data(), 2, 5, taps, flat_range, out.data()), "a flat picture has %s", "detail");
}
