// MaskGather and MaskScatter in two ranges, against their definitions.
#include "check.h"
#include "cpu/rows/rows.h"
#include "random.h"
#include "reference.h"

using namespace amsr;
using Bytes = std::vector<unsigned char>;

namespace {

void check_case(test::Random& random) {
    const std::int64_t pixels = random.number(1, 60), bytes = random.number(0, 20);
    const auto index = random.positions(pixels);
    const auto row_bytes = static_cast<std::size_t>(bytes);
    const std::size_t count = index.size(), middle = count / 2;
    const Bytes from = random.bytes(static_cast<std::size_t>(pixels) * row_bytes),
                update = random.bytes(count * row_bytes);
    Bytes rows(count * row_bytes), into = from;
    cpu::mask_gather(from.data(), index.data(), row_bytes, 0, middle, rows.data());
    cpu::mask_gather(from.data(), index.data(), row_bytes, middle, count, rows.data());
    cpu::mask_scatter(update.data(), index.data(), count, row_bytes, middle, count, into.data());
    cpu::mask_scatter(update.data(), index.data(), count, row_bytes, 0, middle, into.data());
    const reference::Values pixel_values(from.begin(), from.end()), update_values(update.begin(), update.end());
    CHECK(reference::Values(rows.begin(), rows.end()) == reference::mask_gather(pixel_values, index, bytes),
          "%zu gathered rows", count);
    CHECK(reference::Values(into.begin(), into.end()) ==
              reference::mask_scatter(update_values, pixel_values, index, bytes),
          "%zu scattered rows", count);
}

void check_misplaced(const std::vector<std::int64_t>& positions, std::size_t expected, const char* what) {
    const std::size_t place = cpu::first_misplaced(positions.data(), positions.size(), 5);
    CHECK(place == expected, "%s: place %zu, not %zu", what, place, expected);
}

}  // namespace

int main() {
    test::Random random(1);
    for (int i = 0; i < 500; ++i) check_case(random);
    check_misplaced({}, 0, "none");
    check_misplaced({0, 1, 4, 4, 4}, 5, "increasing, and filled up");
    check_misplaced({0, 4, -1, 5}, 2, "a negative position");
    check_misplaced({-1, 0}, 0, "a negative first position");
    check_misplaced({5}, 0, "a position beyond the end");
    check_misplaced({0, 7, 1}, 1, "a position beyond the end amid others");
    check_misplaced({0, 1, 0}, 2, "a decrease");
    check_misplaced({3, 3, 2, 9}, 2, "a decrease before a position beyond the end");
}
