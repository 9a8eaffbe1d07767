#include "cpu/window_layer/window_layer.h"

#include <cassert>
#include <stdexcept>
#include <vector>

#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

/// Where a window's pixels are.
class Place {
  public:
    Place(const WindowGrid& grid, std::int64_t window)
        : grid_(grid),
          down_(window / (grid.width / grid.window_size)),
          across_(window % (grid.width / grid.window_size)) {}

    /// rows [N]: the address of each pixel.
    template <class T>
    void find(T* pixels, std::size_t channels, std::vector<T*>& rows) const {
        const std::int64_t side = grid_.window_size;
        for (std::int64_t i = 0; i < side; ++i) {
            const std::int64_t line = (down_ * side + i + grid_.shift) % grid_.height * grid_.width;
            for (std::int64_t j = 0; j < side; ++j) {
                const std::int64_t pixel = line + (across_ * side + j + grid_.shift) % grid_.width;
                rows[static_cast<std::size_t>(i * side + j)] = pixels + static_cast<std::size_t>(pixel) * channels;
            }
        }
    }

    /// Whether the shift brings pixels from opposite sides of the image together here.
    bool wraps() const { return grid_.shift > 0 && (in_last_row() || in_last_column()); }

    /// regions [N]: a number in [0, 4), equal for pixels from the same side of the image.
    void separate(std::vector<std::uint8_t>& regions) const {
        const std::int64_t side = grid_.window_size, edge = side - grid_.shift;
        for (std::int64_t i = 0; i < side; ++i) {
            for (std::int64_t j = 0; j < side; ++j) {
                const bool below = in_last_row() && i >= edge, right = in_last_column() && j >= edge;
                regions[static_cast<std::size_t>(i * side + j)] = static_cast<std::uint8_t>(2 * below + right);
            }
        }
    }

  private:
    bool in_last_row() const { return down_ == grid_.height / grid_.window_size - 1; }
    bool in_last_column() const { return across_ == grid_.width / grid_.window_size - 1; }

    const WindowGrid& grid_;
    std::int64_t down_, across_;
};

const WindowLayerShape& checked(const WindowLayerShape& shape) {
    if (shape.heads == 0 || shape.channels == 0 || shape.channels % shape.heads != 0) {
        throw std::invalid_argument("channels are not a multiple of the heads");
    }
    return shape;
}

}  // namespace

template <class T>
WindowLayer<T>::WindowLayer(InstructionSet set, const WindowLayerShape& shape, const WindowLayerWeights<T>& weights,
                            float epsilon)
    : code_(vector_code<WindowLayerCode<T>>(set)),
      shape_(checked(shape)),
      epsilon_(epsilon),
      packed_(code_.packed_bytes(shape)) {
    code_.pack(shape, weights, packed_.data());
}

template <class T>
void WindowLayer<T>::run(const std::int64_t* windows, std::size_t count, const WindowGrid& grid, std::size_t first,
                         std::size_t last, T* pixels) const {
    assert(first <= last && last <= count && grid.shift < grid.window_size);
    assert(grid.height % grid.window_size == 0 && grid.width % grid.window_size == 0);
    const AlignedBytes scratch(code_.scratch_bytes(shape_));
    std::vector<T*> rows(code_.padded_tokens(shape_));
    std::vector<std::uint8_t> regions(shape_.tokens);
    for (std::size_t i = first; i < last; ++i) {
        if (i + 1 < count && windows[i + 1] == windows[i]) continue;
        const Place place(grid, windows[i]);
        place.find(pixels, shape_.channels, rows);
        for (std::size_t token = shape_.tokens; token < rows.size(); ++token) rows[token] = rows[0];
        if (place.wraps()) place.separate(regions);
        code_.run(shape_, packed_.data(), epsilon_, rows.data(), place.wraps() ? regions.data() : nullptr,
                  scratch.data());
    }
}

template class WindowLayer<float>;
template class WindowLayer<float16>;
template class WindowLayer<bfloat16>;

}  // namespace amsr::cpu
