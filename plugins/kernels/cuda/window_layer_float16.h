// WindowLayer on tensor cores. Each of four warps owns 16 of the window's 64 tokens and keeps them in registers from
// the first load to the last store: the sums of one mma are the rows of the next. Only keys and values, which all warps
// need, pass through shared memory. Weights come in mma's order, 16 bytes a lane, from the L1 and L2 cache: all blocks
// read the same ones. Channels are padded to 64, those of a head to 16.
#pragma once

#include "window_layer.h"

namespace amsr::cuda {

constexpr int layer_channels = 64, layer_steps = layer_channels / 16, layer_tiles = layer_channels / 8;
constexpr int head_width = 16;
constexpr int key_tiles = window_tokens / 8;

/// Places of the packed weights: blocks of 16 x 16 float16, then vectors of float32.
struct Float16Layer {
    // counted in blocks
    int qkv, proj, fc1, fc2, position, blocks;
    // counted in float32
    int norm1_weight, norm1_bias, qkv_bias, proj_bias, norm2_weight, norm2_bias, fc1_bias, fc2_bias, vectors;
    int hidden_blocks;

    AMSR_HOST_DEVICE static Float16Layer of(const WindowCall& call) {
        Float16Layer layer{};
        layer.hidden_blocks = static_cast<int>(ceil_div(call.hidden, 16));
        int used = 0;
        const auto take = [&used](int count) {
            used += count;
            return used - count;
        };
        layer.qkv = take(3 * call.heads * layer_steps);
        layer.proj = take(call.heads * layer_steps);
        layer.fc1 = take(layer.hidden_blocks * layer_steps);
        layer.fc2 = take(layer.hidden_blocks * layer_steps);
        layer.position = take(call.heads * (window_tokens / 16) * (window_tokens / 16));
        layer.blocks = used;
        used = 0;
        layer.norm1_weight = take(layer_channels);
        layer.norm1_bias = take(layer_channels);
        layer.qkv_bias = take(3 * call.heads * head_width);
        layer.proj_bias = take(layer_channels);
        layer.norm2_weight = take(layer_channels);
        layer.norm2_bias = take(layer_channels);
        layer.fc1_bias = take(16 * layer.hidden_blocks);
        layer.fc2_bias = take(layer_channels);
        layer.vectors = used;
        return layer;
    }
    AMSR_HOST_DEVICE std::int64_t bytes() const { return std::int64_t{blocks} * 2 * mma_block_weights + 4 * vectors; }
};

/// Row, of 16, and column, of 16, of what a lane's place in two mma results side by side holds.
AMSR_HOST_DEVICE BlockPlace mma_result_place(int place) {
    const int lane = place / 8, i = place % 8;
    return {lane / 4 + 8 * (i / 2 % 2), i / 4 * 8 + lane % 4 * 2 + i % 2};
}

using Sums = float[layer_tiles][4];          // 16 tokens x 64 channels of a warp
using Rows = std::uint32_t[layer_steps][4];  // the same as the left side of mma

/// A warp's view of the call.
struct Float16Warp {
    const WindowCall& call;
    const Float16Layer layer;
    const Words4* blocks;
    const float* vectors;
    int lane, first_token;

    AMSR_DEVICE explicit Float16Warp(const WindowCall& of)
        : call(of),
          layer(Float16Layer::of(of)),
          blocks(static_cast<const Words4*>(of.packed)),
          vectors(reinterpret_cast<const float*>(static_cast<const unsigned char*>(of.packed) +
                                                 std::int64_t{layer.blocks} * 2 * mma_block_weights)),
          lane(static_cast<int>(threadIdx.x) % 32),
          first_token(static_cast<int>(threadIdx.x) / 32 * 16) {}

