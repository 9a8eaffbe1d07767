// Part of convolution/template.h: see there. What becomes of sums: residual, activation, storage.
#pragma once

#include "cpu/simd/activation_template.h"

/// What lies `offset` further on; null where there is nothing.
template <class T>
AMSR_INLINE const T* further(const T* from, std::size_t offset) {
    return from == nullptr ? nullptr : from + offset;
}

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
