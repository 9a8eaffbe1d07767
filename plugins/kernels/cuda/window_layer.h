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

/// Which part of a window a token belongs to: pixels that lie together in the picture have the same one.
AMSR_HOST_DEVICE int window_part(const WindowGrid& grid, std::int64_t window, int token) {
    const int side = static_cast<int>(grid.window_size), across = static_cast<int>(grid.width) / side;
    const int down = static_cast<int>(grid.height) / side, at = static_cast<int>(window);
    const int kept = side - static_cast<int>(grid.shift);  // lines and columns that did not come from the other side
    const bool low = at / across == down - 1 && token / side >= kept;
    const bool right = at % across == across - 1 && token % side >= kept;
    return (low ? 2 : 0) + (right ? 1 : 0);
}

AMSR_DEVICE float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f)); }

}  // namespace amsr::cuda
