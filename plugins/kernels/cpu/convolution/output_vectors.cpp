#include "cpu/convolution/output_vectors.h"

namespace amsr::cpu {

std::vector<OutputVector> output_vectors(const ConvolutionShape& shape, std::size_t lanes) {
    const std::size_t r = shape.upscale, channels = shape.outputs / (r * r), group_channels = channels / shape.groups;
    std::vector<OutputVector> vectors;
    for (std::size_t group = 0; group < shape.groups; ++group) {
        for (std::size_t line = 0; line < r; ++line) {
            std::size_t next = 0;  // column after the last one
            for (std::size_t j = 0; j < r; ++j) {
                for (std::size_t c = group * group_channels; c < (group + 1) * group_channels; ++c) {
                    const std::size_t column = j * channels + c;
                    const bool starts = c == group * group_channels && (j == 0 || column != next);
                    if (starts || vectors.back().outputs.size() == lanes)
                        vectors.push_back({group, line, column, {}, {}});
                    vectors.back().outputs.push_back((c * r + line) * r + j);
                    next = column + 1;
                }
            }
        }
    }
    return vectors;
}

}  // namespace amsr::cpu
