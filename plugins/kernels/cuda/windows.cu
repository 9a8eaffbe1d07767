#include "windows.h"

#include "moves.h"
#include "picture.h"

namespace amsr::cuda {
namespace {

struct Gather {
    const std::int64_t* windows;
    WindowGrid grid;
    int area;

    AMSR_DEVICE Move operator()(std::int64_t token) const {
        const std::int64_t window = windows[token / area];
        return {is_window(grid, window) ? window_pixel(grid, window, static_cast<int>(token % area)) : -1, token};
    }
};

struct Scatter {
    const std::int64_t* windows;
    std::int64_t window_count;
    WindowGrid grid;
    int area;

    AMSR_DEVICE Move operator()(std::int64_t token) const {
        const std::int64_t at = token / area, window = windows[at];
        const bool repeated = at + 1 < window_count && windows[at + 1] == window;
        const bool written = !repeated && is_window(grid, window);
        return {token, written ? window_pixel(grid, window, static_cast<int>(token % area)) : -1};
    }
};

}  // namespace

bool is_valid(const WindowGrid& grid) {
    return grid.height > 0 && grid.width > 0 && grid.height <= 0x7fffffff / grid.width && grid.window_size > 0 &&
           grid.window_size <= 1024 && grid.height % grid.window_size == 0 && grid.width % grid.window_size == 0 &&
           grid.shift >= 0 && grid.shift < grid.window_size;
}

cudaError_t window_gather(const void* pixels, const std::int64_t* windows, std::int64_t window_count,
                          const WindowGrid& grid, std::size_t row_bytes, void* tokens, cudaStream_t stream) {
    if (!is_valid(grid)) return cudaErrorInvalidValue;
    const int area = static_cast<int>(grid.window_size * grid.window_size);
    return move(pixels, tokens, window_count * area, row_bytes, Gather{windows, grid, area}, stream);
}

cudaError_t window_scatter(const void* tokens, const std::int64_t* windows, std::int64_t window_count,
                           const WindowGrid& grid, std::size_t row_bytes, void* pixels, cudaStream_t stream) {
    if (!is_valid(grid)) return cudaErrorInvalidValue;
    const int area = static_cast<int>(grid.window_size * grid.window_size);
    return move(tokens, pixels, window_count * area, row_bytes, Scatter{windows, window_count, grid, area}, stream);
}

}  // namespace amsr::cuda
