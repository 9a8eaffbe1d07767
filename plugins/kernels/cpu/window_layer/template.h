// A Transformer layer on one window, written once for all vector types. Each window_layer/SET.cpp includes its vector
// type and this file in an unnamed namespace, and is compiled with its own flags: nothing here may have external
// linkage, or the linker could pick the copy of one instruction set for all.
//
// Features are held transposed, one row of tokens a channel, and the tokens are the lanes of the vectors. Then each
// product of matrices is `weights x features` with broadcast weights and needs no padding of channels; normalisation
// and softmax run down the lanes; and the output of each product is the operand of the next as it is.
//
// A vector type `V` (simd/vector_SET.h) offers arithmetic on vectors of `lanes` floats, load and store of all storage
// types, and `transpose`; for products of matrices it offers Word, 4 bytes that hold `depth` inputs of a dot product:
// words of weights are broadcast, words of operands [inputs / depth][tokens] loaded, and `dot` adds their products to a
// sum. A tile is `tile` rows by `panel` vectors of sums.

#include "cpu/simd/activation_template.h"
#include "cpu/window_layer/attention_template.h"
#include "cpu/window_layer/packing_template.h"
#include "cpu/window_layer/products_template.h"

/// x * Phi(x) to 2e-7: max(x, 0) - |x| * Phi(-|x|), where the polynomial is log2(Phi(-|x|)) up to 6. Beyond, the second
/// term is below 6e-9 and stays that.
template <class V>
AMSR_INLINE typename V::Vector gelu(typename V::Vector x) {
    const auto size = V::minimum(V::set(6.0f), V::absolute(x));
    auto sum = V::set(-1.6904017e-6f);
    sum = V::multiply_add(sum, size, V::set(2.5083309e-5f));
    sum = V::multiply_add(sum, size, V::set(-1.14462695e-4f));
    sum = V::multiply_add(sum, size, V::set(-3.2334204e-4f));
    sum = V::multiply_add(sum, size, V::set(7.333384e-3f));
    sum = V::multiply_add(sum, size, V::set(-5.27142e-2f));
    sum = V::multiply_add(sum, size, V::set(-4.5911545e-1f));
    sum = V::multiply_add(sum, size, V::set(-1.1511233f));
    sum = V::multiply_add(sum, size, V::set(-9.9999887e-1f));
    return V::subtract(V::maximum(V::set(0.0f), x), V::multiply(size, power_of_2<V>(sum)));
}

/// features [channels][tokens] from the tokens' rows [channels].
template <class V, class T>
void gather(T* const* rows, std::size_t channels, std::size_t stride, float* features) {
    for (std::size_t token = 0; token < stride; token += V::lanes) {
        for (std::size_t channel = 0; channel < channels; channel += V::lanes) {
            const std::size_t left = channels - channel, count = left < V::lanes ? left : V::lanes;
            typename V::Vector block[V::lanes];
            AMSR_UNROLL
            for (int i = 0; i < V::lanes; ++i) block[i] = V::load(rows[token + i] + channel, static_cast<int>(count));
            V::transpose(block);
            AMSR_UNROLL
            for (int i = 0; i < V::lanes; ++i) {
                if (static_cast<std::size_t>(i) < count) V::store(features + (channel + i) * stride + token, block[i]);
            }
        }
    }
}

/// The inverse of `gather`, for the real tokens.
template <class V, class T>
void scatter(const float* features, std::size_t channels, std::size_t stride, std::size_t tokens, T* const* rows) {
    for (std::size_t token = 0; token < tokens; token += V::lanes) {
        for (std::size_t channel = 0; channel < channels; channel += V::lanes) {
            const std::size_t left = channels - channel, count = left < V::lanes ? left : V::lanes;
            typename V::Vector block[V::lanes];
            AMSR_UNROLL
            for (int i = 0; i < V::lanes; ++i) {
                const bool is_real = static_cast<std::size_t>(i) < count;
                block[i] = is_real ? V::load(features + (channel + i) * stride + token) : V::set(0.0f);
            }
            V::transpose(block);
            AMSR_UNROLL
            for (int i = 0; i < V::lanes; ++i) {
                if (token + i < tokens) V::store(rows[token + i] + channel, block[i], static_cast<int>(count));
            }
        }
    }
}

