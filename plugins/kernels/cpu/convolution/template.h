// The indirect GEMM, written once for all vector types. Each convolution/SET.cpp defines its vector types in an unnamed
// namespace, includes this file there, and is compiled with its own flags: nothing here may have external linkage,
// or the linker could pick the copy of one instruction set for all.
//
// A vector type `V` adds to those of simd/vector_SET.h: Storage, Weight, WeightVector, Input; depth (inputs that one
// multiply_add consumes), panel_max (vectors of the largest panel), rows(vectors), unroll(vectors) and dot_rows, the
// shapes of tiles; load_weights, load_inputs, broadcast, broadcast_last; where depth is 1 also load_part.

#include "cpu/simd/activation_template.h"

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

/// What lies `offset` further on; null where there is nothing.
template <class T>
AMSR_INLINE const T* further(const T* from, std::size_t offset) {
    return from == nullptr ? nullptr : from + offset;
}

/// What is fetched from memory while a tile is summed: what the block says for its rows, and the outputs that the tile
/// will write, with what is added to them. A few rows with each of the first taps, because more would hold up the loads
/// of the sums.
template <class V, int rows>
class TileFetch {
  public:
    using Storage = typename V::Storage;

    /// Inputs [first_input .. first_input + inputs) and outputs [column .. column + outputs) of a line are the tile's.
    AMSR_INLINE TileFetch(const PackedConvolution& packed, const ConvolutionBlock<Storage>& block,
                          std::size_t tap_count, std::size_t first_input, std::size_t inputs, std::size_t line,
                          std::size_t column, std::size_t outputs)
        : block_(block),
          taps_(packed.shape.taps),
          rows_per_tap_((2 * rows + tap_count - 1) / (tap_count > 0 ? tap_count : 1)),
          ahead_((first_input + block.ahead) * sizeof(Storage)),
          input_bytes_(inputs * sizeof(Storage)),
          row_stride_(packed.row_stride),
          out_(block.out + line * block.line_stride + column),
          residual_(further(block.residual, line * block.residual_line_stride + column)),
          outputs_(outputs) {}

    AMSR_INLINE void fetch(std::size_t row, std::size_t tap) const {
        const std::size_t first = tap * rows_per_tap_;
        if (first >= rows) return;
        const std::size_t last = first + rows_per_tap_ < rows ? first + rows_per_tap_ : rows;
        for (std::size_t r = first; r < last; ++r) fetch_row(row + r);
    }

  private:
    AMSR_INLINE void fetch_row(std::size_t row) const {
        for (std::size_t tap = block_.fetched_tap; tap < taps_; ++tap) {
            const std::uintptr_t source = reinterpret_cast<std::uintptr_t>(block_.taps[tap][row]) + ahead_;
            for (std::size_t byte = 0; byte < input_bytes_; byte += cache_line) {
                AMSR_PREFETCH(reinterpret_cast<const char*>(source + byte), 0, 3);
            }
        }
        if (row >= block_.rows) return;
        for (std::size_t o = row * row_stride_, end = o + outputs_; o < end; o += cache_line / sizeof(Storage)) {
            AMSR_PREFETCH(out_ + o, 1, 3);
            if (residual_ != nullptr) AMSR_PREFETCH(residual_ + o, 0, 3);
        }
    }

    const ConvolutionBlock<Storage>& block_;
    std::size_t taps_, rows_per_tap_, ahead_, input_bytes_, row_stride_;
    const Storage* out_;
    const Storage* residual_;
    std::size_t outputs_;
};

/// Calls body(kind), where the kind is a constant of its type.
template <class Body>
AMSR_INLINE void with_kind(Activation::Kind kind, const Body& body) {
    switch (kind) {
        case Activation::leaky_relu:
            return body(std::integral_constant<Activation::Kind, Activation::leaky_relu>{});
        case Activation::silu:
            return body(std::integral_constant<Activation::Kind, Activation::silu>{});
        case Activation::attention:
            return body(std::integral_constant<Activation::Kind, Activation::attention>{});
    }
}

