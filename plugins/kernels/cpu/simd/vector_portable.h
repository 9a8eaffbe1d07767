// Vectors of 4 floats in plain C++: the compiler's own, or an array where it has none; for inclusion in an unnamed
// namespace.

#ifdef __GNUC__
using Floats = float __attribute__((vector_size(16)));
#else
struct Floats {
    float values[4];
    float& operator[](int i) { return values[i]; }
    float operator[](int i) const { return values[i]; }
};

inline Floats operator+(Floats a, Floats b) { return {{a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]}}; }
inline Floats operator-(Floats a, Floats b) { return {{a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]}}; }
inline Floats operator*(Floats a, Floats b) { return {{a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]}}; }
inline Floats operator/(Floats a, Floats b) { return {{a[0] / b[0], a[1] / b[1], a[2] / b[2], a[3] / b[3]}}; }
inline Floats operator*(float a, Floats b) { return {{a * b[0], a * b[1], a * b[2], a * b[3]}}; }
#endif

struct PortableVector {
    using Vector = Floats;
    static constexpr int lanes = 4;

    template <class Function>
    static Vector map(const Function& function) {
        Vector result;
        for (int i = 0; i < lanes; ++i) result[i] = function(i);
        return result;
    }
    static Vector set(float value) {
        return map([&](int) { return value; });
    }
    static Vector add(Vector a, Vector b) { return a + b; }
    static Vector subtract(Vector a, Vector b) { return a - b; }
    static Vector multiply(Vector a, Vector b) { return a * b; }
    static Vector divide(Vector a, Vector b) { return a / b; }
    static Vector multiply_add(Vector a, Vector b, Vector sum) { return sum + a * b; }
    static Vector minimum(Vector a, Vector b) {  // b where it is NaN
        return map([&](int i) { return a[i] < b[i] ? a[i] : b[i]; });
    }
    static Vector maximum(Vector a, Vector b) {
        return map([&](int i) { return a[i] > b[i] ? a[i] : b[i]; });
    }
    static Vector absolute(Vector x) {
        return map([&](int i) { return std::fabs(x[i]); });
    }
    static Vector square_root(Vector x) {
        return map([&](int i) { return std::sqrt(x[i]); });
    }
    static float sum(Vector x) { return (x[0] + x[1]) + (x[2] + x[3]); }
    static Vector leaky_relu(Vector x, float slope) {
        return map([&](int i) { return x[i] < 0 ? slope * x[i] : x[i]; });
    }
    static constexpr float whole = 12582912.0f;  // 1.5 * 2^23: a sum with it has no place for a fraction
    /// For sizes below 2^22.
    static Vector round(Vector x) { return (x + set(whole)) - set(whole); }
    /// x * 2^exponent, where 2^exponent is a normal number.
    static Vector scale(Vector x, Vector exponent) {
        const Vector shifted = exponent + set(whole);
        return x * map([&](int i) { return float_of_bits((bits_of_float(shifted[i]) + 127u) << 23); });
    }

    static Vector load(const float* from) {
        Vector result;
        std::memcpy(&result, from, sizeof(result));
        return result;
    }
    template <class T>
    static Vector load(const T* from, int columns) {
        return map([&](int i) { return i < columns ? to_float(from[i]) : 0.0f; });
    }
    static void store(float* to, Vector from) { std::memcpy(to, &from, sizeof(from)); }
    template <class T>
    static void store(T* to, Vector from, int columns) {
        for (int i = 0; i < lanes && i < columns; ++i) assign(to[i], from[i]);
    }

    static void transpose(Vector (&rows)[lanes]) {
        for (int i = 0; i < lanes; ++i) {
            for (int j = 0; j < i; ++j) {
                const float upper = rows[j][i];
                rows[j][i] = rows[i][j];
                rows[i][j] = upper;
            }
        }
    }
};
