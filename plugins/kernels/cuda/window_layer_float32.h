// WindowLayer in float32: plain, for those who want its digits. A thread makes outputs of one token; two threads share
// it.
#pragma once

#include "window_layer.h"

namespace amsr::cuda {

/// Places, in float32, of the packed weights, which stay as linear layers have them, and of the shared memory.
struct Float32Layer {
    int norm1_weight, norm1_bias, qkv_weight, qkv_bias, position, proj_weight, proj_bias;
    int norm2_weight, norm2_bias, fc1_weight, fc1_bias, fc2_weight, fc2_bias, size;
    int stride, head_stride, hidden_stride;         // of a token; odd, so that tokens lie in different banks
    int normed, mixed, heads, hidden, shared_size;  // x comes first; hidden takes the place of what attention needed

    AMSR_HOST_DEVICE static Float32Layer of(const WindowCall& call) {
        Float32Layer layer{};
        const int channels = call.channels, hidden = call.hidden;
        int used = 0;
        const auto take = [&used](int count) {
            used += count;
            return used - count;
        };
        layer.norm1_weight = take(channels);
        layer.norm1_bias = take(channels);
        layer.qkv_weight = take(3 * channels * channels);
        layer.qkv_bias = take(3 * channels);
        layer.position = take(call.heads * call.tokens * call.tokens);
        layer.proj_weight = take(channels * channels);
        layer.proj_bias = take(channels);
        layer.norm2_weight = take(channels);
        layer.norm2_bias = take(channels);
        layer.fc1_weight = take(hidden * channels);
        layer.fc1_bias = take(hidden);
        layer.fc2_weight = take(channels * hidden);
        layer.fc2_bias = take(channels);
        layer.size = used;
        layer.stride = channels | 1;
        layer.head_stride = call.head_channels | 1;
        layer.hidden_stride = hidden | 1;
        used = 0;
        take(window_tokens * layer.stride);
        layer.normed = take(window_tokens * layer.stride);
        layer.hidden = layer.mixed = take(window_tokens * layer.stride);
        layer.heads = take(2 * 3 * window_tokens * layer.head_stride);
        const int with_hidden = layer.hidden + window_tokens * layer.hidden_stride;
        layer.shared_size = used > with_hidden ? used : with_hidden;
        return layer;
    }
};

/// A thread's token, and which of the two threads that share it this is.
struct Float32Thread {
    const WindowCall& call;
    const Float32Layer layer;
    const float* weights;
    float* shared;
    int token, half;

    AMSR_DEVICE Float32Thread(const WindowCall& of, float* memory)
        : call(of),
          layer(Float32Layer::of(of)),
          weights(static_cast<const float*>(of.packed)),
          shared(memory),
          token(static_cast<int>(threadIdx.x) % window_tokens),
          half(static_cast<int>(threadIdx.x) / window_tokens) {}

    AMSR_DEVICE bool is_token() const { return token < call.tokens; }  // or padding

    AMSR_DEVICE float* row(int first, int stride) const { return shared + first + token * stride; }

    /// Every other output of a linear layer at this thread's token, four at a time, so that an input is read once for
    /// all four. row_of(i): the row of the weight that makes output i; store(i, value) takes it.
    template <class Row, class Store>
    AMSR_DEVICE void linear(const float* input, int inputs, int weight, int bias, int outputs, const Row& row_of,
                            const Store& store) const {
        constexpr int together = 4;
        for (int first = half; first < outputs; first += 2 * together) {
            const float* rows[together];
            float sums[together];
            AMSR_UNROLL
            for (int n = 0; n < together; ++n) {
                const int output = first + 2 * n, at = row_of(output < outputs ? output : first);
                rows[n] = weights + weight + at * inputs;
                sums[n] = weights[bias + at];
            }
            for (int i = 0; i < inputs; ++i) {
                AMSR_UNROLL
                for (int n = 0; n < together; ++n) sums[n] += input[i] * rows[n][i];
            }
            AMSR_UNROLL
            for (int n = 0; n < together; ++n) {
                if (first + 2 * n < outputs) store(first + 2 * n, sums[n]);
            }
        }
    }

    /// The same where output i is made by row i.
    template <class Store>
    AMSR_DEVICE void linear(const float* input, int inputs, int weight, int bias, int outputs,
                            const Store& store) const {
        linear(input, inputs, weight, bias, outputs, [](int output) { return output; }, store);
    }

    AMSR_DEVICE void normalize(const float* x, int weight, int bias, float* to) const {
        const int channels = call.channels;
        float mean = 0, squares = 0;
        for (int c = 0; c < channels; ++c) mean += x[c];
        mean /= static_cast<float>(channels);
        for (int c = 0; c < channels; ++c) squares += (x[c] - mean) * (x[c] - mean);
        const float variance = squares / static_cast<float>(channels);
        const float scale = is_token() ? rsqrtf(variance + call.epsilon) : 0.0f;  // not infinite where epsilon is zero
        for (int c = half; c < channels; c += 2)
            to[c] = (x[c] - mean) * scale * weights[weight + c] + weights[bias + c];
    }

