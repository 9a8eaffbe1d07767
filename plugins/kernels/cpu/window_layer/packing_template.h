// Part of window_layer/template.h: see there. Weights as the products read them.
#pragma once

#include "cpu/simd/activation_template.h"
#include "cpu/window_layer/memory_template.h"

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

/// The projection of all heads, whose channels are padded as pack_attention does.
template <class V, class T>
void pack_projection(const WindowLayerShape& shape, const Matrix<V>& matrix, const WindowLayerWeights<T>& weights) {
    const std::size_t channels = shape.channels, depth = head_channels(shape), padded = padded_head<V>(shape);
    pack_matrix(
        matrix, attention_rows<V>(shape),
        [&](std::size_t row, std::size_t input) {
            const std::size_t from = row * channels + input / padded * depth + input % padded;
            return input % padded < depth ? to_float(weights.proj_weight[from]) : 0.0f;
        },
        [&](std::size_t row) { return to_float(weights.proj_bias[row]); });
}

/// Position bias [heads, N, N] of query and key token, for powers of 2.
template <class V, class T>
void pack_position_bias(const WindowLayerShape& shape, const T* from, float* to) {
    const std::size_t tokens = shape.tokens, stride = padded_tokens<V>(shape);
    for (std::size_t head = 0; head < shape.heads; ++head, from += tokens * tokens) {
        for (std::size_t key = 0; key < tokens; ++key) {
            for (std::size_t query = 0; query < stride; ++query) {
                *to++ = query < tokens ? log2_e * to_float(from[query * tokens + key]) : 0.0f;
            }
        }
    }
}

template <class V, class T>
void pack(const WindowLayerShape& shape, const WindowLayerWeights<T>& weights, void* memory) {
    const Packed<V> packed(Arena(memory), shape);
    const std::size_t channels = shape.channels;
    pack_row(channels, weights.norm1_weight, packed.norm1.weight);
    pack_row(channels, weights.norm1_bias, packed.norm1.bias);
    pack_attention(shape, packed.query, weights, 0);
    pack_attention(shape, packed.key, weights, 1);
    pack_attention(shape, packed.value, weights, 2);
    pack_position_bias<V>(shape, weights.position_bias, packed.position_bias);
    pack_projection(shape, packed.proj, weights);
    pack_row(channels, weights.norm2_weight, packed.norm2.weight);
    pack_row(channels, weights.norm2_bias, packed.norm2.bias);
    pack_linear(packed.fc1, channels, weights.fc1_weight, weights.fc1_bias);
    pack_linear(packed.fc2, shape.hidden, weights.fc2_weight, weights.fc2_bias);
}
