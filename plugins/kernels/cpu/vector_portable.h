// Vectors of 4 floats in plain C++, which compilers turn into what the processor has; for inclusion in an unnamed
// namespace.

struct PortableVector {
    struct Vector {
        float values[4];
    };
    static constexpr int lanes = 4;

    template <class Function>
    static Vector map(const Function& function) {
        return {{function(0), function(1), function(2), function(3)}};
    }
    static Vector set(float value) { return {{value, value, value, value}}; }
    static Vector add(Vector a, Vector b) {
        return map([&](int i) { return a.values[i] + b.values[i]; });
    }
    static Vector subtract(Vector a, Vector b) {
        return map([&](int i) { return a.values[i] - b.values[i]; });
    }
    static Vector multiply(Vector a, Vector b) {
        return map([&](int i) { return a.values[i] * b.values[i]; });
    }
    static Vector divide(Vector a, Vector b) {
        return map([&](int i) { return a.values[i] / b.values[i]; });
    }
    static Vector multiply_add(Vector a, Vector b, Vector sum) {
        return map([&](int i) { return sum.values[i] + a.values[i] * b.values[i]; });
    }
    static Vector minimum(Vector a, Vector b) {  // b where it is NaN
        return map([&](int i) { return a.values[i] < b.values[i] ? a.values[i] : b.values[i]; });
    }
    static Vector maximum(Vector a, Vector b) {
        return map([&](int i) { return a.values[i] > b.values[i] ? a.values[i] : b.values[i]; });
    }
    static Vector absolute(Vector x) {
        return map([&](int i) { return std::fabs(x.values[i]); });
    }
    static Vector square_root(Vector x) {
        return map([&](int i) { return std::sqrt(x.values[i]); });
    }
    /// For sizes below 2^22: what is added leaves no place for a fraction.
    static Vector round(Vector x) {
        constexpr float whole = 12582912.0f;  // 1.5 * 2^23
        return map([&](int i) { return (x.values[i] + whole) - whole; });
    }
    /// x * 2^exponent, where 2^exponent is a normal number.
    static Vector scale(Vector x, Vector exponent) {
        return map([&](int i) {
            const auto power = static_cast<std::uint32_t>(static_cast<std::int32_t>(exponent.values[i]) + 127);
            return x.values[i] * float_of_bits(power << 23);
        });
    }

    static Vector load(const float* from) { return {{from[0], from[1], from[2], from[3]}}; }
    template <class T>
    static Vector load(const T* from, int columns) {
        return map([&](int i) { return i < columns ? to_float(from[i]) : 0.0f; });
    }
    static void store(float* to, Vector from) { store(to, from, lanes); }
    template <class T>
    static void store(T* to, Vector from, int columns) {
        for (int i = 0; i < lanes && i < columns; ++i) assign(to[i], from.values[i]);
    }

    static void transpose(Vector (&rows)[lanes]) {
        for (int i = 0; i < lanes; ++i) {
            for (int j = 0; j < i; ++j) std::swap(rows[i].values[j], rows[j].values[i]);
        }
    }
};
