#include "rows.h"

#include "device.h"

namespace amsr::cuda {
namespace {

/// Row `from` goes to row `to`. Nothing is written where `to` is negative, zeros where `from` is.
struct Move {
    std::int64_t from, to;
};

constexpr int move_threads = 256, move_rows = 64;  // of a block

template <class Word, class Moves>
AMSR_KERNEL(move_threads)
move_rows_kernel(const Word* from, Word* to, std::int64_t rows, int words, Moves moves) {
    const std::int64_t first = std::int64_t{blockIdx.x} * move_rows;
    for (int i = static_cast<int>(threadIdx.x); i < move_rows * words; i += move_threads) {
        const std::int64_t row = first + i / words;
        if (row >= rows) break;
        const Move move = moves(row);
        if (move.to < 0) continue;
        Word value{};
        if (move.from >= 0) value = from[move.from * words + i % words];
        to[move.to * words + i % words] = value;
    }
}

struct alignas(8) Words2 {
    std::uint32_t x, y;
};

template <class Word, class Moves>
cudaError_t move_words(const void* from, void* to, std::int64_t rows, std::size_t row_bytes, const Moves& moves,
                       cudaStream_t stream) {
    const std::int64_t blocks = ceil_div(rows, move_rows);
    if (blocks > 0x7fffffff || row_bytes > 0x1000000) return cudaErrorInvalidValue;
    return launch(move_rows_kernel<Word, Moves>, dim3(static_cast<unsigned>(blocks)), move_threads, 0, stream,
                  static_cast<const Word*>(from), static_cast<Word*>(to), rows,
                  static_cast<int>(row_bytes / sizeof(Word)), moves);
}

/// Moves `rows` rows; moves(row) says where from and where to.
template <class Moves>
cudaError_t move(const void* from, void* to, std::int64_t rows, std::size_t row_bytes, const Moves& moves,
                 cudaStream_t stream) {
    const std::size_t places =
        reinterpret_cast<std::uintptr_t>(from) | reinterpret_cast<std::uintptr_t>(to) | row_bytes;
    if (rows < 0) return cudaErrorInvalidValue;
    if (places % 16 == 0) return move_words<Words4>(from, to, rows, row_bytes, moves, stream);
    if (places % 8 == 0) return move_words<Words2>(from, to, rows, row_bytes, moves, stream);
    if (places % 4 == 0) return move_words<std::uint32_t>(from, to, rows, row_bytes, moves, stream);
    if (places % 2 == 0) return move_words<std::uint16_t>(from, to, rows, row_bytes, moves, stream);
    return move_words<std::uint8_t>(from, to, rows, row_bytes, moves, stream);
}

struct Gather {
    const std::int64_t* index;
    std::int64_t pixel_count;

    AMSR_DEVICE Move operator()(std::int64_t row) const {
        const std::int64_t pixel = index[row];
        return {pixel < pixel_count ? pixel : -1, row};
    }
};

struct Scatter {
    const std::int64_t* index;
    std::int64_t row_count, pixel_count;

    AMSR_DEVICE Move operator()(std::int64_t row) const {
        const std::int64_t pixel = index[row];
        const bool repeated = row + 1 < row_count && index[row + 1] == pixel;
        return {row, !repeated && pixel < pixel_count ? pixel : -1};
    }
};

}  // namespace

cudaError_t mask_gather(const void* pixels, std::int64_t pixel_count, const std::int64_t* index, std::int64_t row_count,
                        std::size_t row_bytes, void* rows, cudaStream_t stream) {
    return move(pixels, rows, row_count, row_bytes, Gather{index, pixel_count}, stream);
}

cudaError_t mask_scatter(const void* rows, const std::int64_t* index, std::int64_t row_count, std::int64_t pixel_count,
                         std::size_t row_bytes, void* pixels, cudaStream_t stream) {
    return move(rows, pixels, row_count, row_bytes, Scatter{index, row_count, pixel_count}, stream);
}

}  // namespace amsr::cuda
