// A row of pixels of three rows of planes, for inclusion in an unnamed namespace; V is a vector of floats, and stores
// three of them as pixels.

template <class T>
constexpr float white = std::is_floating_point_v<T> ? 1.0f : static_cast<float>(std::numeric_limits<T>::max());

/// Stores V::lanes pixels, clipped and scaled to T's range. NaN becomes a number.
template <class V, class T>
void store_clipped(const typename V::Vector (&planes)[3], T* pixels) {
    typename V::Vector samples[3];
    for (int channel = 0; channel < 3; ++channel) {
        const auto clipped = V::minimum(V::maximum(V::set(0.0f), planes[channel]), V::set(1.0f));
        samples[channel] = V::multiply(clipped, V::set(white<T>));
    }
    V::store_pixels(samples, pixels);
}

template <class V>
void replace_by_mean(typename V::Vector (&planes)[3]) {
    const auto mean = V::divide(V::add(V::add(planes[0], planes[1]), planes[2]), V::set(3.0f));
    for (auto& plane : planes) plane = mean;
}

template <class V>
bool is_zero(typename V::Vector vector) {
    float values[V::lanes];
    V::store(values, vector);
    bool zero = true;
    for (const float value : values) zero = zero && value == 0.0f;
    return zero;
}

template <class V, class T>
bool interleave_row(const float* const* rows, std::size_t count, bool grey, T* pixels) {
    typename V::Vector planes[3], zeros = V::set(0.0f);  // sums of 0 times a value: NaN where one is not finite
    const auto store_planes = [&](T* to) {
        for (const auto plane : planes) zeros = V::multiply_add(plane, V::set(0.0f), zeros);
        if (grey) replace_by_mean<V>(planes);
        store_clipped<V>(planes, to);
    };
    std::size_t x = 0;
    for (; x + V::lanes <= count; x += V::lanes) {
        for (int channel = 0; channel < 3; ++channel) planes[channel] = V::load(rows[channel] + x);
        store_planes(pixels + 3 * x);
    }
    if (x < count) {
        T last[3 * V::lanes];
        const std::size_t left = count - x;
        for (int channel = 0; channel < 3; ++channel) {
            planes[channel] = V::load(rows[channel] + x, static_cast<int>(left));
        }
        store_planes(last);
        std::memcpy(pixels + 3 * x, last, 3 * left * sizeof(T));
    }
    return is_zero<V>(zeros);
}

template <class V, class T>
constexpr InterleaveCode<T> interleave_code() {
    return {interleave_row<V, T>};
}
