// The neighbour table of random masks, in two ranges, against its definition.
#include "check.h"
#include "cpu/mask/neighbors.h"
#include "random.h"
#include "reference.h"

using namespace amsr;

namespace {

void check_case(test::Random& random) {
    const std::int64_t height = random.number(1, 12), width = random.number(1, 12), side = 2 * random.number(0, 3) + 1;
    const auto index = random.positions(height * width);
    std::vector<std::int32_t> table(index.size() * static_cast<std::size_t>(side * side), -7);
    const cpu::NeighborTable neighbors(index.data(), index.size(), height, width, side);
    const std::size_t middle = index.size() / 3;
    neighbors.fill(middle, index.size(), table.data());
    neighbors.fill(0, middle, table.data());
    const reference::Positions expected = reference::mask_neighbors(index, height, width, side);
    for (std::size_t i = 0; i < table.size(); ++i) {
        CHECK(table[i] == expected[i], "%d x %d, k %d, entry %zu: %d, not %d", static_cast<int>(height),
              static_cast<int>(width), static_cast<int>(side), i, table[i], static_cast<int>(expected[i]));
    }
}

}  // namespace

int main() {
    test::Random random(1);
    for (int i = 0; i < 500; ++i) check_case(random);
}
