// The implicit GEMM that all convolutions are: rows of memory, named by a table or by arithmetic, times packed weights.
// What both element types share: where rows come from, how they reach shared memory, how sums become results.
#pragma once

#include "device.h"
#include "epilogue.h"
#include "packing.h"
#include "picture.h"

namespace amsr::cuda {

constexpr int gemm_threads = 128;
constexpr int gemm_stages = 3;

/// Division by a number that stays, as a multiplication: exact below 2^24 for divisors below 2^16.
class Divisor {
  public:
    Divisor() = default;
    explicit Divisor(int divisor) : factor_((std::uint64_t{1} << 40) / static_cast<unsigned>(divisor) + 1) {}

    AMSR_HOST_DEVICE int quotient(int dividend) const {
        return static_cast<int>(static_cast<unsigned>(dividend) * factor_ >> 40);
    }

  private:
    std::uint64_t factor_;
};

/// One call. Rows of the GEMM are masked pixels or pixels of the picture.
struct Gemm {
    PackedLayout layout;
    Divisor group_inputs;  // of the layout
    std::int64_t rows;
    const void* inputs[pointwise_inputs_max];  // the first one only, unless pointwise
    const void* surround;
    std::uint32_t row_count, outside;  // table entries below row_count are rows, below `outside` the surround
    const std::int32_t* neighbors;     // null: a dense convolution of a picture of this size
    int height, width, kernel_size;
    int channels;  // of an input
    const void* weights;
    const float* bias;
    PixelResidual residual;
    void* out;
    Activation activation;
    int store_width;  // results that are stored at once
};

/// Byte of a 16-byte piece in a tile of rows of 64 or 128 bytes, such that eight rows' pieces lie in different banks.
/// Rows that are eight apart lie alike: callers add multiples of eight rows outside, where the compiler sees a
/// constant.
template <int row_bytes>
AMSR_HOST_DEVICE int swizzled(int row, int piece) {
    const unsigned turn = static_cast<unsigned>(row) / (128 / row_bytes) % (row_bytes / 16);
    return row * row_bytes + static_cast<int>(static_cast<unsigned>(piece) ^ turn) * 16;
}

/// The neighbour table of a block's rows, copied from that of the call.
template <int tile_rows>
AMSR_DEVICE void copy_table(const Gemm& gemm, std::int64_t first_row, std::int32_t* table) {
    const int taps = gemm.layout.taps;
    const std::int32_t* const from = gemm.neighbors + first_row * taps;
    const std::int64_t entries = (gemm.rows - first_row) * taps;
    for (int i = static_cast<int>(threadIdx.x); i < tile_rows * taps; i += gemm_threads) {
        table[i] = i < entries ? from[i] : -1;
    }
}

/// The same for the pixels of a picture. A thread takes whole rows, so that it divides once for all taps.
template <int tile_rows>
AMSR_DEVICE void make_table(const Gemm& gemm, std::int64_t first_row, std::int32_t* table) {
    const int size = gemm.kernel_size;
    for (int row = static_cast<int>(threadIdx.x); row < tile_rows; row += gemm_threads) {
        const bool is_pixel = first_row + row < gemm.rows;
        const int pixel = is_pixel ? static_cast<int>(first_row) + row : 0, y = pixel / gemm.width;
        const int top = y - size / 2, left = pixel - y * gemm.width - size / 2;
        std::int32_t* entry = table + row * gemm.layout.taps;
        for (int line = top; line < top + size; ++line) {
            const bool is_line = is_pixel && line >= 0 && line < gemm.height;
            for (int column = left; column < left + size; ++column) {
                const bool inside = is_line && column >= 0 && column < gemm.width;
                *entry++ = inside ? line * gemm.width + column : -1;
            }
        }
    }
}

/// Starts to copy a piece of a row to shared memory; zeros where it is not valid.
template <int bytes>
AMSR_DEVICE void copy_piece(unsigned char* to, const void* from, bool valid) {
    if constexpr (bytes >= 4) {
        copy_async<bytes>(to, from, valid);
    } else {
        std::uint16_t value = 0;
        if (valid) value = *static_cast<const std::uint16_t*>(from);
        *reinterpret_cast<std::uint16_t*>(to) = value;
    }
}

/// Starts to load one chunk of depth of a block's rows [tile_rows][row_bytes], `bytes` at a time.
template <class T, int bytes, int tile_rows, int row_bytes, bool is_pointwise>
AMSR_DEVICE void load_rows(const Gemm& gemm, std::int64_t first_row, const std::int32_t* table, int first_channel,
                           int chunk, unsigned char* tile) {
    constexpr int pieces = row_bytes / bytes, rows_at_a_time = gemm_threads / pieces,
                  size = static_cast<int>(sizeof(T));
    const int piece = static_cast<int>(threadIdx.x) % pieces;
    const int depth = chunk * (row_bytes / size) + piece * (bytes / size);
    const bool inside = depth < gemm.layout.depth();
    const int tap = inside ? gemm.group_inputs.quotient(depth) : 0;
    const int channel = first_channel + (inside ? depth - tap * gemm.layout.group_inputs : 0);
    const std::int64_t first = channel + (is_pointwise ? first_row * gemm.channels : 0);
    const auto* const input = static_cast<const unsigned char*>(gemm.inputs[is_pointwise ? tap : 0]) + first * size;
    const auto* const surround = static_cast<const unsigned char*>(gemm.surround) + channel * size;
    const auto stride = static_cast<std::uint32_t>(gemm.channels * size);
    const std::int64_t rows_left = gemm.rows - first_row;
    const auto tile_end = static_cast<std::uint32_t>(rows_left < tile_rows ? rows_left : tile_rows);
    const std::uint32_t end = !inside ? 0 : is_pointwise ? tile_end : gemm.outside;
    constexpr int passes = tile_rows / rows_at_a_time;
    AMSR_UNROLL_8
    for (int pass = 0; pass < passes; ++pass) {
        const int eights = pass * rows_at_a_time / 8 * 8;  // rows, a constant
        const int within = static_cast<int>(threadIdx.x) / pieces + pass * rows_at_a_time - eights;
        const int row = eights + within;
        const unsigned char* from = input;
        auto at = static_cast<std::uint32_t>(is_pointwise ? row : table[row * gemm.layout.taps + tap]);
        const bool valid = at < end;
        if (!is_pointwise && at >= gemm.row_count) {
            from = surround;
            at -= gemm.row_count;
        }
        from += std::uint64_t{valid ? at : 0} * stride;
        unsigned char* const place = tile + eights * row_bytes + swizzled<row_bytes>(within, piece * bytes / 16);
        copy_piece<bytes>(place + piece * bytes % 16, from, valid);
    }
}

/// Starts to load the weights of one chunk.
template <int bytes>
AMSR_DEVICE void load_weights(const unsigned char* weights, unsigned char* tile) {
    constexpr int pass_bytes = gemm_threads * 16;
    AMSR_UNROLL
    for (int pass = 0; pass * pass_bytes < bytes; ++pass) {
        const int at = pass * pass_bytes + static_cast<int>(threadIdx.x) * 16;
        if ((pass + 1) * pass_bytes <= bytes || at < bytes) copy_async<16>(tile + at, weights + at, true);
    }
}

/// Values that lie side by side, moved 16 bytes at a time where they fill them.
template <class T, int count>
struct alignas(count * sizeof(T) < 16 ? count * sizeof(T) : 16) Values {
    T values[count];