/// Sums, with the residual unless it is null, activated and stored.
template <class V, Activation::Kind kind>
AMSR_INLINE void finish(typename V::Vector sums, float negative_slope, const typename V::Storage* residual,
                        typename V::Storage* out, int count) {
    const auto with_residual = [&](typename V::Vector x) AMSR_INLINE_LAMBDA {
        return residual == nullptr ? x : V::add(x, V::load(residual, count));
    };
    if constexpr (kind == Activation::silu) {
        V::store(out, with_residual(silu<V>(sums)), count);
    } else if constexpr (kind == Activation::attention) {
        const auto factor = V::subtract(sigmoid<V>(sums), V::set(0.5f));
        V::store(out, V::multiply(with_residual(sums), factor), count);
    } else {
        sums = with_residual(sums);
        V::store(out, negative_slope == 1.0f ? sums : V::leaky_relu(sums, negative_slope), count);
    }
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
        if (input < inputs) {  // an odd last one, where depth is 2
            AMSR_UNROLL
            for (int v = 0; v < vectors; ++v) {
                const typename V::WeightVector w = V::load_weights(weights + v * V::lanes * V::depth);
                AMSR_UNROLL
                for (int r = 0; r < rows; ++r) {
                    const typename V::Storage* last = sources[r] + input + (per_group ? v * inputs : 0);
                    sums[r][v] = V::multiply_add(V::broadcast_last(last), w, sums[r][v]);
                }
            }
            weights += step_weights;
        }
    }
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

template <class V>
void widen(const typename V::Storage* from, std::size_t count, float* to) {
    for (std::size_t i = 0; i < count; i += V::lanes) {
        const int left = static_cast<int>(count - i);
        V::store(to + i, V::load(from + i, left), left);
    }
}

/// Adds `count` runs of the products of each row to one vector of its sums, which starts at column `begin`.
template <class V, int count>
void add_runs(const ProductRun* runs, std::size_t begin, const float* products, std::size_t product_stride,
              std::size_t rows, float* sums, std::size_t sum_stride) {
    const auto lane = [begin](std::size_t column) {
        return column <= begin ? 0 : column >= begin + V::lanes ? V::lanes : static_cast<int>(column - begin);
    };
    const float* from[count];
    int first[count], last[count];
    AMSR_UNROLL
    for (int i = 0; i < count; ++i) {
        const ProductRun& run = runs[i];
        const std::size_t first_product = run.row * product_stride + run.first_product;  // of the run's first column
        from[i] =
            products + (static_cast<std::ptrdiff_t>(first_product + begin) - static_cast<std::ptrdiff_t>(run.column));
        first[i] = lane(run.column);
        last[i] = lane(run.column + run.count);
    }
    for (std::size_t row = 0, at = 0; row < rows; ++row, at += product_stride, sums += sum_stride) {
        typename V::Vector total = V::load(sums);
        AMSR_UNROLL
        for (int i = 0; i < count; ++i) total = V::add(total, V::load_part(from[i] + at, first[i], last[i]));
        V::store(sums, total);
    }
}

template <class V>
void add_products(const ProductRun* runs, std::size_t run_count, const float* products, std::size_t product_stride,
                  std::size_t rows, float* sums, std::size_t sum_stride) {
    for (std::size_t begin = 0; begin < sum_stride; begin += V::lanes) {
        for (std::size_t i = 0; i < run_count; i += 3) {
            const std::size_t left = run_count - i;
            const auto add = left >= 3 ? add_runs<V, 3> : left == 2 ? add_runs<V, 2> : add_runs<V, 1>;
            add(runs + i, begin, products, product_stride, rows, sums + begin, sum_stride);
        }
    }
}

/// Where rows of outputs lie side by side, whole vectors are written: the next rows cover what is too much.
template <class V>
void finish_sums(const float* sums, std::size_t sum_stride, std::size_t rows, std::size_t count,
                 const Activation& activation, const typename V::Storage* residual, typename V::Storage* out,
                 std::size_t stride) {
    constexpr std::size_t ahead = 16;  // rows whose memory is fetched meanwhile
    with_kind(activation.kind, [&](auto kind) AMSR_INLINE_LAMBDA {
        for (std::size_t row = 0; row < rows; ++row, sums += sum_stride) {
            for (std::size_t o = (row + ahead) * stride, end = o + count; o < end; o += cache_line / sizeof(*out)) {
                AMSR_PREFETCH(out + o, 1, 3);
            }
            for (std::size_t begin = 0; begin < count; begin += V::lanes) {
                const std::size_t place = row * stride + begin;
                const bool fits = stride == count && place + V::lanes <= rows * count;
                finish<V, kind>(V::load(sums + begin), activation.negative_slope, further(residual, place), out + place,
                                fits ? V::lanes : static_cast<int>(count - begin));
            }
        }
    });
}

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

template <class V>
constexpr ConvolutionCode<typename V::Storage> code_of() {
    ConvolutionCode<typename V::Storage> code{};
    code.lanes = V::lanes;
    code.depth = V::depth;
    code.weight_bytes = sizeof(typename V::Weight);
    code.panel_max = V::panel_max;
    code.run = run<V>;
    code.run_dots = run_dots<V>;
    if constexpr (V::depth == 1) {
        code.widen = widen<V>;
        code.add_products = add_products<V>;
        code.finish_sums = finish_sums<V>;
        code.winograd_input = winograd_input<V>;
        code.winograd_output = winograd_output<V>;
    }
    return code;
}
