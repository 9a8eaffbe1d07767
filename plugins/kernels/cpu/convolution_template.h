// The indirect GEMM, written once for all vector types. Each convolution_SET.cpp defines its vector types in an unnamed
// namespace, includes this file there, and is compiled with its own flags: nothing here may have external linkage,
// or the linker could pick the copy of one instruction set for all.
//
// A vector type `V` offers: Storage, Weight, Vector, Input; lanes (outputs in a vector), depth (inputs that one
// multiply_add consumes), panel_max (2 or 4 vectors), rows(vectors) and unroll(vectors), the shape of a tile; load, load_weights, broadcast,
// broadcast_last, multiply_add, leaky_relu, store, and weight(value) to pack.

#if defined(__clang__)
#define AMSR_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define AMSR_UNROLL _Pragma("GCC unroll 32")
#else
#define AMSR_UNROLL
#endif

/// Outputs are computed in panels of 4, 2 or 1 vectors; this is how many vectors the next panel takes.
template <class V>
constexpr int panel_vectors(std::size_t outputs_left) {
    const std::size_t vectors = outputs_left / V::lanes;
    return V::panel_max >= 4 && vectors >= 4 ? 4 : vectors >= 2 ? 2 : 1;
}

constexpr std::size_t rounded_up(std::size_t value, std::size_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

constexpr std::size_t group_inputs(const ConvolutionShape& shape) { return shape.inputs / shape.groups; }

constexpr std::size_t group_outputs(const ConvolutionShape& shape) { return shape.outputs / shape.groups; }

template <class V>
std::size_t padded_group_outputs(const ConvolutionShape& shape) {
    return rounded_up(group_outputs(shape), V::lanes);
}

template <class V>
std::size_t padded_group_inputs(const ConvolutionShape& shape) {
    return rounded_up(group_inputs(shape), V::depth);
}

template <class V>
std::size_t padded_outputs(const ConvolutionShape& shape) {
    return shape.groups * padded_group_outputs<V>(shape);
}

template <class V>
std::size_t packed_bytes(const ConvolutionShape& shape) {
    return padded_outputs<V>(shape) * shape.taps * padded_group_inputs<V>(shape) * sizeof(typename V::Weight);
}

/// Packed weights: for each group, for each panel: [taps][inputs / depth][outputs of the panel][depth].
template <class V>
void pack(const ConvolutionShape& shape, const typename V::Storage* weight, const typename V::Storage* bias,
          void* packed, float* padded_bias) {
    const std::size_t inputs = group_inputs(shape), outputs = group_outputs(shape);
    typename V::Weight* to = static_cast<typename V::Weight*>(packed);
    for (std::size_t group = 0; group < shape.groups; ++group) {
        const std::size_t padded = padded_group_outputs<V>(shape);
        for (std::size_t i = 0; i < padded; ++i) {
            *padded_bias++ = i < outputs ? to_float(bias[group * outputs + i]) : 0.0f;
        }
        for (std::size_t begin = 0, width; begin < padded; begin += width) {
            width = static_cast<std::size_t>(panel_vectors<V>(padded - begin)) * V::lanes;
            for (std::size_t tap = 0; tap < shape.taps; ++tap) {
                for (std::size_t i = 0; i < inputs; i += V::depth) {
                    for (std::size_t o = begin; o < begin + width; ++o) {
                        for (std::size_t d = i; d < i + V::depth; ++d) {
                            const bool real = o < outputs && d < inputs;
                            *to++ = V::weight(real ? to_float(weight[((group * outputs + o) * inputs + d) * shape.taps + tap]) : 0.0f);
                        }
                    }
                }
            }
        }
    }
}

/// One step of a tile: `steps` times V::depth inputs of each row, times the panel's weights.
template <class V, int vectors, int rows, int steps>
AMSR_INLINE void multiply(typename V::Vector (&sums)[rows][vectors], const typename V::Storage* const (&sources)[rows],
                     std::size_t input, const typename V::Weight* weights) {
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
            const typename V::Input value = V::broadcast(sources[r] + input + s * V::depth);
            AMSR_UNROLL
            for (int v = 0; v < vectors; ++v) sums[r][v] = V::multiply_add(value, w[s][v], sums[r][v]);
        }
    }
}

/// While the first taps are summed, fetches what the tile reads for the first time, the last tap of each row, and what it
/// will write. Few at a time, because more would hold up the loads of the sums themselves.
template <class V, int rows>
AMSR_INLINE void prefetch(const ConvolutionShape& shape, const ConvolutionBlock<typename V::Storage>& block,
                          std::size_t row, std::size_t tap, std::size_t first_input, std::size_t first_output) {
    const typename V::Storage* const* sources = block.taps + (shape.taps - 1) * block.tap_stride + row;
    for (std::size_t r = 2 * tap * rows / shape.taps; r < 2 * (tap + 1) * rows / shape.taps && r < rows; ++r) {
        const char* source = reinterpret_cast<const char*>(sources[r] + first_input);
        for (std::size_t byte = 0; byte < group_inputs(shape) * sizeof(typename V::Storage); byte += cache_line) {
            AMSR_PREFETCH(source + byte, 0, 3);
        }
        if (row + r < block.rows) AMSR_PREFETCH(block.out + (row + r) * shape.outputs + first_output, 1, 3);
    }
}

