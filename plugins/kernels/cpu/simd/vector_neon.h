// Vectors of 4 floats (NEON, 64-bit ARM), for inclusion in an unnamed namespace.

struct NeonVector {
    using Vector = float32x4_t;
    static constexpr int lanes = 4;

    static Vector set(float value) { return vdupq_n_f32(value); }
    static Vector add(Vector a, Vector b) { return vaddq_f32(a, b); }
    static Vector subtract(Vector a, Vector b) { return vsubq_f32(a, b); }
    static Vector multiply(Vector a, Vector b) { return vmulq_f32(a, b); }
    static Vector divide(Vector a, Vector b) { return vdivq_f32(a, b); }
    static Vector multiply_add(Vector a, Vector b, Vector sum) { return vfmaq_f32(sum, a, b); }
    static Vector minimum(Vector a, Vector b) { return vminq_f32(a, b); }
    static Vector maximum(Vector a, Vector b) { return vmaxq_f32(a, b); }
    static Vector absolute(Vector x) { return vabsq_f32(x); }
    static Vector square_root(Vector x) { return vsqrtq_f32(x); }
    static float sum(Vector x) { return vaddvq_f32(x); }
    static Vector leaky_relu(Vector x, float slope) { return vbslq_f32(vcltzq_f32(x), vmulq_n_f32(x, slope), x); }
    static Vector round(Vector x) { return vrndnq_f32(x); }
    /// x * 2^exponent, where neither is subnormal.
    static Vector scale(Vector x, Vector exponent) {
        const int32x4_t shifted = vshlq_n_s32(vcvtnq_s32_f32(exponent), 23);
        return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), shifted));
    }

    static Vector load(const float* from) { return vld1q_f32(from); }
    template <class T>
    static Vector load(const T* from, int columns) {
        if (columns >= lanes) return load_all(from);
        T values[lanes] = {};
        std::memcpy(values, from, static_cast<std::size_t>(columns) * sizeof(T));
        return load_all(values);
    }
    static void store(float* to, Vector from) { vst1q_f32(to, from); }
    static void store(float* to, Vector from, int columns) {
        std::memcpy(to, &from, static_cast<std::size_t>(columns < lanes ? columns : lanes) * sizeof(*to));
    }
    static void store(float16* to, Vector from, int columns) {
        const float16x4_t halves = vcvt_f16_f32(from);
        std::memcpy(to, &halves, static_cast<std::size_t>(columns < lanes ? columns : lanes) * sizeof(*to));
    }
    static void store(bfloat16* to, Vector from, int columns) {
        float values[lanes];
        store(values, from);
        for (int i = 0; i < lanes && i < columns; ++i) to[i] = to_bfloat16(values[i]);
    }

    static void transpose(Vector (&rows)[lanes]) {
        const float32x4x2_t low = vtrnq_f32(rows[0], rows[1]), high = vtrnq_f32(rows[2], rows[3]);
        rows[0] = vcombine_f32(vget_low_f32(low.val[0]), vget_low_f32(high.val[0]));
        rows[1] = vcombine_f32(vget_low_f32(low.val[1]), vget_low_f32(high.val[1]));
        rows[2] = vcombine_f32(vget_high_f32(low.val[0]), vget_high_f32(high.val[0]));
        rows[3] = vcombine_f32(vget_high_f32(low.val[1]), vget_high_f32(high.val[1]));
    }

  private:
    static Vector load_all(const float* from) { return load(from); }
    static Vector load_all(const float16* from) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&from->bits))); }
    static Vector load_all(const bfloat16* from) {
        return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(&from->bits), 16));
    }
};
