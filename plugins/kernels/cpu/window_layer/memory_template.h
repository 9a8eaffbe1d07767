// Part of window_layer/template.h: see there. Packed weights and scratch: what they hold, and where it lies.
#pragma once

constexpr std::size_t rounded_up(std::size_t value, std::size_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

template <class V>
constexpr std::size_t steps(std::size_t inputs) {
    return (inputs + V::depth - 1) / V::depth;
}

template <class V>
std::size_t padded_tokens(const WindowLayerShape& shape) {
    return rounded_up(shape.tokens, V::lanes * V::panel);
}

inline std::size_t head_channels(const WindowLayerShape& shape) { return shape.channels / shape.heads; }

/// Heads of an odd number of channels are padded to whole words.
template <class V>
std::size_t padded_head(const WindowLayerShape& shape) {
    return rounded_up(head_channels(shape), V::depth);
}

/// Rows of the queries, keys or values of all heads.
template <class V>
std::size_t attention_rows(const WindowLayerShape& shape) {
    return shape.heads * padded_head<V>(shape);
}

/// Hands out aligned parts of a block of memory; without one it only counts their bytes.
class Arena {
  public:
    explicit Arena(void* memory) : memory_(static_cast<unsigned char*>(memory)) {}

    template <class Element>
    Element* take(std::size_t count) {
        void* part = memory_ == nullptr ? nullptr : memory_ + used_;
        used_ += rounded_up(count * sizeof(Element), cache_line);
        return static_cast<Element*>(part);
    }
    std::size_t used() const { return used_; }

  private:
    unsigned char* memory_;
    std::size_t used_ = 0;
};

/// Weights [rows, inputs] and a bias. Packed as [tiles][steps][rows of the tile].
template <class V>
struct Matrix {
    Matrix(Arena& arena, std::size_t row_count, std::size_t inputs)
        : rows(row_count),
          step_count(steps<V>(inputs)),
          weights(arena.take<typename V::Word>(row_count * step_count)),
          bias(arena.take<float>(row_count)) {}

    std::size_t rows, step_count;
    typename V::Word* weights;
    float* bias;
};

template <class V>
struct Packed {
    Packed(Arena arena, const WindowLayerShape& shape)
        : norm1(arena, shape),
          query(arena, attention_rows<V>(shape), shape.channels),
          key(arena, attention_rows<V>(shape), shape.channels),
          value(arena, attention_rows<V>(shape), shape.channels),
          position_bias(arena.take<float>(shape.heads * shape.tokens * padded_tokens<V>(shape))),
          proj(arena, shape.channels, attention_rows<V>(shape)),
          norm2(arena, shape),
          fc1(arena, shape.hidden, shape.channels),
          fc2(arena, shape.channels, shape.hidden),
          bytes(arena.used()) {}

    struct Norm {
        Norm(Arena& arena, const WindowLayerShape& shape)
            : weight(arena.take<float>(shape.channels)), bias(arena.take<float>(shape.channels)) {}
        float *weight, *bias;
    };

    Norm norm1;
    Matrix<V> query, key, value;
    float* position_bias;  // [heads][key token][query token], in powers of 2
    Matrix<V> proj;
    Norm norm2;
    Matrix<V> fc1, fc2;
    std::size_t bytes;
};

/// What a window needs while it is computed. A row is one channel, or one word of channels, of all tokens.
template <class V>
struct Scratch {
    Scratch(Arena arena, const WindowLayerShape& shape)
        : stride(padded_tokens<V>(shape)),
          features(arena.take<float>(shape.channels * stride)),
          normalised(arena.take<Word>(steps<V>(shape.channels) * stride)),
          query(arena.take<Word>(attention_rows<V>(shape) / V::depth * stride)),
          key(arena.take<Word>(attention_rows<V>(shape) / V::depth * stride)),
          value(arena.take<Word>(attention_rows<V>(shape) / V::depth * stride)),
          scores(arena.take<float>(shape.tokens * stride)),
          probabilities(take_probabilities(arena, shape)),
          inverse_sums(arena.take<float>(stride)),
          separation(arena.take<float>(regions * stride)),
          mixed(arena.take<Word>(attention_rows<V>(shape) / V::depth * stride)),
          hidden(arena.take<Word>(steps<V>(shape.hidden) * stride)),
          bytes(arena.used()) {}

    using Word = typename V::Word;
    static constexpr std::size_t regions = 4;

    std::size_t stride;
    float* features;
    Word *normalised, *query, *key;
    Word* value;  // words of tokens: [channels][stride / depth]
    float* scores;
    Word* probabilities;  // in the place of the scores where they are of one type
    float *inverse_sums, *separation;
    Word *mixed, *hidden;
    std::size_t bytes;

  private:
    Word* take_probabilities(Arena& arena, const WindowLayerShape& shape) {
        if constexpr (V::depth == 1) {
            return scores;
        } else {
            return arena.take<Word>(steps<V>(shape.tokens) * stride);
        }
    }
};

template <class V>
std::size_t packed_bytes(const WindowLayerShape& shape) {
    return Packed<V>(Arena(nullptr), shape).bytes;
}

template <class V>
std::size_t scratch_bytes(const WindowLayerShape& shape) {
    return Scratch<V>(Arena(nullptr), shape).bytes;
}
