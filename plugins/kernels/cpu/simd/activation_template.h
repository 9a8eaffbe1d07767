// The exponential that softmax and activations share, and the activations of convolutions but the leaky ReLU, on the
// vectors of simd/vector_SET.h; for inclusion in an unnamed namespace.
#pragma once

constexpr float log2_e = 1.44269504f;

/// 2^(whole + part) to 1.6e-7, for part in [-1/2, 1/2] and whole in [-126, 127].
template <class V>
AMSR_INLINE typename V::Vector power_of_2(typename V::Vector whole, typename V::Vector part) {
    auto sum = V::set(1.3264727e-3f);
    sum = V::multiply_add(sum, part, V::set(9.671513e-3f));
    sum = V::multiply_add(sum, part, V::set(5.5507336e-2f));
    sum = V::multiply_add(sum, part, V::set(2.4022242e-1f));
    sum = V::multiply_add(sum, part, V::set(6.93147e-1f));
    return V::scale(V::multiply_add(sum, part, V::set(1.0f)), whole);
}

/// 2^x to 1.6e-7, for x up to 127. Below -125 it is 2^-125.
template <class V>
AMSR_INLINE typename V::Vector power_of_2(typename V::Vector x) {
    const auto clamped = V::maximum(V::set(-125.0f), x), whole = V::round(clamped);
    return power_of_2<V>(whole, V::subtract(clamped, whole));
}

/// Below it the sigmoid stays what it is here, 1.6e-38, so that nothing overflows.
constexpr float sigmoid_least = -87.0f;

/// 1 + e^-x, for x from sigmoid_least on.
template <class V>
AMSR_INLINE typename V::Vector inverse_sigmoid(typename V::Vector x) {
    constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;  // products with the high part are exact
    const auto clamped = V::minimum(V::set(-sigmoid_least), x);
    const auto whole = V::round(V::multiply(clamped, V::set(-log2_e)));
    auto left = V::multiply_add(whole, V::set(ln2_high), clamped);
    left = V::multiply_add(whole, V::set(ln2_low), left);
    return V::add(V::set(1.0f), power_of_2<V>(whole, V::multiply(left, V::set(-log2_e))));
}

/// 1 / (1 + e^-x) to a relative error of 2.5e-7 from sigmoid_least on.
template <class V>
AMSR_INLINE typename V::Vector sigmoid(typename V::Vector x) {
    return V::divide(V::set(1.0f), inverse_sigmoid<V>(V::maximum(V::set(sigmoid_least), x)));
}

/// x sigmoid(x) to a relative error of 2.5e-7 from sigmoid_least on, and to 2e-36 below.
template <class V>
AMSR_INLINE typename V::Vector silu(typename V::Vector x) {
    const auto clamped = V::maximum(V::set(sigmoid_least), x);
    return V::divide(clamped, inverse_sigmoid<V>(clamped));
}
