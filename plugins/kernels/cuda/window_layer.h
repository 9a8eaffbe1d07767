// What both element types of WindowLayer share: layout of the packed weights, and the arithmetic of tokens.
#pragma once

#include "device.h"
#include "packing.h"
#include "picture.h"

namespace amsr::cuda {

constexpr int window_tokens = 64;  // of a block; smaller windows leave some unused
constexpr int window_threads = 128;
constexpr float window_apart = -100.0f;  // added between pixels that the shift brought together from opposite sides

/// A call, as the kernels see it.
struct WindowCall {
    int channels, hidden, heads, head_channels, tokens;
    WindowGrid grid;
    const void* pixels;
    const std::int64_t* windows;
    std::int64_t window_count;
    const void* packed;
    float epsilon;
    void* out;
};

inline WindowCall window_call(const WindowLayerShape& shape) {
    WindowCall call{};
    call.channels = static_cast<int>(shape.channels);
    call.hidden = static_cast<int>(shape.hidden);
    call.heads = static_cast<int>(shape.heads);
    call.head_channels = static_cast<int>(shape.channels / shape.heads);
    call.tokens = static_cast<int>(shape.window_size * shape.window_size);
    return call;
}

/// The window of this block, or -1: outside the picture, or the next block's too.
AMSR_DEVICE std::int64_t window_of_block(const WindowCall& call) {
    const std::int64_t at = blockIdx.x, window = call.windows[at];
    const bool repeated = at + 1 < call.window_count && call.windows[at + 1] == window;
    return !repeated && is_window(call.grid, window) ? window : -1;
}

/// Where the shift cuts a window: the lines and columns from these on came from the other side of the picture.
struct WindowCut {
    int side, line, column;  // `side` where there is no cut: all windows but those of the last row and column

    AMSR_DEVICE static WindowCut of(const WindowGrid& grid, std::int64_t window) {
        const int side = static_cast<int>(grid.window_size), at = static_cast<int>(window);
        const int across = static_cast<int>(grid.width) / side, down = static_cast<int>(grid.height) / side;
        const int kept = side - static_cast<int>(grid.shift);
        return {side, at / across == down - 1 ? kept : side, at % across == across - 1 ? kept : side};
    }
    AMSR_DEVICE bool is_any() const { return line < side || column < side; }

    /// The part that a token belongs to: pixels that lie together in the picture have the same one.
    AMSR_DEVICE int part(int token) const { return (token / side >= line ? 2 : 0) + (token % side >= column ? 1 : 0); }
};

AMSR_DEVICE float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f)); }

}  // namespace amsr::cuda
