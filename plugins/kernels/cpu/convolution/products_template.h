// Part of convolution/template.h: see there. Sums of products that were computed tap by tap, see
// convolution/tap_products.h.
#pragma once

#include "cpu/convolution/epilogue_template.h"

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