    AMSR_DEVICE static Values read(const T* from) { return *reinterpret_cast<const Values*>(from); }

    /// From a channel on; after the last one they start again.
    AMSR_DEVICE static Values repeat(const T* from, int channel, int channels) {
        Values result;
        AMSR_UNROLL
        for (int i = 0; i < count; ++i) {
            result.values[i] = from[channel];
            channel = channel + 1 < channels ? channel + 1 : 0;
        }
        return result;
    }
};

/// 1 / (1 + e^-x) with a relative error of at most (4 + |x|) 2^-23; zero below -87.
AMSR_DEVICE float sigmoid(float x) { return reciprocal(1.0f + exp2_of(-1.44269504f * x)); }

/// Results of one lane that lie side by side: adds bias and residual, activates, stores.
template <class T, int count>
AMSR_DEVICE void store_results(const Gemm& gemm, const Values<float, count>& sums, const Values<float, count>& bias,
                               const Values<T, count>& residual, std::int64_t place) {
    Values<T, count> results;
    const auto activate = [&](const auto& activation) {
        AMSR_UNROLL
        for (int i = 0; i < count; ++i) {
            assign(results.values[i], activation(sums.values[i] + bias.values[i], to_float(residual.values[i])));
        }
    };
    if (gemm.activation.kind == Activation::silu) {
        activate([](float sum, float added) { return sum * sigmoid(sum) + added; });
    } else if (gemm.activation.kind == Activation::attention) {
        activate([](float sum, float added) { return (sum + added) * (sigmoid(sum) - 0.5f); });
    } else {
        activate([&](float sum, float added) {
            const float value = sum + added;
            return value < 0 ? value * gemm.activation.negative_slope : value;
        });
    }
    *reinterpret_cast<Values<T, count>*>(static_cast<T*>(gemm.out) + place) = results;
}

/// One warp turns sums [tile_rows][stride] into results. A lane keeps to its outputs and goes down the rows.
template <class T, int tile, int count>
AMSR_DEVICE void store_rows(const Gemm& gemm, const float* sums, int stride, int tile_rows, std::int64_t first_row,
                            int group, int tile_of_group) {
    constexpr int pieces = tile / count, across = pieces < 32 ? pieces : 32, down = 32 / across;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    if (lane >= down * across) return;
    const PackedLayout& layout = gemm.layout;
    const int first_channel = group * layout.channels, channels = layout.groups * layout.channels;
    const float* const bias = gemm.bias + (std::int64_t{group} * layout.tiles + tile_of_group) * tile;
    const auto* const residual = static_cast<const T*>(gemm.residual.values);
    for (int output = lane % across * count; output < tile; output += across * count) {
        const int position = tile_of_group * tile + output, channel = position % layout.channels;  // in the group
        if (position >= layout.group_outputs) return;
        const auto biases = Values<float, count>::read(bias + output);
        const std::int64_t offset =
            shuffled_offset(position / layout.channels, channels, layout.upscale, gemm.width) + first_channel + channel;
        for (int row = lane / across; row < tile_rows && first_row + row < gemm.rows; row += down) {
            const std::int64_t pixel = first_row + row;
            const std::int64_t place = shuffled_pixel(pixel, channels, layout.upscale, gemm.width) + offset;
            Values<T, count> added{};
            if (residual != nullptr) {
                added = gemm.residual.is_nearest ? Values<T, count>::repeat(residual + pixel * channels + first_channel,
                                                                            channel, layout.channels)
                                                 : Values<T, count>::read(residual + place);
            }
            store_results<T, count>(gemm, Values<float, count>::read(sums + row * stride + output), biases, added,
                                    place);
        }
    }
}

/// Stores as many results at once as the call allows.
template <class T, int tile, int count = 16 / static_cast<int>(sizeof(T))>
AMSR_DEVICE void store(const Gemm& gemm, const float* sums, int stride, int tile_rows, std::int64_t first_row,
                       int group, int tile_of_group) {
    if constexpr (count > 1) {
        if (gemm.store_width < count) {
            return store<T, tile, count / 2>(gemm, sums, stride, tile_rows, first_row, group, tile_of_group);
        }
    }
    store_rows<T, tile, count>(gemm, sums, stride, tile_rows, first_row, group, tile_of_group);
}

/// What a block computes. Tiles of the same rows run side by side, so that they find the rows in the L2 cache.
struct BlockTile {
    std::int64_t first_row;
    int group, tile;  // of outputs, within the group

