// Part of window_layer/template.h: see there. Products of matrices, tile by tile.
#pragma once

#include "cpu/window_layer/memory_template.h"

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

/// Calls body(sums, first row, first token) for the tiles of a matrix [rows][stride]. The sums are not yet set.
template <class V, class Body>
AMSR_INLINE void for_each_tile(std::size_t rows, std::size_t stride, const Body& body) {
    const auto compute = [&](auto count, std::size_t row) AMSR_INLINE_LAMBDA {
        for (std::size_t token = 0; token < stride; token += V::panel * V::lanes) {
            typename V::Vector sums[decltype(count)::value][V::panel];
            body(sums, row, token);
        }
    };
    std::size_t row = 0;
    for (; row + V::tile <= rows; row += V::tile) compute(std::integral_constant<int, V::tile>{}, row);
    last_tile<V::tile - 1>(rows - row, row, compute);
}

/// Calls body(vector, row, first token) for the vectors of a tile, counted within it.
template <class V, int rows, class Body>
AMSR_INLINE void for_each_vector(typename V::Vector (&tile)[rows][V::panel], const Body& body) {
    AMSR_UNROLL
    for (int r = 0; r < rows; ++r) {
        AMSR_UNROLL
        for (int v = 0; v < V::panel; ++v) {
            body(tile[r][v], static_cast<std::size_t>(r), static_cast<std::size_t>(v * V::lanes));
        }
    }
}

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
    for_each_tile<V>(matrix.rows, stride, [&](auto& sums, std::size_t row, std::size_t token) AMSR_INLINE_LAMBDA {
        for_each_vector<V>(sums, [&](auto& sum, std::size_t r, std::size_t)
                                     AMSR_INLINE_LAMBDA { sum = V::set(matrix.bias[row + r]); });
        constexpr std::size_t rows = sizeof(sums) / sizeof(sums[0]);
        accumulate<V>(sums, matrix.weights + row * matrix.step_count, 1, rows, operand + token, stride,
                      matrix.step_count);
        store(sums, row, token);
    });
}

/// features += matrix x operand + bias.
template <class V>
void project_and_add(const Matrix<V>& matrix, const typename V::Word* operand, std::size_t stride, float* features) {
    project(matrix, operand, stride, [&](auto& sums, std::size_t row, std::size_t token) AMSR_INLINE_LAMBDA {
        for_each_vector<V>(sums, [&](const auto& sum, std::size_t r, std::size_t t) AMSR_INLINE_LAMBDA {
            float* const to = features + (row + r) * stride + token + t;
            V::store(to, V::add(V::load(to), sum));
        });
    });
}
