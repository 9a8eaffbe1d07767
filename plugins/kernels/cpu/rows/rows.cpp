#include "cpu/rows/rows.h"

#include <cassert>
#include <cstring>

namespace amsr::cpu {
std::size_t first_misplaced(const std::int64_t* positions, std::size_t count, std::int64_t limit) {
    if (count == 0) return 0;
    bool decreases = false;  // where they do not, the first and the last one tell whether all are inside
    for (std::size_t i = 1; i < count; ++i) decreases |= positions[i] < positions[i - 1];
    if (!decreases && positions[0] >= 0 && positions[count - 1] < limit) return count;
    std::size_t i = 0;
    for (std::int64_t least = 0; positions[i] >= least && positions[i] < limit; ++i) least = positions[i];
    return i;
}

void mask_gather(const void* pixels, const std::int64_t* index, std::size_t row_bytes, std::size_t first,
                 std::size_t last, void* rows) {
    assert(first <= last);
    if (row_bytes == 0) return;  // there may be no memory
    const char* from = static_cast<const char*>(pixels);
    char* to = static_cast<char*>(rows);
    for (std::size_t i = first; i < last; ++i) {
        std::memcpy(to + i * row_bytes, from + static_cast<std::size_t>(index[i]) * row_bytes, row_bytes);
    }
}

void mask_scatter(const void* rows, const std::int64_t* index, std::size_t count, std::size_t row_bytes,
                  std::size_t first, std::size_t last, void* pixels) {
    assert(first <= last && last <= count);
    if (row_bytes == 0) return;
    const char* from = static_cast<const char*>(rows);
    char* to = static_cast<char*>(pixels);
    for (std::size_t i = first; i < last; ++i) {
        if (i + 1 < count && index[i + 1] == index[i]) continue;
        std::memcpy(to + static_cast<std::size_t>(index[i]) * row_bytes, from + i * row_bytes, row_bytes);
    }
}

}  // namespace amsr::cpu
