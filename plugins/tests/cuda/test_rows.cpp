// Gather, scatter and neighbours on random masks, against their definitions.
#include "cuda/neighbors.h"
#include "cuda/rows.h"
#include "gpu.h"
#include "reference.h"

using namespace amsr;
using namespace amsr::test;

namespace {

using Bytes = std::vector<unsigned char>;

reference::Values numbers(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

void check_masks(Random& random) {
    const std::int64_t pixels = random.number(1, 300),
                       bytes = random.one_of<std::int64_t>({1, 6, 12, 24, 120, 128, 256, 300});
    const auto index = random.positions(pixels);
    const auto count = static_cast<std::int64_t>(index.size());
    const auto row_bytes = static_cast<std::size_t>(bytes);
    const Bytes from = random.bytes(static_cast<std::size_t>(pixels) * row_bytes),
                update = random.bytes(index.size() * row_bytes);
    const Buffer<unsigned char> pixel_memory(from), update_memory(update), rows(update.size());
    const Buffer<std::int64_t> index_memory(index);
    CHECK_CUDA(
        cuda::mask_gather(pixel_memory.data(), pixels, index_memory.data(), count, row_bytes, rows.data(), nullptr));
    CHECK(numbers(rows.values()) == reference::mask_gather(numbers(from), index, bytes), "gathered rows of %d bytes",
          static_cast<int>(bytes));
    CHECK_CUDA(cuda::mask_scatter(update_memory.data(), index_memory.data(), count, pixels, row_bytes,
                                  pixel_memory.data(), nullptr));
    CHECK(numbers(pixel_memory.values()) == reference::mask_scatter(numbers(update), numbers(from), index, bytes),
          "scattered rows of %d bytes", static_cast<int>(bytes));
}

void check_neighbors(Random& random) {
    const std::int64_t height = random.number(1, 30), width = random.number(1, 30);
    const std::int64_t side = random.one_of<std::int64_t>({1, 3, 5});
    const auto index = random.positions(height * width);
    const auto count = static_cast<std::int64_t>(index.size());
    const Buffer<std::int64_t> index_memory(index);
    const Buffer<std::int32_t> neighbors(static_cast<std::size_t>(count * side * side));
    const Buffer<unsigned char> workspace(cuda::mask_neighbors_workspace(height * width));
    CHECK_CUDA(cuda::mask_neighbors(index_memory.data(), count, height, width, side, neighbors.data(), workspace.data(),
                                    nullptr));
    const auto actual = neighbors.values();
    CHECK(reference::Positions(actual.begin(), actual.end()) == reference::mask_neighbors(index, height, width, side),
          "neighbours of %d rows in %d x %d", static_cast<int>(count), static_cast<int>(height),
          static_cast<int>(width));
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
