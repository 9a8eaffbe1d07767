// MaskNeighbors: where each masked pixel finds its neighbours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace amsr::cpu {

/// Looks neighbours up for one picture. The index [Q] must lie in [0, height * width); of equal entries the last is
/// named.
class NeighborTable {
  public:
    NeighborTable(const std::int64_t* index, std::size_t rows, std::int64_t height, std::int64_t width,
                  std::int64_t kernel_size);

    /// Fills neighbors[first .. last) of [Q, k * k]: j < Q is row j, Q + p surround pixel p, Q + P the zero outside.
    void fill(std::size_t first, std::size_t last, std::int32_t* neighbors) const;

  private:
    const std::int64_t* index_;
    std::int64_t width_, kernel_size_;
    std::int64_t stride_;                // width with a border on both sides
    std::vector<std::int32_t> sources_;  // what each pixel of the picture with its border shows
};

}  // namespace amsr::cpu