    AMSR_DEVICE Words4 block(int number) const { return blocks[number * 32 + lane]; }
    AMSR_DEVICE int row(int i) const { return lane / 4 + 8 * (i / 2); }  // of the warp's tokens
    AMSR_DEVICE int column(int tile, int i) const {
        return tile * 8 + lane % 4 * 2 + i % 2;
    }  // that value i of a tile has
};

/// Two tiles of sums side by side become 16 columns of a left side.
AMSR_DEVICE void to_rows(const float (&left)[4], const float (&right)[4], std::uint32_t (&rows)[4]) {
    rows[0] = half_pair(left[0], left[1]);
    rows[1] = half_pair(left[2], left[3]);
    rows[2] = half_pair(right[0], right[1]);
    rows[3] = half_pair(right[2], right[3]);
}

AMSR_DEVICE float add_across(float value) {  // the four lanes that share a row
    value += exchange(value, 1);
    return value + exchange(value, 2);
}

AMSR_DEVICE float max_across(float value) {
    value = fmaxf(value, exchange(value, 1));
    return fmaxf(value, exchange(value, 2));
}

AMSR_DEVICE void normalize(const Float16Warp& warp, const Sums& x, int weight, int bias, Rows& rows) {
    const float count = static_cast<float>(warp.call.channels);
    float mean[2], scale[2];
    AMSR_UNROLL
    for (int half = 0; half < 2; ++half) {  // rows lane / 4 and lane / 4 + 8; padding is zero
        float sum = 0, squares = 0;
        AMSR_UNROLL
        for (int tile = 0; tile < layer_tiles; ++tile) sum += x[tile][2 * half] + x[tile][2 * half + 1];
        mean[half] = add_across(sum) / count;
        AMSR_UNROLL
        for (int tile = 0; tile < layer_tiles; ++tile) {
            AMSR_UNROLL
            for (int i = 2 * half; i < 2 * half + 2; ++i) {
                const float centred = x[tile][i] - mean[half];
                squares += warp.column(tile, i) < warp.call.channels ? centred * centred : 0.0f;
            }
        }
        const float variance = add_across(squares) / count;
        const bool is_token = warp.first_token + warp.row(2 * half) < warp.call.tokens;
        scale[half] = is_token ? rsqrtf(variance + warp.call.epsilon) : 0.0f;  // not infinite where epsilon is zero
    }
    AMSR_UNROLL
    for (int step = 0; step < layer_steps; ++step) {
        float values[2][4];
        AMSR_UNROLL
        for (int t = 0; t < 2; ++t) {
            AMSR_UNROLL
            for (int i = 0; i < 4; ++i) {
                const int tile = 2 * step + t, column = warp.column(tile, i);
                values[t][i] = (x[tile][i] - mean[i / 2]) * scale[i / 2] * warp.vectors[weight + column] +
                               warp.vectors[bias + column];
            }
        }
        to_rows(values[0], values[1], rows[step]);
    }
}

/// sums [16 x 16] = rows [16 x 64] times the four blocks from `first` on, plus 16 biases.
AMSR_DEVICE void project(const Float16Warp& warp, const Rows& rows, int first, int bias, float (&sums)[2][4]) {
    AMSR_UNROLL
    for (int t = 0; t < 2; ++t) {
        AMSR_UNROLL
        for (int i = 0; i < 4; ++i) sums[t][i] = warp.vectors[bias + warp.column(t, i)];
    }
    AMSR_UNROLL
    for (int step = 0; step < layer_steps; ++step) {
        const Words4 w = warp.block(first + step);
        multiply_add(sums[0], rows[step], w.x, w.y);
        multiply_add(sums[1], rows[step], w.z, w.w);
    }
}

/// sums [16 x 64] += rows [16 x 16] times the four blocks from `first` on.
AMSR_DEVICE void accumulate(const Float16Warp& warp, const std::uint32_t (&rows)[4], int first, Sums& sums) {
    AMSR_UNROLL
    for (int column = 0; column < layer_steps; ++column) {
        const Words4 w = warp.block(first + column);
        multiply_add(sums[2 * column], rows, w.x, w.y);
        multiply_add(sums[2 * column + 1], rows, w.z, w.w);
    }
}

/// Where keys or values of a head lie in shared memory: [heads][2][64 tokens][16] float16, pieces of 16 bytes turned so
/// that eight rows of a matrix lie in different banks.
AMSR_HOST_DEVICE int key_place(int head, int is_value, int token, int piece) {
    return ((head * 2 + is_value) * window_tokens + token) * 2 * head_width + (piece ^ (token / 4 % 2)) * 16;
}

/// Keys (part 1) and values (part 2) of the warp's tokens, all heads, to shared memory.
AMSR_DEVICE void store_keys_and_values(const Float16Warp& warp, const Rows& normed, unsigned char* shared) {
    for (int head = 0; head < warp.call.heads; ++head) {
        AMSR_UNROLL
        for (int part = 1; part < 3; ++part) {
            const int at = part * warp.call.heads + head;
            float sums[2][4];
            project(warp, normed, warp.layer.qkv + at * layer_steps, warp.layer.qkv_bias + at * head_width, sums);
            AMSR_UNROLL
            for (int t = 0; t < 2; ++t) {
                AMSR_UNROLL
                for (int half = 0; half < 2; ++half) {
                    const int token = warp.first_token + warp.row(2 * half);
                    unsigned char* to = shared + key_place(head, part - 1, token, t) + warp.lane % 4 * 4;
                    *reinterpret_cast<std::uint32_t*>(to) = half_pair(sums[t][2 * half], sums[t][2 * half + 1]);
                }
            }
        }
    }
}

/// Bit 4 * tile + i: whether value i of a tile of scores is that of two pixels on either side of the shift's cut.
AMSR_DEVICE std::uint32_t find_apart(const Float16Warp& warp, std::int64_t window) {
    const WindowCut cut = WindowCut::of(warp.call.grid, window);
    std::uint32_t apart = 0;
    if (!cut.is_any()) return apart;
    AMSR_UNROLL
    for (int tile = 0; tile < key_tiles; ++tile) {
        AMSR_UNROLL
        for (int i = 0; i < 4; ++i) {
            const int key = warp.column(tile, i), query = warp.first_token + warp.row(i);
            if (cut.part(key) != cut.part(query)) apart |= 1u << (4 * tile + i);
        }
    }
    return apart;
}

/// Shift mask, and -inf beyond the window's tokens.
AMSR_DEVICE void mask_scores(const Float16Warp& warp, std::uint32_t apart, float (&scores)[key_tiles][4]) {
    if (apart == 0 && warp.call.tokens == window_tokens) return;
    AMSR_UNROLL
    for (int tile = 0; tile < key_tiles; ++tile) {
        AMSR_UNROLL
        for (int i = 0; i < 4; ++i) {
            if ((apart >> (4 * tile + i)) % 2 != 0) scores[tile][i] += window_apart;
            if (warp.column(tile, i) >= warp.call.tokens) scores[tile][i] = -INFINITY;
        }
    }
}

/// Scores [16 x 64] of one head: scaled products with all keys, position bias.
AMSR_DEVICE void score(const Float16Warp& warp, int head, const std::uint32_t (&queries)[4],
                       const unsigned char* shared, float (&scores)[key_tiles][4]) {
    AMSR_UNROLL
    for (int pair = 0; pair < key_tiles / 2; ++pair) {
        std::uint32_t keys[4];
        const int token = pair * 16 + warp.lane % 8 + warp.lane / 16 * 8;
        load_matrices(keys, shared + key_place(head, 0, token, warp.lane / 8 % 2));
        const int block = (head * (window_tokens / 16) + warp.first_token / 16) * (key_tiles / 2) + pair;
        const Words4 bias = warp.block(warp.layer.position + block);
        const std::uint32_t biases[2][2] = {{bias.x, bias.y}, {bias.z, bias.w}};
        AMSR_UNROLL
        for (int t = 0; t < 2; ++t) {
            float (&sums)[4] = scores[2 * pair + t];
            AMSR_UNROLL
            for (int i = 0; i < 4; ++i) sums[i] = 0;
            multiply_add(sums, queries, keys[2 * t], keys[2 * t + 1]);
            AMSR_UNROLL
            for (int half = 0; half < 2; ++half) {
                float first, second;
                split_pair(biases[t][half], first, second);
                sums[2 * half] += first;
                sums[2 * half + 1] += second;
            }
        }
    }
}

/// Scores become weights exp(score - max) [16 x 64], as the left side of mma; `scales` are one over their sums.
AMSR_DEVICE void weigh(float (&scores)[key_tiles][4], std::uint32_t (&weights)[key_tiles / 2][4], float (&scales)[2]) {
    AMSR_UNROLL
    for (int half = 0; half < 2; ++half) {
        float highest = -INFINITY, sum = 0;
        AMSR_UNROLL
        for (int tile = 0; tile < key_tiles; ++tile) {
            highest = fmaxf(highest, fmaxf(scores[tile][2 * half], scores[tile][2 * half + 1]));
        }
        highest = max_across(highest);
        AMSR_UNROLL
        for (int tile = 0; tile < key_tiles; ++tile) {
            AMSR_UNROLL
            for (int i = 2 * half; i < 2 * half + 2; ++i) {
                scores[tile][i] = expf(scores[tile][i] - highest);
                sum += scores[tile][i];
            }
        }
        scales[half] = 1.0f / add_across(sum);
    }
    AMSR_UNROLL
    for (int pair = 0; pair < key_tiles / 2; ++pair) to_rows(scores[2 * pair], scores[2 * pair + 1], weights[pair]);
}

/// sums += projection of the attention of all heads.
AMSR_DEVICE void attend(const Float16Warp& warp, std::int64_t window, const Rows& normed, const unsigned char* shared,
                        Sums& sums) {
    const float scale = rsqrtf(static_cast<float>(warp.call.head_channels));
    const std::uint32_t apart = find_apart(warp, window);
    for (int head = 0; head < warp.call.heads; ++head) {
        float query_sums[2][4];
        project(warp, normed, warp.layer.qkv + head * layer_steps, warp.layer.qkv_bias + head * head_width, query_sums);
        AMSR_UNROLL
        for (int i = 0; i < 8; ++i) query_sums[i / 4][i % 4] *= scale;
        std::uint32_t queries[4];
        to_rows(query_sums[0], query_sums[1], queries);
        float scores[key_tiles][4], scales[2], mixed[2][4] = {};
        score(warp, head, queries, shared, scores);
        mask_scores(warp, apart, scores);
        __syncwarp();  // mma takes a warp whose lanes run together
        std::uint32_t weights[key_tiles / 2][4];
        weigh(scores, weights, scales);
        AMSR_UNROLL
        for (int pair = 0; pair < key_tiles / 2; ++pair) {
            std::uint32_t values[4];
            const int token = pair * 16 + warp.lane % 16;
            load_transposed_matrices(values, shared + key_place(head, 1, token, warp.lane / 16));
            multiply_add(mixed[0], weights[pair], values[0], values[1]);
            multiply_add(mixed[1], weights[pair], values[2], values[3]);
        }
        AMSR_UNROLL
        for (int i = 0; i < 8; ++i) mixed[i / 4][i % 4] *= scales[i % 4 / 2];
        std::uint32_t rows[4];
        to_rows(mixed[0], mixed[1], rows);
        accumulate(warp, rows, warp.layer.proj + head * layer_steps, sums);
    }
}

/// sums += the second layer of the GELU of the first one.
AMSR_DEVICE void add_mlp(const Float16Warp& warp, const Rows& normed, Sums& sums) {
    for (int block = 0; block < warp.layer.hidden_blocks; ++block) {
        float hidden[2][4];
        project(warp, normed, warp.layer.fc1 + block * layer_steps, warp.layer.fc1_bias + 16 * block, hidden);
        AMSR_UNROLL
        for (int i = 0; i < 8; ++i) hidden[i / 4][i % 4] = gelu(hidden[i / 4][i % 4]);
        std::uint32_t rows[4];
        to_rows(hidden[0], hidden[1], rows);
        accumulate(warp, rows, warp.layer.fc2 + block * layer_steps, sums);
    }
}

AMSR_DEVICE void add_bias(const Float16Warp& warp, int bias, Sums& sums) {
    AMSR_UNROLL
    for (int tile = 0; tile < layer_tiles; ++tile) {
        AMSR_UNROLL
        for (int i = 0; i < 4; ++i) sums[tile][i] += warp.vectors[bias + warp.column(tile, i)];
    }
}

/// Calls body(sum, place in pixels) for all of the warp's sums that are no padding.
template <class Body>
AMSR_DEVICE void for_each_value(const Float16Warp& warp, std::int64_t window, Sums& sums, const Body& body) {
    AMSR_UNROLL
    for (int half = 0; half < 2; ++half) {
        const int token = warp.first_token + warp.row(2 * half);
        if (token >= warp.call.tokens) continue;
        const std::int64_t place = window_pixel(warp.call.grid, window, token) * warp.call.channels;
        AMSR_UNROLL
        for (int tile = 0; tile < layer_tiles; ++tile) {
            const int column = warp.column(tile, 0);
            if (column < warp.call.channels) body(&sums[tile][2 * half], place + column);
        }
    }
}

/// For an even number of channels: two neighbours are 4 bytes.
AMSR_KERNEL(window_threads) window_layer_float16(const WindowCall call) {
    const std::int64_t window = window_of_block(call);
    if (window < 0) return;
    unsigned char* const shared = shared_memory();
    const Float16Warp warp(call);
    Sums x = {};
    for_each_value(warp, window, x, [&](float* pair, std::int64_t place) {
        const auto* from = reinterpret_cast<const std::uint32_t*>(static_cast<const float16*>(call.pixels) + place);
        split_pair(*from, pair[0], pair[1]);
    });
    Rows normed;
    normalize(warp, x, warp.layer.norm1_weight, warp.layer.norm1_bias, normed);
    store_keys_and_values(warp, normed, shared);
    __syncthreads();
    add_bias(warp, warp.layer.proj_bias, x);
    attend(warp, window, normed, shared, x);
    normalize(warp, x, warp.layer.norm2_weight, warp.layer.norm2_bias, normed);
    add_bias(warp, warp.layer.fc2_bias, x);
    add_mlp(warp, normed, x);
    for_each_value(warp, window, x, [&](const float* pair, std::int64_t place) {
        auto* to = reinterpret_cast<std::uint32_t*>(static_cast<float16*>(call.out) + place);
        *to = half_pair(pair[0], pair[1]);
    });
}

}  // namespace amsr::cuda
