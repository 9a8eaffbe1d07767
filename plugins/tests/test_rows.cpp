// Gather and scatter of pixels and windows, in two ranges, against their definitions.
#include <random>
#include <vector>

#include "check.h"
#include "cpu/rows/rows.h"

using namespace amsr::cpu;

namespace {

using Bytes = std::vector<unsigned char>;

Bytes random_bytes(std::mt19937& random, std::size_t count) {
    Bytes bytes(count);
    for (auto& byte : bytes) byte = static_cast<unsigned char>(random());
    return bytes;
}

void check_masks(std::mt19937& random) {
    const std::size_t pixels = 1 + random() % 60, bytes = 1 + random() % 20;
    std::vector<std::int64_t> index;
    for (std::size_t p = 0; p < pixels; ++p) {
        if (random() % 2) index.insert(index.end(), 1 + random() % 2, static_cast<std::int64_t>(p));
    }
    const std::size_t count = index.size(), middle = count / 2;
    const Bytes from = random_bytes(random, pixels * bytes), update = random_bytes(random, count * bytes);
    Bytes rows(count * bytes), into = from, expected = from;
    mask_gather(from.data(), index.data(), bytes, 0, middle, rows.data());
    mask_gather(from.data(), index.data(), bytes, middle, count, rows.data());
    mask_scatter(update.data(), index.data(), count, bytes, middle, count, into.data());
    mask_scatter(update.data(), index.data(), count, bytes, 0, middle, into.data());
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t b = 0; b < bytes; ++b) {
            const std::size_t at = static_cast<std::size_t>(index[i]) * bytes + b;
            CHECK(rows[i * bytes + b] == from[at], "gathered row %zu", i);
            expected[at] = update[i * bytes + b];
        }
    }
    CHECK(into == expected, "of equal entries the last one counts");
}

void check_windows(std::mt19937& random) {
    const auto number = [&random](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    const std::int64_t side = number(1, 5), down = number(1, 3), across = number(1, 3);
    const WindowGrid grid{down * side, across * side, side, number(0, static_cast<int>(side) - 1)};
    const std::size_t bytes = 1 + random() % 9, area = static_cast<std::size_t>(side * side);
    std::vector<std::int64_t> windows;
    for (std::int64_t w = 0; w < grid.window_count(); ++w) {
        if (random() % 2) windows.push_back(w);
    }
    const std::size_t count = windows.size(), middle = count / 2;
    const Bytes from = random_bytes(random, static_cast<std::size_t>(grid.height * grid.width) * bytes);
    const Bytes update = random_bytes(random, count * area * bytes);
    Bytes tokens(update.size()), into = from, expected = from;
    window_gather(from.data(), windows.data(), grid, bytes, 0, middle, tokens.data());
    window_gather(from.data(), windows.data(), grid, bytes, middle, count, tokens.data());
    window_scatter(update.data(), windows.data(), grid, bytes, middle, count, into.data());
    window_scatter(update.data(), windows.data(), grid, bytes, 0, middle, into.data());
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t t = 0; t < area; ++t) {
            const auto token = static_cast<std::int64_t>(t);
            const std::int64_t y = (windows[i] / across * side + token / side + grid.shift) % grid.height;
            const std::int64_t x = (windows[i] % across * side + token % side + grid.shift) % grid.width;
            for (std::size_t b = 0; b < bytes; ++b) {
                const std::size_t at = static_cast<std::size_t>(y * grid.width + x) * bytes + b;
                CHECK(tokens[(i * area + t) * bytes + b] == from[at], "window %zu, token %zu", i, t);
                expected[at] = update[(i * area + t) * bytes + b];
            }
        }
    }
    CHECK(into == expected, "scattered windows");
}

}  // namespace

int main() {
    std::mt19937 random(1);
    for (int i = 0; i < 500; ++i) {
        check_masks(random);
        check_windows(random);
    }
    const std::vector<std::int64_t> positions{0, 4, -1, 5};
    CHECK(first_outside(positions.data(), 2, 5) == 2, "all inside");
    CHECK(first_outside(positions.data(), 4, 5) == 2, "a negative position");
    CHECK(first_outside(positions.data() + 3, 1, 5) == 0, "a position beyond the end");
}
