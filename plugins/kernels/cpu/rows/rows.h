// MaskGather and MaskScatter: moving rows between pixels [P, C] and the masked pixels. Rows are bytes here, so that one
// function serves all element types. Each works on a range, for the caller to split.
#pragma once

#include <cstddef>
#include <cstdint>

namespace amsr::cpu {

/// The place of the first position that lies outside [0, limit) or is smaller than the one before it; `count` where
/// there is none.
std::size_t first_misplaced(const std::int64_t* positions, std::size_t count, std::int64_t limit);

/// rows[i] = pixels[index[i]] for i in [first, last).
void mask_gather(const void* pixels, const std::int64_t* index, std::size_t row_bytes, std::size_t first,
                 std::size_t last, void* rows);

/// pixels[index[i]] = rows[i] for i in [first, last) of `count`. Of equal neighbouring entries only the last is
/// written, so that ranges may run at the same time.
void mask_scatter(const void* rows, const std::int64_t* index, std::size_t count, std::size_t row_bytes,
                  std::size_t first, std::size_t last, void* pixels);

}  // namespace amsr::cpu
