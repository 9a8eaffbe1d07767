// A Transformer layer on one window, written once for all vector types. Each window_layer/SET.cpp includes its vector
// type and this file in an unnamed namespace, and is compiled with its own flags: nothing here may have external
// linkage, or the linker could pick the copy of one instruction set for all.
//
// Features are held transposed, one row of tokens a channel, and the tokens are the lanes of the vectors. Then each
// product of matrices is `weights x features` with broadcast weights and needs no padding of channels; normalisation
// and softmax run down the lanes; and the output of each product is the operand of the next as it is.
//
// A vector type `V` (simd/vector_SET.h) offers arithmetic on vectors of `lanes` floats, load and store of all storage
// types, and `transpose`; for products of matrices it offers Word, 4 bytes that hold `depth` inputs of a dot product:
// words of weights are broadcast, words of operands [inputs / depth][tokens] loaded, and `dot` adds their products to a
// sum. A tile is `tile` rows by `panel` vectors of sums.

#include "cpu/simd/activation_template.h"

/// Words of one float each, on the vectors of simd/vector_SET.h.
template <class V>
struct FloatWords : V {
    using typename V::Vector;
    using Word = float;
    using Words = Vector;
    static constexpr int depth = 1;

    static float word(const float* values) { return *values; }
    static Words load_words(const float* from) { return V::load(from); }
    static Words broadcast(const float* from) { return V::set(*from); }
    static Vector dot(Words a, Words b, Vector sum) { return V::multiply_add(a, b, sum); }
    static void store_along(float* to, Vector from) { V::store(to, from); }
};

constexpr float separate = -100.0f * log2_e;  // added to the attention, in powers of 2, between pixels of other regions