/// Layer normalisation over the channels of each token.
template <class V>
void normalise(const float* features, const typename Packed<V>::Norm& norm, float epsilon, std::size_t channels,
               std::size_t stride, typename V::Word* to) {
    using Vector = typename V::Vector;
    const Vector share = V::set(1.0f / static_cast<float>(channels));
    for (std::size_t token = 0; token < stride; token += V::panel * V::lanes) {
        const auto value = [&](std::size_t channel, int v) AMSR_INLINE_LAMBDA {
            return V::load(features + channel * stride + token + v * V::lanes);
        };
        Vector mean[V::panel], factor[V::panel];
        for (int v = 0; v < V::panel; ++v) mean[v] = factor[v] = V::set(0.0f);
        for (std::size_t channel = 0; channel < channels; ++channel) {
            for (int v = 0; v < V::panel; ++v) mean[v] = V::add(mean[v], value(channel, v));
        }
        for (int v = 0; v < V::panel; ++v) mean[v] = V::multiply(mean[v], share);
        for (std::size_t channel = 0; channel < channels; ++channel) {
            for (int v = 0; v < V::panel; ++v) {
                const Vector centred = V::subtract(value(channel, v), mean[v]);
                factor[v] = V::multiply_add(centred, centred, factor[v]);
            }
        }
        for (int v = 0; v < V::panel; ++v) {
            const Vector variance = V::multiply_add(factor[v], share, V::set(epsilon));
            factor[v] = V::divide(V::set(1.0f), V::square_root(variance));
        }
        for (std::size_t channel = 0; channel < channels; channel += V::depth) {
            Vector result[V::depth][V::panel];
            for (std::size_t d = 0; d < V::depth; ++d) {
                for (int v = 0; v < V::panel; ++v) {
                    if (channel + d < channels) {
                        const Vector scaled = V::multiply(V::subtract(value(channel + d, v), mean[v]), factor[v]);
                        result[d][v] =
                            V::multiply_add(scaled, V::set(norm.weight[channel + d]), V::set(norm.bias[channel + d]));
                    } else {
                        result[d][v] = V::set(0.0f);
                    }
                }
            }
            store_operand<V, V::depth>(result, to + channel / V::depth * stride + token, stride);
        }
    }
}

template <class V, class T>
void run(const WindowLayerShape& shape, const void* packed_memory, float epsilon, T* const* rows,
         const std::uint8_t* regions, void* scratch_memory) {
    const Packed<V> packed(Arena(const_cast<void*>(packed_memory)), shape);
    const Scratch<V> scratch(Arena(scratch_memory), shape);
    const std::size_t channels = shape.channels, tokens = shape.tokens, stride = scratch.stride;
    gather<V>(rows, channels, stride, scratch.features);
    normalise<V>(scratch.features, packed.norm1, epsilon, channels, stride, scratch.normalised);
    project_attention(shape, packed, scratch);
    if (regions != nullptr) separate_regions(tokens, regions, scratch);
    const std::size_t head_rows = padded_head<V>(shape), head_words = head_rows / V::depth * stride;
    for (std::size_t head = 0; head < shape.heads; ++head) {
        const std::size_t first = head * head_words;
        score(tokens, head_rows / V::depth, scratch.query + first, scratch.key + first,
              packed.position_bias + head * tokens * stride, regions, scratch);
        softmax(tokens, scratch);
        mix(head_rows, tokens, scratch.value + first, scratch, scratch.mixed + first);
    }
    project_and_add(packed.proj, scratch.mixed, stride, scratch.features);
    normalise<V>(scratch.features, packed.norm2, epsilon, channels, stride, scratch.normalised);
    project(packed.fc1, scratch.normalised, stride,
            [&](auto& sums, std::size_t row, std::size_t token) AMSR_INLINE_LAMBDA {
                for_each_vector<V>(sums,
                                   [](auto& sum, std::size_t, std::size_t) AMSR_INLINE_LAMBDA { sum = gelu<V>(sum); });
                store_operand<V>(sums, scratch.hidden + row / V::depth * stride + token, stride);
            });
    project_and_add(packed.fc2, scratch.hidden, stride, scratch.features);
    scatter<V>(scratch.features, channels, stride, tokens, rows);
}

template <class V, class T>
constexpr WindowLayerCode<T> code_of() {
    return {padded_tokens<V>, packed_bytes<V>, scratch_bytes<V>, pack<V, T>, run<V, T>};
}
