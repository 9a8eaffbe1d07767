#include "cpu/picture/interleave.h"

#include "cpu/vector_code.h"

namespace amsr::cpu {

template <class T>
bool interleave(InstructionSet set, const Planes& planes, bool grey, T* pixels, std::size_t row_stride) {
    const InterleaveCode<T>& code = vector_code<InterleaveCode<T>>(set);
    for (std::size_t y = 0; y < planes.height; ++y) {
        const float* first = planes.values + y * planes.row_stride;
        const float* rows[3] = {first, first + planes.plane_stride, first + 2 * planes.plane_stride};
        if (!code.row(rows, planes.width, grey, pixels + y * row_stride)) return false;
    }
    return true;
}

template bool interleave(InstructionSet, const Planes&, bool, float*, std::size_t);
template bool interleave(InstructionSet, const Planes&, bool, std::uint8_t*, std::size_t);
template bool interleave(InstructionSet, const Planes&, bool, std::uint16_t*, std::size_t);

}  // namespace amsr::cpu