constexpr std::size_t rounded_up(std::size_t value, std::size_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

template <class V>
constexpr std::size_t steps(std::size_t inputs) {
    return (inputs + V::depth - 1) / V::depth;
}

template <class V>
std::size_t padded_tokens(const WindowLayerShape& shape) {
    return rounded_up(shape.tokens, V::lanes * V::panel);
}

inline std::size_t head_channels(const WindowLayerShape& shape) { return shape.channels / shape.heads; }

/// Heads of an odd number of channels are padded to whole words.
template <class V>
std::size_t padded_head(const WindowLayerShape& shape) {
    return rounded_up(head_channels(shape), V::depth);
}

/// Rows of the queries, keys or values of all heads.
template <class V>
std::size_t attention_rows(const WindowLayerShape& shape) {
    return shape.heads * padded_head<V>(shape);
}

/// Hands out aligned parts of a block of memory; without one it only counts their bytes.
class Arena {
  public:
    explicit Arena(void* memory) : memory_(static_cast<unsigned char*>(memory)) {}

    template <class Element>
    Element* take(std::size_t count) {
        void* part = memory_ == nullptr ? nullptr : memory_ + used_;
        used_ += rounded_up(count * sizeof(Element), cache_line);
        return static_cast<Element*>(part);
    }
    std::size_t used() const { return used_; }

  private:
    unsigned char* memory_;
    std::size_t used_ = 0;
};

/// Weights [rows, inputs] and a bias. Packed as [tiles][steps][rows of the tile].
template <class V>
struct Matrix {
    Matrix(Arena& arena, std::size_t row_count, std::size_t inputs)
        : rows(row_count),
          step_count(steps<V>(inputs)),
          weights(arena.take<typename V::Word>(row_count * step_count)),
          bias(arena.take<float>(row_count)) {}

    std::size_t rows, step_count;
    typename V::Word* weights;
    float* bias;
};

template <class V>
struct Packed {
    Packed(Arena arena, const WindowLayerShape& shape)
        : norm1(arena, shape),
          query(arena, attention_rows<V>(shape), shape.channels),
          key(arena, attention_rows<V>(shape), shape.channels),
          value(arena, attention_rows<V>(shape), shape.channels),
          position_bias(arena.take<float>(shape.heads * shape.tokens * padded_tokens<V>(shape))),
          proj(arena, shape.channels, attention_rows<V>(shape)),
          norm2(arena, shape),
          fc1(arena, shape.hidden, shape.channels),
          fc2(arena, shape.channels, shape.hidden),
          bytes(arena.used()) {}

    struct Norm {
        Norm(Arena& arena, const WindowLayerShape& shape)
            : weight(arena.take<float>(shape.channels)), bias(arena.take<float>(shape.channels)) {}
        float *weight, *bias;
    };

    Norm norm1;
    Matrix<V> query, key, value;
    float* position_bias;  // [heads][key token][query token], in powers of 2
    Matrix<V> proj;
    Norm norm2;
    Matrix<V> fc1, fc2;
    std::size_t bytes;
};

/// What a window needs while it is computed. A row is one channel, or one word of channels, of all tokens.
template <class V>
struct Scratch {
    Scratch(Arena arena, const WindowLayerShape& shape)
        : stride(padded_tokens<V>(shape)),
          features(arena.take<float>(shape.channels * stride)),
          normalised(arena.take<Word>(steps<V>(shape.channels) * stride)),
          query(arena.take<Word>(attention_rows<V>(shape) / V::depth * stride)),
          key(arena.take<Word>(attention_rows<V>(shape) / V::depth * stride)),
          value(arena.take<Word>(attention_rows<V>(shape) / V::depth * stride)),
          scores(arena.take<float>(shape.tokens * stride)),
          probabilities(take_probabilities(arena, shape)),
          inverse_sums(arena.take<float>(stride)),
          separation(arena.take<float>(regions * stride)),
          mixed(arena.take<Word>(attention_rows<V>(shape) / V::depth * stride)),
          hidden(arena.take<Word>(steps<V>(shape.hidden) * stride)),
          bytes(arena.used()) {}

    using Word = typename V::Word;
    static constexpr std::size_t regions = 4;

    std::size_t stride;
    float* features;
    Word *normalised, *query, *key;
    Word* value;  // words of tokens: [channels][stride / depth]
    float* scores;
    Word* probabilities;  // in the place of the scores where they are of one type
    float *inverse_sums, *separation;
    Word *mixed, *hidden;
    std::size_t bytes;

  private:
    Word* take_probabilities(Arena& arena, const WindowLayerShape& shape) {
        if constexpr (V::depth == 1) {
            return scores;
        } else {
            return arena.take<Word>(steps<V>(shape.tokens) * stride);
        }
    }
};

template <class V>
std::size_t packed_bytes(const WindowLayerShape& shape) {
    return Packed<V>(Arena(nullptr), shape).bytes;
}

template <class V>
std::size_t scratch_bytes(const WindowLayerShape& shape) {
    return Scratch<V>(Arena(nullptr), shape).bytes;
}

/// The tile of the rows that are left over, fewer than V::tile.
template <int count, class Body>
AMSR_INLINE void last_tile(std::size_t left, std::size_t row, const Body& body) {
    if constexpr (count > 0) {
        if (left == static_cast<std::size_t>(count)) {
            body(std::integral_constant<int, count>{}, row);
        } else {
            last_tile<count - 1>(left, row, body);
        }
    }
}

/// Calls body(number of rows, first row) for the tiles of a matrix; the number is a constant of its type.
template <class V, class Body>
AMSR_INLINE void for_each_tile(std::size_t rows, const Body& body) {
    std::size_t row = 0;
    for (; row + V::tile <= rows; row += V::tile) body(std::integral_constant<int, V::tile>{}, row);
    last_tile<V::tile - 1>(rows - row, row, body);
}

// ---- packing

/// weight(row, input) and bias(row) give the values; inputs beyond the last are zero.
template <class V, class Weight, class Bias>
void pack_matrix(const Matrix<V>& matrix, std::size_t inputs, const Weight& weight, const Bias& bias) {
    typename V::Word* to = matrix.weights;
    for (std::size_t first = 0; first < matrix.rows; first += V::tile) {
        const std::size_t end = first + V::tile < matrix.rows ? first + V::tile : matrix.rows;
        for (std::size_t step = 0; step < matrix.step_count; ++step) {
            for (std::size_t row = first; row < end; ++row) {
                float values[V::depth];
                for (std::size_t d = 0; d < V::depth; ++d) {
                    const std::size_t input = step * V::depth + d;
                    values[d] = input < inputs ? weight(row, input) : 0.0f;
                }
                *to++ = V::word(values);
            }
        }
    }
    for (std::size_t row = 0; row < matrix.rows; ++row) matrix.bias[row] = bias(row);
}

template <class V, class T>
void pack_linear(const Matrix<V>& matrix, std::size_t inputs, const T* weight, const T* bias) {
    pack_matrix(
        matrix, inputs, [&](std::size_t row, std::size_t input) { return to_float(weight[row * inputs + input]); },
        [&](std::size_t row) { return to_float(bias[row]); });
}

template <class T>
void pack_row(std::size_t count, const T* from, float* to) {
    for (std::size_t i = 0; i < count; ++i) to[i] = to_float(from[i]);
}

/// Query, key or value (part 0, 1, 2) of all heads, each padded to whole words.
template <class V, class T>
void pack_attention(const WindowLayerShape& shape, const Matrix<V>& matrix, const WindowLayerWeights<T>& weights,
                    std::size_t part) {
    const std::size_t channels = shape.channels, depth = head_channels(shape), padded = padded_head<V>(shape);
    const auto is_real = [&](std::size_t row) { return row % padded < depth; };
    const auto source = [&](std::size_t row) { return part * channels + row / padded * depth + row % padded; };
    pack_matrix(
        matrix, channels,
        [&](std::size_t row, std::size_t input) {
            return is_real(row) ? to_float(weights.qkv_weight[source(row) * channels + input]) : 0.0f;
        },
        [&](std::size_t row) { return is_real(row) ? to_float(weights.qkv_bias[source(row)]) : 0.0f; });
}

template <class V, class T>
void pack(const WindowLayerShape& shape, const WindowLayerWeights<T>& weights, void* memory) {
    const Packed<V> packed(Arena(memory), shape);
    const std::size_t channels = shape.channels, depth = head_channels(shape), padded = padded_head<V>(shape);
    const std::size_t tokens = shape.tokens, stride = padded_tokens<V>(shape);
    pack_row(channels, weights.norm1_weight, packed.norm1.weight);
    pack_row(channels, weights.norm1_bias, packed.norm1.bias);
    pack_attention(shape, packed.query, weights, 0);
    pack_attention(shape, packed.key, weights, 1);
    pack_attention(shape, packed.value, weights, 2);
    for (std::size_t head = 0; head < shape.heads; ++head) {
        for (std::size_t key = 0; key < tokens; ++key) {
            for (std::size_t query = 0; query < stride; ++query) {
                const std::size_t from = (head * tokens + query) * tokens + key;
                packed.position_bias[(head * tokens + key) * stride + query] =
                    query < tokens ? log2_e * to_float(weights.position_bias[from]) : 0.0f;
            }
        }
    }
    pack_matrix(
        packed.proj, attention_rows<V>(shape),
        [&](std::size_t row, std::size_t input) {
            const std::size_t from = row * channels + input / padded * depth + input % padded;
            return input % padded < depth ? to_float(weights.proj_weight[from]) : 0.0f;
        },
        [&](std::size_t row) { return to_float(weights.proj_bias[row]); });
    pack_row(channels, weights.norm2_weight, packed.norm2.weight);
    pack_row(channels, weights.norm2_bias, packed.norm2.bias);
    pack_linear(packed.fc1, channels, weights.fc1_weight, weights.fc1_bias);
    pack_linear(packed.fc2, shape.hidden, weights.fc2_weight, weights.fc2_bias);
}

// ---- functions of vectors

/// x * Phi(x) to 2e-7: max(x, 0) - |x| * Phi(-|x|), where the polynomial is log2(Phi(-|x|)) up to 6. Beyond, the second
/// term is below 6e-9 and stays that.
template <class V>
AMSR_INLINE typename V::Vector gelu(typename V::Vector x) {
    const auto size = V::minimum(V::set(6.0f), V::absolute(x));
    auto sum = V::set(-1.6904017e-6f);
    sum = V::multiply_add(sum, size, V::set(2.5083309e-5f));
    sum = V::multiply_add(sum, size, V::set(-1.14462695e-4f));
    sum = V::multiply_add(sum, size, V::set(-3.2334204e-4f));
    sum = V::multiply_add(sum, size, V::set(7.333384e-3f));
    sum = V::multiply_add(sum, size, V::set(-5.27142e-2f));
    sum = V::multiply_add(sum, size, V::set(-4.5911545e-1f));
    sum = V::multiply_add(sum, size, V::set(-1.1511233f));
    sum = V::multiply_add(sum, size, V::set(-9.9999887e-1f));
    return V::subtract(V::maximum(V::set(0.0f), x), V::multiply(size, power_of_2<V>(sum)));
}

// ---- products of matrices

/// Values of consecutive rows as the operand of the next product: words of `depth` rows, the last padded with zeros.
template <class V, int rows>
AMSR_INLINE void store_operand(const typename V::Vector (&values)[rows][V::panel], typename V::Word* to,
                               std::size_t stride) {
    AMSR_UNROLL
    for (int r = 0; r < rows; r += V::depth) {
        AMSR_UNROLL
        for (int v = 0; v < V::panel; ++v) {
            typename V::Word* place = to + static_cast<std::size_t>(r / V::depth) * stride + v * V::lanes;
            if constexpr (V::depth == 1) {
                V::store(place, values[r][v]);
            } else {
                V::store_pairs(place, values[r][v], r + 1 < rows ? values[r + 1 < rows ? r + 1 : r][v] : V::set(0.0f));
            }
        }
    }
}

/// Adds a product to sums: weight words at a + row * a_row + step * a_step, operand words at b + step * stride.
template <class V, int rows>
AMSR_INLINE void accumulate(typename V::Vector (&sums)[rows][V::panel], const typename V::Word* a, std::size_t a_row,
                            std::size_t a_step, const typename V::Word* b, std::size_t stride, std::size_t count) {
    for (std::size_t step = 0; step < count; ++step, a += a_step, b += stride) {
        typename V::Words operand[V::panel];
        AMSR_UNROLL
        for (int v = 0; v < V::panel; ++v) operand[v] = V::load_words(b + v * V::lanes);
        AMSR_UNROLL
        for (int r = 0; r < rows; ++r) {
            const typename V::Words weight = V::broadcast(a + static_cast<std::size_t>(r) * a_row);
            AMSR_UNROLL
            for (int v = 0; v < V::panel; ++v) sums[r][v] = V::dot(weight, operand[v], sums[r][v]);
        }
    }
}

/// matrix x operand + bias, tile by tile: store(sums, first row, first token).
template <class V, class Store>
AMSR_INLINE void project(const Matrix<V>& matrix, const typename V::Word* operand, std::size_t stride,
                         const Store& store) {
    for_each_tile<V>(matrix.rows, [&](auto count, std::size_t row) AMSR_INLINE_LAMBDA {
        constexpr int rows = decltype(count)::value;
        for (std::size_t token = 0; token < stride; token += V::panel * V::lanes) {
            typename V::Vector sums[rows][V::panel];
            AMSR_UNROLL
            for (int r = 0; r < rows; ++r) {
                AMSR_UNROLL
                for (int v = 0; v < V::panel; ++v) sums[r][v] = V::set(matrix.bias[row + r]);
            }
            accumulate<V, rows>(sums, matrix.weights + row * matrix.step_count, 1, rows, operand + token, stride,
                                matrix.step_count);
            store(sums, row, token);
        }
    });
}

/// Applies a function to each vector of a tile.
template <class V, int rows, class Function>
AMSR_INLINE void apply(typename V::Vector (&sums)[rows][V::panel], const Function& function) {
    AMSR_UNROLL
    for (int r = 0; r < rows; ++r) {
        AMSR_UNROLL
        for (int v = 0; v < V::panel; ++v) sums[r][v] = function(sums[r][v]);
    }
}

/// features += matrix x operand + bias.
template <class V>
void project_and_add(const Matrix<V>& matrix, const typename V::Word* operand, std::size_t stride, float* features) {
    project(matrix, operand, stride, [&](auto& sums, std::size_t row, std::size_t token) AMSR_INLINE_LAMBDA {
        float* to = features + row * stride + token;
        for (auto& line : sums) {
            AMSR_UNROLL
            for (int v = 0; v < V::panel; ++v) V::store(to + v * V::lanes, V::add(V::load(to + v * V::lanes), line[v]));
            to += stride;
        }
    });
}

// ---- the layer

/// features [channels][tokens] from the tokens' rows [channels].
template <class V, class T>
void gather(T* const* rows, std::size_t channels, std::size_t stride, float* features) {
    for (std::size_t token = 0; token < stride; token += V::lanes) {
        for (std::size_t channel = 0; channel < channels; channel += V::lanes) {
            const std::size_t left = channels - channel, count = left < V::lanes ? left : V::lanes;
            typename V::Vector block[V::lanes];
            AMSR_UNROLL
            for (int i = 0; i < V::lanes; ++i) block[i] = V::load(rows[token + i] + channel, static_cast<int>(count));
            V::transpose(block);
            AMSR_UNROLL
            for (int i = 0; i < V::lanes; ++i) {
                if (static_cast<std::size_t>(i) < count) V::store(features + (channel + i) * stride + token, block[i]);
            }
        }
    }
}

/// The inverse of `gather`, for the real tokens.
template <class V, class T>
void scatter(const float* features, std::size_t channels, std::size_t stride, std::size_t tokens, T* const* rows) {
    for (std::size_t token = 0; token < tokens; token += V::lanes) {
        for (std::size_t channel = 0; channel < channels; channel += V::lanes) {
            const std::size_t left = channels - channel, count = left < V::lanes ? left : V::lanes;
            typename V::Vector block[V::lanes];
            AMSR_UNROLL
            for (int i = 0; i < V::lanes; ++i) {
                const bool is_real = static_cast<std::size_t>(i) < count;
                block[i] = is_real ? V::load(features + (channel + i) * stride + token) : V::set(0.0f);
            }
            V::transpose(block);
            AMSR_UNROLL
            for (int i = 0; i < V::lanes; ++i) {
                if (token + i < tokens) V::store(rows[token + i] + channel, block[i], static_cast<int>(count));
            }
        }
    }
}

/// Layer normalisation over the channels of each token.
template <class V>
void normalise(const float* features, const typename Packed<V>::Norm& norm, float epsilon, std::size_t channels,
               std::size_t stride, typename V::Word* to) {
    using Vector = typename V::Vector;
    const Vector share = V::set(1.0f / static_cast<float>(channels));
    for (std::size_t token = 0; token < stride; token += V::panel * V::lanes) {
        const auto value = [&](std::size_t channel, int v) AMSR_INLINE_LAMBDA {
            return V::load(features + channel * stride + token + v * V::lanes);
        };
        Vector mean[V::panel], factor[V::panel];
        for (int v = 0; v < V::panel; ++v) mean[v] = factor[v] = V::set(0.0f);
        for (std::size_t channel = 0; channel < channels; ++channel) {
            for (int v = 0; v < V::panel; ++v) mean[v] = V::add(mean[v], value(channel, v));
        }
        for (int v = 0; v < V::panel; ++v) mean[v] = V::multiply(mean[v], share);
        for (std::size_t channel = 0; channel < channels; ++channel) {
            for (int v = 0; v < V::panel; ++v) {
                const Vector centred = V::subtract(value(channel, v), mean[v]);
                factor[v] = V::multiply_add(centred, centred, factor[v]);
            }
        }
        for (int v = 0; v < V::panel; ++v) {
            const Vector variance = V::multiply_add(factor[v], share, V::set(epsilon));
            factor[v] = V::divide(V::set(1.0f), V::square_root(variance));
        }
        for (std::size_t channel = 0; channel < channels; channel += V::depth) {
            Vector result[V::depth][V::panel];
            for (std::size_t d = 0; d < V::depth; ++d) {
                for (int v = 0; v < V::panel; ++v) {
                    if (channel + d < channels) {
                        const Vector scaled = V::multiply(V::subtract(value(channel + d, v), mean[v]), factor[v]);
                        result[d][v] =
                            V::multiply_add(scaled, V::set(norm.weight[channel + d]), V::set(norm.bias[channel + d]));
                    } else {
                        result[d][v] = V::set(0.0f);
                    }
                }
            }
            store_operand<V, V::depth>(result, to + channel / V::depth * stride + token, stride);
        }
    }
}

/// Queries and keys as operands, values as rows of tokens. Queries are scaled for powers of 2.
template <class V>
void project_attention(const WindowLayerShape& shape, const Packed<V>& packed, const Scratch<V>& scratch) {
    const std::size_t stride = scratch.stride;
    const auto root = V::square_root(V::set(static_cast<float>(head_channels(shape))));
    const auto scale = V::divide(V::set(log2_e), root);
    project(packed.query, scratch.normalised, stride,
            [&](auto& sums, std::size_t row, std::size_t token) AMSR_INLINE_LAMBDA {
                apply<V>(sums, [&](typename V::Vector x) AMSR_INLINE_LAMBDA { return V::multiply(x, scale); });
                store_operand<V>(sums, scratch.query + row / V::depth * stride + token, stride);
            });
    project(packed.key, scratch.normalised, stride,
            [&](auto& sums, std::size_t row, std::size_t token)
                AMSR_INLINE_LAMBDA { store_operand<V>(sums, scratch.key + row / V::depth * stride + token, stride); });
    project(packed.value, scratch.normalised, stride,
            [&](auto& sums, std::size_t row, std::size_t token) AMSR_INLINE_LAMBDA {
                for (auto& line : sums) {
                    for (int v = 0; v < V::panel; ++v) {
                        V::store_along(scratch.value + (row * stride + token + v * V::lanes) / V::depth, line[v]);
                    }
                    ++row;
                }
            });
}

/// scores [key token][query token] of a head, in powers of 2.
template <class V>
void score(std::size_t tokens, std::size_t head_steps, const typename V::Word* query, const typename V::Word* key,
           const float* position_bias, const std::uint8_t* regions, const Scratch<V>& scratch) {
    const std::size_t stride = scratch.stride;
    for_each_tile<V>(tokens, [&](auto count, std::size_t row) AMSR_INLINE_LAMBDA {
        constexpr int rows = decltype(count)::value;
        for (std::size_t token = 0; token < stride; token += V::panel * V::lanes) {
            typename V::Vector sums[rows][V::panel];
            AMSR_UNROLL
            for (int r = 0; r < rows; ++r) {
                AMSR_UNROLL
                for (int v = 0; v < V::panel; ++v) {
                    const std::size_t place = token + v * V::lanes;
                    sums[r][v] = V::load(position_bias + (row + r) * stride + place);
                    if (regions != nullptr) {
                        const float* separation = scratch.separation + regions[row + r] * stride;
                        sums[r][v] = V::add(sums[r][v], V::load(separation + place));
                    }
                }
            }
            accumulate<V, rows>(sums, key + row, 1, stride, query + token, stride, head_steps);
            AMSR_UNROLL
            for (int r = 0; r < rows; ++r) {
                AMSR_UNROLL
                for (int v = 0; v < V::panel; ++v) {
                    V::store(scratch.scores + (row + r) * stride + token + v * V::lanes, sums[r][v]);
                }
            }
        }
    });
}

/// probabilities, not yet divided by their sums, and the inverses of the sums.
template <class V>
void softmax(std::size_t tokens, const Scratch<V>& scratch) {
    using Vector = typename V::Vector;
    const std::size_t stride = scratch.stride;
    for (std::size_t token = 0; token < stride; token += V::panel * V::lanes) {
        const float* scores = scratch.scores + token;
        Vector largest[V::panel], sums[V::panel];
        for (int v = 0; v < V::panel; ++v) {
            largest[v] = V::load(scores + v * V::lanes);
            sums[v] = V::set(0.0f);
        }
        for (std::size_t key = 1; key < tokens; ++key) {
            for (int v = 0; v < V::panel; ++v) {
                largest[v] = V::maximum(largest[v], V::load(scores + key * stride + v * V::lanes));
            }
        }
        for (std::size_t key = 0; key < tokens; key += V::depth) {
            Vector powers[V::depth][V::panel];
            for (std::size_t d = 0; d < V::depth; ++d) {
                for (int v = 0; v < V::panel; ++v) {
                    if (key + d < tokens) {
                        const Vector value = V::load(scores + (key + d) * stride + v * V::lanes);
                        powers[d][v] = power_of_2<V>(V::subtract(value, largest[v]));
                        sums[v] = V::add(sums[v], powers[d][v]);
                    } else {
                        powers[d][v] = V::set(0.0f);
                    }
                }
            }
            store_operand<V, V::depth>(powers, scratch.probabilities + key / V::depth * stride + token, stride);
        }
        for (int v = 0; v < V::panel; ++v) {
            V::store(scratch.inverse_sums + token + v * V::lanes, V::divide(V::set(1.0f), sums[v]));
        }
    }
}

/// The values of a head [channels][stride / depth] weighted by their probabilities.
template <class V>
void mix(std::size_t channels, std::size_t tokens, const typename V::Word* value, const Scratch<V>& scratch,
         typename V::Word* to) {
    const std::size_t stride = scratch.stride, value_stride = stride / V::depth;
    for_each_tile<V>(channels, [&](auto count, std::size_t row) AMSR_INLINE_LAMBDA {
        constexpr int rows = decltype(count)::value;
        for (std::size_t token = 0; token < stride; token += V::panel * V::lanes) {
            typename V::Vector sums[rows][V::panel];
            AMSR_UNROLL
            for (int r = 0; r < rows; ++r) {
                AMSR_UNROLL
                for (int v = 0; v < V::panel; ++v) sums[r][v] = V::set(0.0f);
            }
            accumulate<V, rows>(sums, value + row * value_stride, value_stride, 1, scratch.probabilities + token,
                                stride, steps<V>(tokens));
            AMSR_UNROLL
            for (int v = 0; v < V::panel; ++v) {
                const auto inverse = V::load(scratch.inverse_sums + token + v * V::lanes);
                AMSR_UNROLL
                for (int r = 0; r < rows; ++r) sums[r][v] = V::multiply(sums[r][v], inverse);
            }
            store_operand<V>(sums, to + row / V::depth * stride + token, stride);
        }
    });
}

/// separation [region][token]: what the attention of a key token of a region gets for each query token.
template <class V>
void separate_regions(std::size_t tokens, const std::uint8_t* regions, const Scratch<V>& scratch) {
    for (std::size_t region = 0; region < Scratch<V>::regions; ++region) {
        for (std::size_t token = 0; token < scratch.stride; ++token) {
            const bool apart = token < tokens && regions[token] != region;
            scratch.separation[region * scratch.stride + token] = apart ? separate : 0.0f;
        }
    }
}

template <class V, class T>
void run(const WindowLayerShape& shape, const void* packed_memory, float epsilon, T* const* rows,
         const std::uint8_t* regions, void* scratch_memory) {
    const Packed<V> packed(Arena(const_cast<void*>(packed_memory)), shape);
    const Scratch<V> scratch(Arena(scratch_memory), shape);
    const std::size_t channels = shape.channels, tokens = shape.tokens, stride = scratch.stride;
    gather<V>(rows, channels, stride, scratch.features);
    normalise<V>(scratch.features, packed.norm1, epsilon, channels, stride, scratch.normalised);
    project_attention(shape, packed, scratch);
    if (regions != nullptr) separate_regions(tokens, regions, scratch);
    const std::size_t head_rows = padded_head<V>(shape), head_words = head_rows / V::depth * stride;
    for (std::size_t head = 0; head < shape.heads; ++head) {
        const std::size_t first = head * head_words;
        score(tokens, head_rows / V::depth, scratch.query + first, scratch.key + first,
              packed.position_bias + head * tokens * stride, regions, scratch);
        softmax(tokens, scratch);
        mix(head_rows, tokens, scratch.value + first, scratch, scratch.mixed + first);
    }
    project_and_add(packed.proj, scratch.mixed, stride, scratch.features);
    normalise<V>(scratch.features, packed.norm2, epsilon, channels, stride, scratch.normalised);
    project(packed.fc1, scratch.normalised, stride,
            [&](auto& sums, std::size_t row, std::size_t token) AMSR_INLINE_LAMBDA {
                apply<V>(sums, [](typename V::Vector x) AMSR_INLINE_LAMBDA { return gelu<V>(x); });
                store_operand<V>(sums, scratch.hidden + row / V::depth * stride + token, stride);
            });
    project_and_add(packed.fc2, scratch.hidden, stride, scratch.features);
    scatter<V>(scratch.features, channels, stride, tokens, rows);
}

template <class V, class T>
constexpr WindowLayerCode<T> code_of() {
    return {padded_tokens<V>, packed_bytes<V>, scratch_bytes<V>, pack<V, T>, run<V, T>};
}
