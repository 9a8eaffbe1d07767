// Part of convolution/template.h: see there. Transforms of inputs and products, see convolution/winograd.h.
#pragma once

/// B^T d: four values as differences and sums.
template <class V>
AMSR_INLINE void winograd_transform(typename V::Vector (&d)[4]) {
    const typename V::Vector first = V::subtract(d[0], d[2]), second = V::add(d[1], d[2]);
    d[2] = V::subtract(d[2], d[1]);
    d[3] = V::subtract(d[1], d[3]);
    d[0] = first;
    d[1] = second;
}

template <class V>
void winograd_input(const typename V::Storage* const* sources, std::size_t inputs, float* to, std::size_t stride) {
    for (std::size_t input = 0; input < inputs; input += V::lanes) {
        const int count = static_cast<int>(inputs - input);
        typename V::Vector lines[4][4];
        AMSR_UNROLL
        for (int y = 0; y < 4; ++y) {
            AMSR_UNROLL
            for (int x = 0; x < 4; ++x) lines[y][x] = V::load(sources[4 * y + x] + input, count);
            winograd_transform<V>(lines[y]);
        }
        AMSR_UNROLL
        for (int x = 0; x < 4; ++x) {
            typename V::Vector column[4] = {lines[0][x], lines[1][x], lines[2][x], lines[3][x]};
            winograd_transform<V>(column);
            AMSR_UNROLL
            for (int y = 0; y < 4; ++y) V::store(to + (4 * y + x) * stride + input, column[y]);
        }
    }
}

/// A^T m: two sums of four products.
template <class V>
AMSR_INLINE void winograd_sums(const typename V::Vector (&m)[4], typename V::Vector (&sums)[2]) {
    const typename V::Vector total = V::add(m[1], m[2]), difference = V::subtract(m[1], m[2]);
    sums[0] = V::add(m[0], total);
    sums[1] = V::subtract(difference, m[3]);
}

template <class V>
void winograd_output(const float* products, std::size_t stride, const float* bias, std::size_t vectors,
                     float* const* sums) {
    for (std::size_t output = 0; output < vectors * V::lanes; output += V::lanes) {
        typename V::Vector lines[4][2];
        AMSR_UNROLL
        for (int y = 0; y < 4; ++y) {
            typename V::Vector line[4];
            AMSR_UNROLL
            for (int x = 0; x < 4; ++x) {
                line[x] = V::load(products + static_cast<std::size_t>(4 * y + x) * stride + output);
            }
            winograd_sums<V>(line, lines[y]);
        }
        AMSR_UNROLL
        for (int x = 0; x < 2; ++x) {
            typename V::Vector column[2];
            winograd_sums<V>({lines[0][x], lines[1][x], lines[2][x], lines[3][x]}, column);
            AMSR_UNROLL
            for (int y = 0; y < 2; ++y) V::store(sums[2 * y + x] + output, V::add(column[y], V::load(bias + output)));
        }
    }
}
