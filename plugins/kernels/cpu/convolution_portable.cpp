// Convolutions without intrinsics: the compiler's own vectors of 4 floats, or an array where it has none.
#include "convolution_code.h"

namespace amsr::cpu {
namespace {

#include "convolution_template.h"

#ifdef __GNUC__
using Floats = float __attribute__((vector_size(16)));
#else
struct Floats {
    float values[4];
    float& operator[](int i) { return values[i]; }
    float operator[](int i) const { return values[i]; }
};

Floats operator*(float a, Floats b) { return {{a * b[0], a * b[1], a * b[2], a * b[3]}}; }
Floats operator*(Floats a, Floats b) { return {{a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]}}; }
Floats operator+(Floats a, Floats b) { return {{a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]}}; }
#endif

template <class T>
struct Portable {
    using Storage = T;
    using Weight = float;
    using Vector = Floats;
    using WeightVector = Floats;
    using Input = float;
    static constexpr int lanes = 4, depth = 1, panel_max = 2;
    static constexpr int rows(int vectors) { return vectors == 2 ? 6 : 8; }
    static constexpr int unroll(int) { return 1; }
    static constexpr int dot_rows = 3;

    static Vector load(const float* from) {
        Vector result;
        std::memcpy(&result, from, sizeof(result));
        return result;
    }
    static WeightVector load_weights(const float* from) { return load(from); }
    static Vector load(const T* from, int columns) {
        Vector result{};
        for (int i = 0; i < lanes && i < columns; ++i) result[i] = to_float(from[i]);
        return result;
    }
    static Vector load_part(const T* from, int first, int last) {  // lanes [first, last), zero elsewhere
        Vector result{};
        for (int i = first; i < last; ++i) result[i] = to_float(from[i]);
        return result;
    }
    static Vector load_inputs(const T* from) { return load(from, lanes); }
    static Input broadcast(const T* from) { return to_float(*from); }
    static Input broadcast_last(const T* from) { return broadcast(from); }
    template <class Value>  // an Input, or a vector of inputs
    static Vector multiply_add(Value a, WeightVector b, Vector sum) {
        return sum + a * b;
    }
    static Vector set(float value) {
        Vector result;
        for (int i = 0; i < lanes; ++i) result[i] = value;
        return result;
    }
    static Vector add(Vector a, Vector b) { return a + b; }
    static Vector subtract(Vector a, Vector b) { return a + -1.0f * b; }
    static float sum(Vector x) { return (x[0] + x[1]) + (x[2] + x[3]); }
    static Vector leaky_relu(Vector x, float slope) {
        for (int i = 0; i < lanes; ++i) x[i] *= x[i] < 0 ? slope : 1.0f;
        return x;
    }
    static void store(T* to, Vector from, int columns) {
        for (int i = 0; i < lanes && i < columns; ++i) assign(to[i], from[i]);
    }
};

}  // namespace

const ConvolutionCode<float> portable_float = code_of<Portable<float>>();
const ConvolutionCode<float16> portable_float16 = code_of<Portable<float16>>();
const ConvolutionCode<bfloat16> portable_bfloat16 = code_of<Portable<bfloat16>>();

}  // namespace amsr::cpu
