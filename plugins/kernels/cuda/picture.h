// Arithmetic of positions in a picture.
#pragma once

#include "device.h"
#include "windows.h"

namespace amsr::cuda {

/// Place of a convolution's tap at a pixel, or -1 outside the picture.
AMSR_HOST_DEVICE std::int32_t picture_neighbor(std::int64_t pixel, int tap, int kernel_size, int height, int width) {
    const int at = static_cast<int>(pixel), y = at / width + tap / kernel_size - kernel_size / 2;
    const int x = at % width + tap % kernel_size - kernel_size / 2;
    const bool inside = y >= 0 && y < height && x >= 0 && x < width;
    return inside ? y * width + x : -1;
}

/// Where a pixel's outputs begin after a pixel shuffle to so many channels, in elements.
AMSR_HOST_DEVICE std::int64_t shuffled_pixel(std::int64_t pixel, int channels, int upscale, int width) {
    if (upscale == 1) return pixel * channels;
    const int at = static_cast<int>(pixel), y = at / width, x = at % width;
    return (std::int64_t{y} * width * upscale + x) * upscale * channels;
}

/// Where the upscaled pixel begins from there that is the n-th of them, line by line.
AMSR_HOST_DEVICE std::int64_t shuffled_offset(int n, int channels, int upscale, int width) {
    return (std::int64_t{n / upscale} * width * upscale + n % upscale) * channels;
}

/// A position outside [0, length) reflected into it, as often as it takes, as NumPy pads in its mode `reflect`.
AMSR_HOST_DEVICE int reflected(int position, int length) {
    if (length == 1) return 0;
    const int period = 2 * (length - 1), folded = (position < 0 ? -position : position) % period;
    return folded < length ? folded : period - folded;
}

/// Whether a window number is one of the picture.
AMSR_HOST_DEVICE bool is_window(const WindowGrid& grid, std::int64_t window) {
    return window >= 0 && window < (grid.height / grid.window_size) * (grid.width / grid.window_size);
}

/// The pixel that a token of a window shows.
AMSR_HOST_DEVICE std::int64_t window_pixel(const WindowGrid& grid, std::int64_t window, int token) {
    const int side = static_cast<int>(grid.window_size), across = static_cast<int>(grid.width) / side;
    const int at = static_cast<int>(window), height = static_cast<int>(grid.height),
              width = static_cast<int>(grid.width);
    int y = at / across * side + token / side + static_cast<int>(grid.shift);
    int x = at % across * side + token % side + static_cast<int>(grid.shift);
    y -= y >= height ? height : 0;
    x -= x >= width ? width : 0;
    return std::int64_t{y} * width + x;
}

}  // namespace amsr::cuda
