// Part of convolution/template.h: see there. Tiles of pixels by outputs, the lanes of their vectors.
#pragma once

#include "cpu/convolution/epilogue_template.h"
#include "cpu/convolution/fetch_template.h"

/// One step of a tile: `steps` times V::depth inputs of each row, times the panel's weights. Where each vector is of a
/// group of its own, it reads inputs `group_inputs` further on.
template <class V, int vectors, bool per_group, int rows, int steps>
AMSR_INLINE void multiply(typename V::Vector (&sums)[rows][vectors], const typename V::Storage* const (&sources)[rows],
                          std::size_t input, std::size_t group_inputs, const typename V::Weight* weights) {
    typename V::WeightVector w[steps][vectors];
    AMSR_UNROLL
    for (int s = 0; s < steps; ++s) {
        AMSR_UNROLL
        for (int v = 0; v < vectors; ++v) w[s][v] = V::load_weights(weights + (s * vectors + v) * V::lanes * V::depth);
    }
    AMSR_UNROLL
    for (int r = 0; r < rows; ++r) {
        AMSR_UNROLL
        for (int s = 0; s < steps; ++s) {
            if constexpr (per_group) {
                AMSR_UNROLL
                for (int v = 0; v < vectors; ++v) {
                    const typename V::Input value = V::broadcast(sources[r] + input + v * group_inputs + s * V::depth);
                    sums[r][v] = V::multiply_add(value, w[s][v], sums[r][v]);
                }
            } else {
                const typename V::Input value = V::broadcast(sources[r] + input + s * V::depth);
                AMSR_UNROLL
                for (int v = 0; v < vectors; ++v) sums[r][v] = V::multiply_add(value, w[s][v], sums[r][v]);
            }
        }
    }
}

/// A step of one input, the odd last one where depth is 2.
template <class V, int vectors, bool per_group, int rows>
AMSR_INLINE void multiply_last(typename V::Vector (&sums)[rows][vectors],
                               const typename V::Storage* const (&sources)[rows], std::size_t input,
                               std::size_t group_inputs, const typename V::Weight* weights) {
    AMSR_UNROLL
    for (int v = 0; v < vectors; ++v) {
        const typename V::WeightVector w = V::load_weights(weights + v * V::lanes * V::depth);
        AMSR_UNROLL
        for (int r = 0; r < rows; ++r) {
            const typename V::Storage* last = sources[r] + input + (per_group ? v * group_inputs : 0);
            sums[r][v] = V::multiply_add(V::broadcast_last(last), w, sums[r][v]);
        }
    }
}

/// Stores the sums of a tile, with the residual and activated.
template <class V, int vectors, int rows>
AMSR_INLINE void store_tile(const typename V::Vector (&sums)[rows][vectors], const PackedConvolution& packed,
                            const ConvolutionPanel& panel, const ConvolutionBlock<typename V::Storage>& block,
                            std::size_t row) {
    const std::size_t row_stride = packed.row_stride;
    const typename V::Storage* residuals[vectors];
    typename V::Storage* outs[vectors];
    bool whole = row + rows <= block.rows;  // all vectors of all rows are stored entirely
    AMSR_UNROLL
    for (int v = 0; v < vectors; ++v) {
        const std::size_t place = row * row_stride + panel.column[v];  // in the line
        residuals[v] = further(block.residual, panel.line[v] * block.residual_line_stride + place);
        outs[v] = block.out + panel.line[v] * block.line_stride + place;
        whole = whole && panel.count[v] == V::lanes;
    }
    if (whole && block.residual == nullptr && !packed.activates) {
        AMSR_UNROLL
        for (int r = 0; r < rows; ++r) {
            AMSR_UNROLL
            for (int v = 0; v < vectors; ++v) V::store(outs[v] + r * row_stride, sums[r][v], V::lanes);
        }
        return;
    }
    with_kind(packed.activation.kind, [&](auto kind) AMSR_INLINE_LAMBDA {
        AMSR_UNROLL
        for (int r = 0; r < rows; ++r) {
            if (row + r >= block.rows) break;
            AMSR_UNROLL
            for (int v = 0; v < vectors; ++v) {
                finish<V, kind>(sums[r][v], packed.activation.negative_slope, further(residuals[v], r * row_stride),
                                outs[v] + r * row_stride, panel.count[v]);
            }
        }
    });
}

