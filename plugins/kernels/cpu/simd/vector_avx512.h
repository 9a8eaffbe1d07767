// Vectors of 16 floats (AVX-512 F, BW, DQ, VL), for inclusion in an unnamed namespace.

struct Avx512Vector {
    using Vector = __m512;
    static constexpr int lanes = 16;

    static Vector set(float value) { return _mm512_set1_ps(value); }
    static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
    static Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
    static Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
    static Vector divide(Vector a, Vector b) { return _mm512_div_ps(a, b); }
    static Vector multiply_add(Vector a, Vector b, Vector sum) { return _mm512_fmadd_ps(a, b, sum); }
    static Vector minimum(Vector a, Vector b) { return _mm512_min_ps(a, b); }  // b where it is NaN
    static Vector maximum(Vector a, Vector b) { return _mm512_max_ps(a, b); }
    static Vector absolute(Vector x) { return _mm512_abs_ps(x); }
    static Vector square_root(Vector x) { return _mm512_sqrt_ps(x); }
    static float sum(Vector x) { return _mm512_reduce_add_ps(x); }
    static Vector leaky_relu(Vector x, float slope) {
        const __mmask16 negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
        return _mm512_mask_mul_ps(x, negative, x, _mm512_set1_ps(slope));
    }
    static Vector round(Vector x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
    /// x * 2^exponent.
    static Vector scale(Vector x, Vector exponent) { return _mm512_scalef_ps(x, exponent); }

    static __mmask16 kept(int columns) {
        return static_cast<__mmask16>(columns >= lanes ? 0xffffu : (1u << columns) - 1u);
    }
    static Vector load(const float* from) { return _mm512_loadu_ps(from); }
    static Vector load(const float* from, int columns) { return _mm512_maskz_loadu_ps(kept(columns), from); }
    static Vector load(const float16* from, int columns) {
        return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(kept(columns), from));
    }
    static Vector load(const bfloat16* from, int columns) {
        const __m512i bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(kept(columns), from));
        return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
    }
    static void store(float* to, Vector from) { _mm512_storeu_ps(to, from); }
    static void store(float* to, Vector from, int columns) { _mm512_mask_storeu_ps(to, kept(columns), from); }
    static void store(float16* to, Vector from, int columns) {
        _mm256_mask_storeu_epi16(to, kept(columns), _mm512_cvtps_ph(from, _MM_FROUND_TO_NEAREST_INT));
    }
    static void store(bfloat16* to, Vector from, int columns) {  // as to_bfloat16
        const __m512i bits = _mm512_castps_si512(from);
        const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
        const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
        const __mmask16 is_nan = _mm512_cmp_ps_mask(from, from, _CMP_UNORD_Q);
        const __m512i result = _mm512_mask_or_epi32(rounded, is_nan, bits, _mm512_set1_epi32(0x400000));
        _mm256_mask_storeu_epi16(to, kept(columns), _mm512_cvtepi32_epi16(_mm512_srli_epi32(result, 16)));
    }

    static void transpose(Vector (&rows)[lanes]) {
        Vector pairs[lanes], fours[lanes];
        for (int i = 0; i < 8; ++i) {
            pairs[2 * i] = _mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
            pairs[2 * i + 1] = _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
        }
        for (int i = 0; i < 16; i += 4) {
            fours[i] = unpack_low(pairs[i], pairs[i + 2]);
            fours[i + 1] = unpack_high(pairs[i], pairs[i + 2]);
            fours[i + 2] = unpack_low(pairs[i + 1], pairs[i + 3]);
            fours[i + 3] = unpack_high(pairs[i + 1], pairs[i + 3]);
        }
        // The quarters of fours[i + 4k] are columns i, i + 4, i + 8, i + 12 of rows 4k to 4k + 3.
        for (int i = 0; i < 4; ++i) {
            const Vector even_low = _mm512_shuffle_f32x4(fours[i], fours[i + 4], 0x88);
            const Vector even_high = _mm512_shuffle_f32x4(fours[i + 8], fours[i + 12], 0x88);
            const Vector odd_low = _mm512_shuffle_f32x4(fours[i], fours[i + 4], 0xdd);
            const Vector odd_high = _mm512_shuffle_f32x4(fours[i + 8], fours[i + 12], 0xdd);
            rows[i] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
            rows[i + 4] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
            rows[i + 8] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
            rows[i + 12] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
        }
    }

  private:
    static Vector unpack_low(Vector a, Vector b) {
        return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
    }
    static Vector unpack_high(Vector a, Vector b) {
        return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
    }
};