    /// Bit k: whether the shift's cut lies between this token and token k.
    AMSR_DEVICE std::uint64_t find_apart(std::int64_t window) const {
        const WindowCut cut = WindowCut::of(call.grid, window);
        std::uint64_t apart = 0;
        for (int key = 0; key < call.tokens && cut.is_any(); ++key) {
            if (cut.part(key) != cut.part(token)) apart |= std::uint64_t{1} << key;
        }
        return apart;
    }

    /// The attention of one head at this token, to its channels of `mixed`.
    AMSR_DEVICE void attend(std::uint64_t apart, int head) const {
        const int width = call.head_channels, stride = layer.head_stride, part = window_tokens * stride;
        const float* keys = shared + layer.heads + (3 * half + 1) * part;
        const float* query = row(layer.heads + 3 * half * part, stride);
        const float scale = rsqrtf(static_cast<float>(width));
        float scores[window_tokens] = {}, highest = -INFINITY, sum = 0;
        for (int c = 0; c < width; ++c) {
            AMSR_UNROLL
            for (int key = 0; key < window_tokens; ++key) scores[key] += query[c] * scale * keys[key * stride + c];
        }
        const float* bias = weights + layer.position + (head * call.tokens + token) * call.tokens;
        AMSR_UNROLL
        for (int key = 0; key < window_tokens; ++key) {
            if (key < call.tokens) {
                scores[key] += bias[key] + ((apart >> key) % 2 != 0 ? window_apart : 0.0f);
            } else {
                scores[key] = -INFINITY;
            }
            highest = fmaxf(highest, scores[key]);
        }
        AMSR_UNROLL
        for (int key = 0; key < window_tokens; ++key) {
            scores[key] = expf(scores[key] - highest);
            sum += scores[key];
        }
        for (int c = 0; c < width; ++c) {
            float mix = 0;
            AMSR_UNROLL
            for (int key = 0; key < window_tokens; ++key) mix += scores[key] * keys[part + key * stride + c];
            row(layer.mixed, layer.stride)[head * width + c] = mix / sum;
        }
    }

    /// Queries, keys and values of one head at this token.
    AMSR_DEVICE void project_head(int head, int first) const {
        const int width = call.head_channels;
        linear(
            row(layer.normed, layer.stride), call.channels, layer.qkv_weight, layer.qkv_bias, 3 * width,
            [&](int i) { return i / width * call.channels + head * width + i % width; },
            [&](int i, float value) {
                row(first + i / width * window_tokens * layer.head_stride, layer.head_stride)[i % width] = value;
            });
    }
};

AMSR_KERNEL(window_threads) window_layer_float32(const WindowCall call) {
    const std::int64_t window = window_of_block(call);
    if (window < 0) return;
    const Float32Thread thread(call, reinterpret_cast<float*>(shared_memory()));
    const Float32Layer& layer = thread.layer;
    const int channels = call.channels;
    const bool is_token = thread.is_token();
    const std::int64_t place = is_token ? window_pixel(call.grid, window, thread.token) * channels : 0;
    float* const x = thread.row(0, layer.stride);
    float* const normed = thread.row(layer.normed, layer.stride);
    float* const mixed = thread.row(layer.mixed, layer.stride);
    float* const hidden = thread.row(layer.hidden, layer.hidden_stride);
    for (int c = thread.half; c < channels; c += 2)
        x[c] = is_token ? static_cast<const float*>(call.pixels)[place + c] : 0;
    __syncthreads();
    thread.normalize(x, layer.norm1_weight, layer.norm1_bias, normed);
    __syncthreads();
    const std::uint64_t apart = thread.find_apart(window);
    for (int head = 0; head < call.heads; head += 2) {  // two at a time, one for each thread of a token
        for (int other = 0; other < 2 && head + other < call.heads; ++other) {
            thread.project_head(head + other, layer.heads + other * 3 * window_tokens * layer.head_stride);
        }
        __syncthreads();
        if (is_token && head + thread.half < call.heads) thread.attend(apart, head + thread.half);
        __syncthreads();
    }
    if (is_token) {
        thread.linear(mixed, channels, layer.proj_weight, layer.proj_bias, channels,
                      [&](int c, float value) { x[c] += value; });
    }
    __syncthreads();
    thread.normalize(x, layer.norm2_weight, layer.norm2_bias, normed);
    __syncthreads();
    thread.linear(normed, channels, layer.fc1_weight, layer.fc1_bias, call.hidden,
                  [&](int i, float value) { hidden[i] = gelu(value); });
    __syncthreads();
    if (is_token) {
        float* const out = static_cast<float*>(call.out) + place;
        thread.linear(hidden, call.hidden, layer.fc2_weight, layer.fc2_bias, channels,
                      [&](int c, float value) { out[c] = x[c] + value; });
    }
}

}  // namespace amsr::cuda