/// A tile: `rows` pixels by the vectors of a panel, all taps, kept in registers to the end.
template <class V, int vectors, bool per_group, int rows>
AMSR_INLINE void compute_tile(const PackedConvolution& packed, const ConvolutionPanel& panel,
                              const ConvolutionBlock<typename V::Storage>& block, const TileFetch<V, rows>& fetch,
                              std::size_t row) {
    constexpr int steps = V::unroll(vectors);
    constexpr std::size_t step_weights = static_cast<std::size_t>(vectors) * V::lanes * V::depth;
    const std::size_t inputs = packed.group_inputs;
    const auto* weights = static_cast<const typename V::Weight*>(panel.weights);
    typename V::Vector sums[rows][vectors];
    AMSR_UNROLL
    for (int r = 0; r < rows; ++r) {
        AMSR_UNROLL
        for (int v = 0; v < vectors; ++v) sums[r][v] = V::load(panel.bias + v * V::lanes);
    }
    for (std::size_t tap = 0; tap < panel.tap_count; ++tap) {
        const typename V::Storage* const* tap_rows = block.taps[panel.taps[tap]] + row;
        const typename V::Storage* sources[rows];
        AMSR_UNROLL
        for (int r = 0; r < rows; ++r) sources[r] = tap_rows[r] + panel.first_input;
        fetch.fetch(row, tap);
        std::size_t input = 0;
        for (; input + steps * V::depth <= inputs; input += steps * V::depth, weights += steps * step_weights) {
            multiply<V, vectors, per_group, rows, steps>(sums, sources, input, inputs, weights);
        }
        for (; input + V::depth <= inputs; input += V::depth, weights += step_weights) {
            multiply<V, vectors, per_group, rows, 1>(sums, sources, input, inputs, weights);
        }
        if (input < inputs) {
            multiply_last<V, vectors, per_group, rows>(sums, sources, input, inputs, weights);
            weights += step_weights;
        }
    }
    store_tile<V, vectors, rows>(sums, packed, panel, block, row);
}

template <class V, int vectors, bool per_group>
void compute_panel(const PackedConvolution& packed, const ConvolutionPanel& panel,
                   const ConvolutionBlock<typename V::Storage>& block) {
    constexpr int rows = V::rows(vectors);
    static_assert(rows <= static_cast<int>(tile_rows_max), "a tile must not reach beyond the padding of a block");
    const TileFetch<V, rows> fetch(packed, block, panel.tap_count, panel.first_input,
                                   packed.group_inputs * (per_group ? vectors : 1), panel.line[0], panel.column[0],
                                   per_group ? vectors * V::lanes : 1);
    for (std::size_t row = 0; row < block.rows; row += rows) {
        compute_tile<V, vectors, per_group, rows>(packed, panel, block, fetch, row);
    }
}

/// compute_panel for a panel of up to `most` vectors.
template <class V, int most>
void compute_panel_of(const PackedConvolution& packed, const ConvolutionPanel& panel,
                      const ConvolutionBlock<typename V::Storage>& block) {
    if constexpr (most == 1) {
        compute_panel<V, 1, false>(packed, panel, block);
    } else if (panel.vectors < most) {
        compute_panel_of<V, most - 1>(packed, panel, block);
    } else {
        const auto compute = panel.per_group ? compute_panel<V, most, true> : compute_panel<V, most, false>;
        compute(packed, panel, block);
    }
}

template <class V>
void run(const PackedConvolution& packed, const ConvolutionBlock<typename V::Storage>& block) {
    for (std::size_t i = 0; i < packed.panel_count; ++i) {
        compute_panel_of<V, V::panel_max>(packed, packed.panels[i], block);
    }
}
