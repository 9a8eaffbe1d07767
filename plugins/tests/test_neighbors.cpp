// The neighbour table of random masks, against its definition.
#include <random>

#include "check.h"
#include "cpu/mask/neighbors.h"

using namespace amsr::cpu;

namespace {

void check_case(std::mt19937& random) {
    const auto number = [&random](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    const int height = number(1, 12), width = number(1, 12), kernel_size = 2 * number(0, 3) + 1, density = number(0, 4);
    std::vector<std::int64_t> index;
    std::vector<std::int32_t> shown(static_cast<std::size_t>(height * width), -1);
    for (int pixel = 0; pixel < height * width; ++pixel) {
        if (number(0, 3) >= density) continue;
        for (int repeat = number(1, 2); repeat > 0; --repeat) {
            shown[static_cast<std::size_t>(pixel)] = static_cast<std::int32_t>(index.size());
            index.push_back(pixel);
        }
    }
    const auto rows = static_cast<std::int32_t>(index.size());
    const std::size_t taps = static_cast<std::size_t>(kernel_size * kernel_size);
    std::vector<std::int32_t> table(index.size() * taps, -7);
    const NeighborTable neighbors(index.data(), index.size(), height, width, kernel_size);
    const std::size_t middle = index.size() / 3;
    neighbors.fill(middle, index.size(), table.data());
    neighbors.fill(0, middle, table.data());
    for (std::size_t row = 0; row < index.size(); ++row) {
        for (int tap = 0; tap < kernel_size * kernel_size; ++tap) {
            const int y = static_cast<int>(index[row]) / width + tap / kernel_size - kernel_size / 2;
            const int x = static_cast<int>(index[row]) % width + tap % kernel_size - kernel_size / 2;
            std::int32_t expected = rows + height * width;
            if (y >= 0 && y < height && x >= 0 && x < width) {
                const std::int32_t row_there = shown[static_cast<std::size_t>(y * width + x)];
                expected = row_there >= 0 ? row_there : rows + y * width + x;
            }
            const std::int32_t actual = table[row * taps + static_cast<std::size_t>(tap)];
            CHECK(actual == expected, "%d x %d, k %d, row %zu, tap %d: %d, not %d", height, width, kernel_size, row,
                  tap, actual, expected);
        }
    }
}

}  // namespace

int main() {
    std::mt19937 random(1);
    for (int i = 0; i < 500; ++i) check_case(random);
}
