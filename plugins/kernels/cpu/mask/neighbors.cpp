#include "cpu/mask/neighbors.h"

#include <cassert>
#include <cstring>
#include <numeric>

namespace amsr::cpu {
namespace {

/// Walks over pixels of a picture. It divides only where a pixel lies on another line than the last one.
class Place {
  public:
    explicit Place(std::int64_t width) : width_(width) {}

    /// Position of a pixel among lines of `stride`.
    std::int64_t in_lines_of(std::int64_t stride, std::int64_t pixel) {
        if (pixel < start_ || pixel - start_ >= width_) {
            line_ = pixel / width_;
            start_ = line_ * width_;
        }
        return line_ * stride + pixel - start_;
    }

  private:
    std::int64_t width_, line_ = 0, start_ = 0;
};

/// Copies the squares; with the side known to the compiler each line is one or two moves.
template <int side>
void copy_squares(const std::int32_t* sources, std::int64_t stride, const std::int64_t* index, std::int64_t width,
                  std::int64_t kernel_size, std::size_t first, std::size_t last, std::int32_t* to) {
    const std::int64_t k = side > 0 ? side : kernel_size;
    Place place(width);
    for (std::size_t row = first; row < last; ++row) {
        const std::int32_t* from = sources + place.in_lines_of(stride, index[row]);
        for (std::int64_t line = 0; line < k; ++line, from += stride, to += k) {
            std::memcpy(to, from, static_cast<std::size_t>(k) * sizeof(std::int32_t));
        }
    }
}

}  // namespace

NeighborTable::NeighborTable(const std::int64_t* index, std::size_t rows, std::int64_t height, std::int64_t width,
                             std::int64_t kernel_size)
    : index_(index), width_(width), kernel_size_(kernel_size), stride_(width + kernel_size - 1) {
    assert(kernel_size % 2 == 1);
    const std::int64_t radius = kernel_size / 2;
    const auto row_count = static_cast<std::int32_t>(rows);
    const auto outside = static_cast<std::int32_t>(row_count + height * width);
    sources_.assign(static_cast<std::size_t>((height + kernel_size - 1) * stride_), outside);
    std::int32_t* inside = sources_.data() + radius * stride_ + radius;
    for (std::int64_t y = 0; y < height; ++y) {
        std::iota(inside + y * stride_, inside + y * stride_ + width, static_cast<std::int32_t>(row_count + y * width));
    }
    Place place(width);
    for (std::int32_t row = 0; row < row_count; ++row) inside[place.in_lines_of(stride_, index[row])] = row;
}

void NeighborTable::fill(std::size_t first, std::size_t last, std::int32_t* neighbors) const {
    const auto copy = kernel_size_ == 3 ? copy_squares<3> : copy_squares<0>;
    copy(sources_.data(), stride_, index_, width_, kernel_size_, first, last,
         neighbors + first * static_cast<std::size_t>(kernel_size_ * kernel_size_));
}

}  // namespace amsr::cpu