    AMSR_DEVICE static BlockTile of(const Gemm& gemm, int tile_rows) {
        const unsigned columns = static_cast<unsigned>(gemm.layout.groups * gemm.layout.tiles);
        const int column = static_cast<int>(blockIdx.x % columns);
        return {std::int64_t{blockIdx.x / columns} * tile_rows, column / gemm.layout.tiles, column % gemm.layout.tiles};
    }
    AMSR_DEVICE std::int64_t weights(const Gemm& gemm) const {  // place of the first one
        return (std::int64_t{group} * gemm.layout.tiles + tile) * gemm.layout.chunks * gemm.layout.piece;
    }
};

/// Hands the chunks of a block's depth to `add` one by one, in shared memory `stages`, while the next ones are loaded.
/// Sizes: of a block's stages. `bytes`: what is loaded of a row at once.
template <class T, class Sizes, int bytes, bool is_pointwise, class Add>
AMSR_DEVICE void for_each_chunk(const Gemm& gemm, const BlockTile& at, unsigned char* stages, const Add& add) {
    auto* const table = reinterpret_cast<std::int32_t*>(stages + Sizes::shared_bytes);
    const unsigned char* weights =
        static_cast<const unsigned char*>(gemm.weights) + static_cast<int>(sizeof(T)) * at.weights(gemm);
    const int chunks = gemm.layout.chunks, first_channel = at.group * gemm.layout.group_inputs;
    if (!is_pointwise) {
        if (gemm.neighbors != nullptr) {
            copy_table<Sizes::rows>(gemm, at.first_row, table);
        } else {
            make_table<Sizes::rows>(gemm, at.first_row, table);
        }
        __syncthreads();
    }
    const auto load = [&](int chunk) {
        unsigned char* stage = stages + chunk % gemm_stages * Sizes::stage_bytes;
        if (chunk < chunks) {
            load_rows<T, bytes, Sizes::rows, Sizes::row_bytes, is_pointwise>(gemm, at.first_row, table, first_channel,
                                                                             chunk, stage);
            load_weights<Sizes::weight_bytes>(weights + std::int64_t{chunk} * Sizes::weight_bytes,
                                              stage + Sizes::rows * Sizes::row_bytes);
        }
        commit_copies();
    };
    AMSR_UNROLL
    for (int chunk = 0; chunk < gemm_stages - 1; ++chunk) load(chunk);
    for (int chunk = 0; chunk < chunks; ++chunk) {
        wait_for_copies<gemm_stages - 2>();
        __syncthreads();  // the chunk is there, and nobody reads the one before it any more
        load(chunk + gemm_stages - 1);
        __syncwarp();  // mma takes a warp whose lanes run together
        add(stages + chunk % gemm_stages * Sizes::stage_bytes);
    }
    wait_for_copies<0>();
    __syncthreads();
}

}  // namespace amsr::cuda
