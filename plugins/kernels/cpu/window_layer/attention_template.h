// Part of window_layer/template.h: see there. Attention of the tokens of a window, head by head.
#pragma once

#include "cpu/simd/activation_template.h"
#include "cpu/window_layer/products_template.h"

constexpr float separate = -100.0f * log2_e;  // added to the attention, in powers of 2, between pixels of other regions

/// Queries and keys as operands, values as rows of tokens. Queries are scaled for powers of 2.
template <class V>
void project_attention(const WindowLayerShape& shape, const Packed<V>& packed, const Scratch<V>& scratch) {
    const std::size_t stride = scratch.stride;
    const auto root = V::square_root(V::set(static_cast<float>(head_channels(shape))));
    const auto scale = V::divide(V::set(log2_e), root);
    project(packed.query, scratch.normalised, stride,
            [&](auto& sums, std::size_t row, std::size_t token) AMSR_INLINE_LAMBDA {
                for_each_vector<V>(sums, [&](auto& sum, std::size_t, std::size_t)
                                             AMSR_INLINE_LAMBDA { sum = V::multiply(sum, scale); });
                store_operand<V>(sums, scratch.query + row / V::depth * stride + token, stride);
            });
    project(packed.key, scratch.normalised, stride,
            [&](auto& sums, std::size_t row, std::size_t token)
                AMSR_INLINE_LAMBDA { store_operand<V>(sums, scratch.key + row / V::depth * stride + token, stride); });
    project(packed.value, scratch.normalised, stride,
            [&](auto& sums, std::size_t row, std::size_t token) AMSR_INLINE_LAMBDA {
                for_each_vector<V>(sums, [&](const auto& sum, std::size_t r, std::size_t t) AMSR_INLINE_LAMBDA {
                    V::store_along(scratch.value + ((row + r) * stride + token + t) / V::depth, sum);
                });
            });
}

/// scores [key token][query token] of a head, in powers of 2.
template <class V>
void score(std::size_t tokens, std::size_t head_steps, const typename V::Word* query, const typename V::Word* key,
           const float* position_bias, const std::uint8_t* regions, const Scratch<V>& scratch) {
    const std::size_t stride = scratch.stride;
    for_each_tile<V>(tokens, stride, [&](auto& sums, std::size_t row, std::size_t token) AMSR_INLINE_LAMBDA {
        for_each_vector<V>(sums, [&](auto& sum, std::size_t r, std::size_t t) AMSR_INLINE_LAMBDA {
            sum = V::load(position_bias + (row + r) * stride + token + t);
            if (regions == nullptr) return;
            sum = V::add(sum, V::load(scratch.separation + regions[row + r] * stride + token + t));
        });
        accumulate<V>(sums, key + row, 1, stride, query + token, stride, head_steps);
        for_each_vector<V>(sums, [&](const auto& sum, std::size_t r, std::size_t t) AMSR_INLINE_LAMBDA {
            V::store(scratch.scores + (row + r) * stride + token + t, sum);
        });
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
    for_each_tile<V>(channels, stride, [&](auto& sums, std::size_t row, std::size_t token) AMSR_INLINE_LAMBDA {
        for_each_vector<V>(sums, [](auto& sum, std::size_t, std::size_t) AMSR_INLINE_LAMBDA { sum = V::set(0.0f); });
        accumulate<V>(sums, value + row * value_stride, value_stride, 1, scratch.probabilities + token, stride,
                      steps<V>(tokens));
        for_each_vector<V>(sums, [&](auto& sum, std::size_t, std::size_t t) AMSR_INLINE_LAMBDA {
            sum = V::multiply(sum, V::load(scratch.inverse_sums + token + t));
        });
        store_operand<V>(sums, to + row / V::depth * stride + token, stride);
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
