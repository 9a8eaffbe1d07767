// Part of convolution/template.h: see there. Tiles of pixels by few outputs, whose lanes are inputs.
#pragma once

#include "cpu/convolution/epilogue_template.h"
#include "cpu/convolution/fetch_template.h"

/// A tile of dots: `rows` pixels by `outputs` outputs, whose lanes are partial sums over inputs.
template <class V, int outputs, int rows>
void compute_dots(const PackedConvolution& packed, const ConvolutionBlock<typename V::Storage>& block, std::size_t row,
                  std::size_t first_output) {
    constexpr std::size_t step = static_cast<std::size_t>(V::lanes) * V::depth;
    const ConvolutionShape& shape = packed.shape;
    const TileFetch<V, rows> fetch(packed, block, shape.taps, 0, shape.inputs, 0, first_output, outputs);
    const auto* weights = static_cast<const typename V::Weight*>(packed.dot_weights) + first_output * step;
    typename V::Vector sums[rows][outputs];
    AMSR_UNROLL
    for (int r = 0; r < rows; ++r) {
        AMSR_UNROLL
        for (int o = 0; o < outputs; ++o) sums[r][o] = V::set(0.0f);
    }
    for (std::size_t tap = 0; tap < shape.taps; ++tap) {
        const typename V::Storage* sources[rows];
        AMSR_UNROLL
        for (int r = 0; r < rows; ++r) sources[r] = block.taps[tap][row + r];
        fetch.fetch(row, tap);
        for (std::size_t input = 0; input < shape.inputs; input += step, weights += shape.outputs * step) {
            typename V::WeightVector w[outputs];
            AMSR_UNROLL
            for (int o = 0; o < outputs; ++o) w[o] = V::load_weights(weights + o * step);
            AMSR_UNROLL
            for (int r = 0; r < rows; ++r) {
                const auto values = V::load_inputs(sources[r] + input);
                AMSR_UNROLL
                for (int o = 0; o < outputs; ++o) sums[r][o] = V::multiply_add(values, w[o], sums[r][o]);
            }
        }
    }
    static_assert(outputs <= V::lanes, "a row's outputs must fit a vector");
    with_kind(packed.activation.kind, [&](auto kind) AMSR_INLINE_LAMBDA {
        AMSR_UNROLL
        for (int r = 0; r < rows; ++r) {
            if (row + r >= block.rows) break;
            float totals[V::lanes] = {};
            AMSR_UNROLL
            for (int o = 0; o < outputs; ++o) totals[o] = V::sum(sums[r][o]) + packed.dot_bias[first_output + o];
            const std::size_t place = (row + r) * shape.outputs + first_output;
            finish<V, kind>(V::load(totals), packed.activation.negative_slope, further(block.residual, place),
                            block.out + place, outputs);
        }
    });
}

template <class V>
void run_dots(const PackedConvolution& packed, const ConvolutionBlock<typename V::Storage>& block) {
    constexpr int rows = V::dot_rows;
    static_assert(rows <= static_cast<int>(tile_rows_max), "a tile must not reach beyond the padding of a block");
    for (std::size_t output = 0, count; output < packed.shape.outputs; output += count) {
        count = packed.shape.outputs - output < 3 ? packed.shape.outputs - output : 3;
        const auto compute = count == 3   ? compute_dots<V, 3, rows>
                             : count == 2 ? compute_dots<V, 2, rows>
                                          : compute_dots<V, 1, rows>;
        for (std::size_t row = 0; row < block.rows; row += rows) compute(packed, block, row, output);
    }
}
