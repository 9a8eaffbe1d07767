// Vectors of 8 floats (AVX2, FMA, F16C), for inclusion in an unnamed namespace.

struct Avx2Vector {
    using Vector = __m256;
    static constexpr int lanes = 8;

    static Vector set(float value) { return _mm256_set1_ps(value); }
    static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
    static Vector subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
    static Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
    static Vector divide(Vector a, Vector b) { return _mm256_div_ps(a, b); }
    static Vector multiply_add(Vector a, Vector b, Vector sum) { return _mm256_fmadd_ps(a, b, sum); }
    static Vector minimum(Vector a, Vector b) { return _mm256_min_ps(a, b); }  // b where it is NaN
    static Vector maximum(Vector a, Vector b) { return _mm256_max_ps(a, b); }
    static Vector absolute(Vector x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }
    static Vector square_root(Vector x) { return _mm256_sqrt_ps(x); }
    static float sum(Vector x) {
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
    static Vector leaky_relu(Vector x, float slope) {
        const __m256 negative = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ);
        return _mm256_blendv_ps(x, _mm256_mul_ps(x, _mm256_set1_ps(slope)), negative);
    }
    static Vector round(Vector x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
    /// x * 2^exponent, where neither is subnormal.
    static Vector scale(Vector x, Vector exponent) {
        const __m256i shifted = _mm256_slli_epi32(_mm256_cvtps_epi32(exponent), 23);
        return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), shifted));
    }

    static Vector load(const float* from) { return _mm256_loadu_ps(from); }
    static Vector load(const float* from, int columns) {
        if (columns >= lanes) return load(from);
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        return _mm256_maskload_ps(from, _mm256_cmpgt_epi32(_mm256_set1_epi32(columns), lane));
    }
    template <class T>
    static Vector load(const T* from, int columns) {
        if (columns >= lanes) return load_all(from);
        T values[lanes] = {};
        std::memcpy(values, from, static_cast<std::size_t>(columns) * sizeof(T));
        return load_all(values);
    }
    static void store(float* to, Vector from) { _mm256_storeu_ps(to, from); }
    static void store(float* to, Vector from, int columns) {
        if (columns >= lanes) return store(to, from);
        float values[lanes];
        store(values, from);
        std::memcpy(to, values, static_cast<std::size_t>(columns) * sizeof(*to));
    }
    static void store(float16* to, Vector from, int columns) {
        const __m128i halves = _mm256_cvtps_ph(from, _MM_FROUND_TO_NEAREST_INT);
        if (columns >= lanes) return _mm_storeu_si128(reinterpret_cast<__m128i*>(to), halves);
        std::memcpy(to, &halves, static_cast<std::size_t>(columns) * sizeof(*to));
    }
    static void store(bfloat16* to, Vector from, int columns) {
        float values[lanes];
        store(values, from);
        for (int i = 0; i < lanes && i < columns; ++i) to[i] = to_bfloat16(values[i]);
    }

    static void transpose(Vector (&rows)[lanes]) {
        Vector pairs[lanes], fours[lanes];
        for (int i = 0; i < 4; ++i) {
            pairs[2 * i] = _mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
            pairs[2 * i + 1] = _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
        }
        for (int i = 0; i < 8; i += 4) {
            fours[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
            fours[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
            fours[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
            fours[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
        }
        for (int i = 0; i < 4; ++i) {
            rows[i] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20);
            rows[i + 4] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31);
        }
    }

  private:
    static Vector load_all(const float16* from) {
        return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    }
    static Vector load_all(const bfloat16* from) {
        const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
        return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
    }
};
