// Pixels of planes without intrinsics.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

#include "cpu/picture/template.h"
#include "cpu/simd/vector_portable.h"

struct Portable : PortableVector {
    template <class T>
    static void store_pixels(const Vector (&samples)[3], T* pixels) {
        for (int channel = 0; channel < 3; ++channel) {
            const Vector rounded = std::is_floating_point_v<T> ? samples[channel] : round(samples[channel]);
            for (int i = 0; i < lanes; ++i) pixels[3 * i + channel] = static_cast<T>(rounded[i]);
        }
    }
};

}  // namespace

const InterleaveCode<float> interleave_portable_float = interleave_code<Portable, float>();
const InterleaveCode<std::uint8_t> interleave_portable_uint8 = interleave_code<Portable, std::uint8_t>();
const InterleaveCode<std::uint16_t> interleave_portable_uint16 = interleave_code<Portable, std::uint16_t>();

}  // namespace amsr::cpu
