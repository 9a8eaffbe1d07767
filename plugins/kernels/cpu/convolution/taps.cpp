#include "cpu/convolution/taps.h"

namespace amsr::cpu {

std::size_t square_root(std::size_t taps) {
    std::size_t root = 1;
    while (root * root < taps) ++root;
    return root;
}

template <class T>
std::vector<T> taps_first(const T* weight, const ConvolutionShape& shape) {
    const std::size_t inputs = shape.group_inputs();
    std::vector<T> result(shape.outputs * shape.taps * inputs);
    for (std::size_t output = 0; output < shape.outputs; ++output) {
        for (std::size_t input = 0; input < inputs; ++input) {
            for (std::size_t tap = 0; tap < shape.taps; ++tap) {
                result[(output * shape.taps + tap) * inputs + input] = *weight++;
            }
        }
    }
    return result;
}

template std::vector<float> taps_first(const float*, const ConvolutionShape&);
template std::vector<float16> taps_first(const float16*, const ConvolutionShape&);
template std::vector<bfloat16> taps_first(const bfloat16*, const ConvolutionShape&);

}  // namespace amsr::cpu