/// A tile: `rows` pixels by `vectors` vectors of outputs of one group, all taps, kept in registers to the end.
template <class V, int vectors, int rows>
void compute_tile(const ConvolutionShape& shape, const ConvolutionBlock<typename V::Storage>& block, std::size_t row,
                  std::size_t first_input, const typename V::Weight* weights, const float* bias,
                  std::size_t first_output, std::size_t outputs) {
    constexpr int steps = V::unroll(vectors);
    constexpr std::size_t step_weights = static_cast<std::size_t>(vectors) * V::lanes * V::depth;
    const std::size_t inputs = group_inputs(shape);
    typename V::Vector sums[rows][vectors];
    AMSR_UNROLL
    for (int r = 0; r < rows; ++r) {
        AMSR_UNROLL
        for (int v = 0; v < vectors; ++v) sums[r][v] = V::load(bias + v * V::lanes);
    }
    for (std::size_t tap = 0; tap < shape.taps; ++tap) {
        const typename V::Storage* sources[rows];
        AMSR_UNROLL
        for (int r = 0; r < rows; ++r) sources[r] = block.taps[tap * block.tap_stride + row + r] + first_input;
        prefetch<V, rows>(shape, block, row, tap, first_input, first_output);
        std::size_t input = 0;
        for (; input + steps * V::depth <= inputs; input += steps * V::depth, weights += steps * step_weights) {
            multiply<V, vectors, rows, steps>(sums, sources, input, weights);
        }
        for (; input + V::depth <= inputs; input += V::depth, weights += step_weights) {
            multiply<V, vectors, rows, 1>(sums, sources, input, weights);
        }
        if (input < inputs) {  // only where depth is 2 and the inputs are odd
            AMSR_UNROLL
            for (int r = 0; r < rows; ++r) {
                const typename V::Input value = V::broadcast_last(sources[r] + input);
                AMSR_UNROLL
                for (int v = 0; v < vectors; ++v) {
                    sums[r][v] = V::multiply_add(value, V::load_weights(weights + v * V::lanes * V::depth), sums[r][v]);
                }
            }
            weights += step_weights;
        }
    }
    AMSR_UNROLL
    for (int r = 0; r < rows; ++r) {
        if (row + r >= block.rows) break;
        typename V::Storage* out = block.out + (row + r) * shape.outputs + first_output;
        AMSR_UNROLL
        for (int v = 0; v < vectors; ++v) {
            const int columns = static_cast<int>(outputs) - v * V::lanes;
            V::store(out + v * V::lanes, V::leaky_relu(sums[r][v], block.negative_slope), columns);
        }
    }
}

template <class V, int vectors>
void compute_panel(const ConvolutionShape& shape, const ConvolutionBlock<typename V::Storage>& block,
                   std::size_t first_input, const typename V::Weight* weights, const float* bias,
                   std::size_t first_output, std::size_t outputs) {
    constexpr int rows = V::rows(vectors);
    static_assert(rows <= static_cast<int>(tile_rows_max), "a tile must not reach beyond the padding of a block");
    for (std::size_t row = 0; row < block.rows; row += rows) {
        compute_tile<V, vectors, rows>(shape, block, row, first_input, weights, bias, first_output, outputs);
    }
}

template <class V>
void run(const ConvolutionShape& shape, const ConvolutionBlock<typename V::Storage>& block) {
    const std::size_t inputs = group_inputs(shape), outputs = group_outputs(shape);
    const std::size_t padded = padded_group_outputs<V>(shape);
    const std::size_t column_weights = shape.taps * padded_group_inputs<V>(shape);
    const typename V::Weight* weights = static_cast<const typename V::Weight*>(block.weights);
    for (std::size_t group = 0; group < shape.groups; ++group) {
        for (std::size_t begin = 0, width; begin < padded; begin += width) {
            const int vectors = panel_vectors<V>(padded - begin);
            width = static_cast<std::size_t>(vectors) * V::lanes;
            const std::size_t count = outputs - begin < width ? outputs - begin : width;
            const auto panel = vectors == 1   ? compute_panel<V, 1>
                               : vectors == 2 ? compute_panel<V, 2>
                                              : compute_panel<V, V::panel_max>;
            panel(shape, block, group * inputs, weights, block.bias + group * padded + begin, group * outputs + begin,
                  count);
            weights += width * column_weights;
        }
    }
}

template <class V>
constexpr ConvolutionCode<typename V::Storage> code_of() {
    return {packed_bytes<V>, padded_outputs<V>, pack<V>, run<V>};
}
