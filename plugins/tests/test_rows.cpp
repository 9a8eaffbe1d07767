// Gather and scatter of pixels, in two ranges, against their definitions.
#include <random>
#include <vector>

#include "check.h"
#include "rows.h"

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

}  // namespace

int main() {
    std::mt19937 random(1);
    for (int i = 0; i < 500; ++i) check_masks(random);
    const std::vector<std::int64_t> positions{0, 4, -1, 5};
    CHECK(first_outside(positions.data(), 2, 5) == 2, "all inside");
    CHECK(first_outside(positions.data(), 4, 5) == 2, "a negative position");
    CHECK(first_outside(positions.data() + 3, 1, 5) == 0, "a position beyond the end");
}
