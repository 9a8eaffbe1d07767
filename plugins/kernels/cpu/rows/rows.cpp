#include "cpu/rows/rows.h"

#include <cassert>
#include <cstring>

namespace amsr::cpu {
namespace {

/// Calls copy(first token, first pixel, pixels) for each run of pixels that lie side by side in the image.
template <class Copy>
void for_each_run(const WindowGrid& grid, std::int64_t window, const Copy& copy) {
    const std::int64_t across = grid.width / grid.window_size;
    const std::int64_t left = (window % across * grid.window_size + grid.shift) % grid.width;
    const std::int64_t before_edge = grid.width - left < grid.window_size ? grid.width - left : grid.window_size;
    for (std::int64_t line = 0; line < grid.window_size; ++line) {
        const std::int64_t y = (window / across * grid.window_size + line + grid.shift) % grid.height;
        copy(line * grid.window_size, y * grid.width + left, before_edge);
        if (before_edge < grid.window_size) {
            copy(line * grid.window_size + before_edge, y * grid.width, grid.window_size - before_edge);
        }
    }
}

}  // namespace

std::size_t first_outside(const std::int64_t* positions, std::size_t count, std::int64_t limit) {
    bool outside = false;
    for (std::size_t i = 0; i < count; ++i) outside |= positions[i] < 0 || positions[i] >= limit;
    if (!outside) return count;
    std::size_t i = 0;
    while (positions[i] >= 0 && positions[i] < limit) ++i;
    return i;
}

void mask_gather(const void* pixels, const std::int64_t* index, std::size_t row_bytes, std::size_t first,
                 std::size_t last, void* rows) {
    assert(first <= last);
    const char* from = static_cast<const char*>(pixels);
    char* to = static_cast<char*>(rows);
    for (std::size_t i = first; i < last; ++i) {
        std::memcpy(to + i * row_bytes, from + static_cast<std::size_t>(index[i]) * row_bytes, row_bytes);
    }
}

void mask_scatter(const void* rows, const std::int64_t* index, std::size_t count, std::size_t row_bytes,
                  std::size_t first, std::size_t last, void* pixels) {
    assert(first <= last && last <= count);
    const char* from = static_cast<const char*>(rows);
    char* to = static_cast<char*>(pixels);
    for (std::size_t i = first; i < last; ++i) {
        if (i + 1 < count && index[i + 1] == index[i]) continue;
        std::memcpy(to + static_cast<std::size_t>(index[i]) * row_bytes, from + i * row_bytes, row_bytes);
    }
}

void window_gather(const void* pixels, const std::int64_t* windows, const WindowGrid& grid, std::size_t row_bytes,
                   std::size_t first, std::size_t last, void* tokens) {
    const std::size_t window_bytes = static_cast<std::size_t>(grid.window_size * grid.window_size) * row_bytes;
    const char* from = static_cast<const char*>(pixels);
    for (std::size_t i = first; i < last; ++i) {
        char* to = static_cast<char*>(tokens) + i * window_bytes;
        for_each_run(grid, windows[i], [&](std::int64_t token, std::int64_t pixel, std::int64_t count) {
            std::memcpy(to + static_cast<std::size_t>(token) * row_bytes,
                        from + static_cast<std::size_t>(pixel) * row_bytes,
                        static_cast<std::size_t>(count) * row_bytes);
        });
    }
}

void window_scatter(const void* tokens, const std::int64_t* windows, const WindowGrid& grid, std::size_t row_bytes,
                    std::size_t first, std::size_t last, void* pixels) {
    const std::size_t window_bytes = static_cast<std::size_t>(grid.window_size * grid.window_size) * row_bytes;
    char* to = static_cast<char*>(pixels);
    for (std::size_t i = first; i < last; ++i) {
        const char* from = static_cast<const char*>(tokens) + i * window_bytes;
        for_each_run(grid, windows[i], [&](std::int64_t token, std::int64_t pixel, std::int64_t count) {
            std::memcpy(to + static_cast<std::size_t>(pixel) * row_bytes,
                        from + static_cast<std::size_t>(token) * row_bytes,
                        static_cast<std::size_t>(count) * row_bytes);
        });
    }
}

}  // namespace amsr::cpu
