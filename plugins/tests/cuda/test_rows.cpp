// Gather, scatter and neighbours on random masks, against the CPU's kernels.
#include "cuda/neighbors.h"
#include "cuda/rows.h"
#include "gpu.h"
#include "neighbors.h"
#include "rows.h"

using namespace amsr;
using namespace amsr::test;

namespace {

using Bytes = std::vector<unsigned char>;

Bytes random_bytes(Random& random, std::int64_t count) {
    Bytes result(static_cast<std::size_t>(count));
    for (auto& byte : result) byte = static_cast<unsigned char>(random.number(0, 255));
    return result;
}

std::int64_t row_bytes_of(Random& random) { return random.one_of<std::int64_t>({1, 6, 12, 24, 120, 128, 256, 300}); }

void check_masks(Random& random) {
    const std::int64_t pixels = random.number(1, 300), bytes = row_bytes_of(random);
    const auto index = random.positions(pixels);
    const auto count = static_cast<std::int64_t>(index.size());
    const Bytes from = random_bytes(random, pixels * bytes), update = random_bytes(random, count * bytes);
    const auto row_bytes = static_cast<std::size_t>(bytes);
    Bytes expected_rows(update.size()), expected_pixels = from;
    cpu::mask_gather(from.data(), index.data(), row_bytes, 0, index.size(), expected_rows.data());
    cpu::mask_scatter(update.data(), index.data(), index.size(), row_bytes, 0, index.size(), expected_pixels.data());
    const Buffer<unsigned char> pixel_memory(from), update_memory(update), rows(update.size());
    const Buffer<std::int64_t> index_memory(index);
    CHECK_CUDA(
        cuda::mask_gather(pixel_memory.data(), pixels, index_memory.data(), count, row_bytes, rows.data(), nullptr));
    CHECK(rows.values() == expected_rows, "gathered rows of %d bytes", static_cast<int>(bytes));
    CHECK_CUDA(cuda::mask_scatter(update_memory.data(), index_memory.data(), count, pixels, row_bytes,
                                  pixel_memory.data(), nullptr));
    CHECK(pixel_memory.values() == expected_pixels, "scattered rows of %d bytes", static_cast<int>(bytes));
}

void check_neighbors(Random& random) {
    const std::int64_t height = random.number(1, 30), width = random.number(1, 30);
    const std::int64_t side = random.one_of<std::int64_t>({1, 3, 5});
    const auto index = random.positions(height * width);
    const auto count = static_cast<std::int64_t>(index.size());
    std::vector<std::int32_t> expected(static_cast<std::size_t>(count * side * side));
    cpu::NeighborTable(index.data(), index.size(), height, width, side).fill(0, index.size(), expected.data());
    const Buffer<std::int64_t> index_memory(index);
    const Buffer<std::int32_t> neighbors(expected.size());
    const Buffer<unsigned char> workspace(cuda::mask_neighbors_workspace(height * width));
    CHECK_CUDA(cuda::mask_neighbors(index_memory.data(), count, height, width, side, neighbors.data(), workspace.data(),
                                    nullptr));
    CHECK(neighbors.values() == expected, "neighbours of %d rows in %d x %d", static_cast<int>(count),
          static_cast<int>(height), static_cast<int>(width));
}

void check_outside() {
    const std::vector<std::int64_t> index{-3, 1, 7};
    const Bytes pixels{10, 11}, rows{1, 2, 3};
    const Buffer<std::int64_t> index_memory(index);
    const Buffer<unsigned char> pixel_memory(pixels), row_memory(rows), gathered(3);
    CHECK_CUDA(cuda::mask_gather(pixel_memory.data(), 2, index_memory.data(), 3, 1, gathered.data(), nullptr));
    CHECK(gathered.values() == (Bytes{0, 11, 0}), "what lies outside is zero");
    CHECK_CUDA(cuda::mask_scatter(row_memory.data(), index_memory.data(), 3, 2, 1, pixel_memory.data(), nullptr));
    CHECK(pixel_memory.values() == (Bytes{10, 2}), "what lies outside is not written");
}

}  // namespace

int main() {
    skip_without_device();
    Random random(1);
    for (int i = 0; i < 25; ++i) {
        check_masks(random);
        check_neighbors(random);
    }
    check_outside();
}
