#include "cpu/convolution/convolution.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "cpu/simd/prefetch.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

constexpr std::size_t alignment = cache_line;  // and the widest vector

std::size_t rounded_up(std::size_t value, std::size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

/// How many of the vectors from `first` on make a panel: those that read the same taps, of one group or one of each.
int panel_vectors(const std::vector<OutputVector>& vectors, std::size_t first, int most, bool per_group) {
    for (int count = most; count > 1; --count) {
        if (first + static_cast<std::size_t>(count) > vectors.size()) continue;
        const auto fits = [&](const OutputVector& vector) {
            return (per_group || vector.group == vectors[first].group) && vector.taps == vectors[first].taps;
        };
        const auto begin = vectors.begin() + static_cast<std::ptrdiff_t>(first);
        if (std::all_of(begin, begin + count, fits)) return count;
    }
    return 1;
}

/// Appends weights to packed memory, as floats or as they are stored.
template <class T>
class WeightWriter {
  public:
    WeightWriter(void* to, std::size_t weight_bytes) : to_(static_cast<unsigned char*>(to)), bytes_(weight_bytes) {}

    void write(const T* weight) {  // null: a zero
        const float value = weight == nullptr ? 0.0f : to_float(*weight);
        if (bytes_ == sizeof(value)) {
            std::memcpy(to_, &value, sizeof(value));
        } else if (weight != nullptr) {
            std::memcpy(to_, weight, sizeof(T));
        } else {
            std::memset(to_, 0, sizeof(T));
        }
        to_ += bytes_;
    }

    const void* position() const { return to_; }

  private:
    unsigned char* to_;
    std::size_t bytes_;
};

/// The first aligned address in a buffer that is made this large.
void* aligned(std::vector<unsigned char>& buffer, std::size_t bytes) {
    std::size_t room = bytes + alignment;
    buffer.resize(room);
    void* address = buffer.data();
    return std::align(alignment, bytes, address, room);
}

/// Whether sums over lanes of inputs cost less than lanes of outputs most of which stay empty.
template <class T>
bool use_dots(const ConvolutionShape& shape, const ConvolutionCode<T>& code) {
    return shape.groups == 1 && shape.upscale == 1 && 2 * shape.outputs <= code.lanes &&
           shape.inputs % (code.lanes * code.depth) == 0;
}

}  // namespace

template <class T>
Convolution<T>::Convolution(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
                            const Activation& activation)
    : code_(&vector_code<ConvolutionCode<T>>(set)),
      packed_{shape, activation, nullptr, 0, nullptr, nullptr},
      zeros_(shape.inputs) {
    if (shape.groups == 0 || shape.inputs % shape.groups != 0 ||
        shape.outputs % (shape.groups * shape.upscale * shape.upscale) != 0) {
        throw std::invalid_argument("channels are not a multiple of the groups");
    }
    const bool dots = use_dots(shape, *code_);
    run_ = dots ? code_->run_dots : code_->run;
    dots ? pack_dots(weight, bias) : pack_panels(weight, bias);
}

template <class T>
void Convolution<T>::pack_panels(const T* weight, const T* bias) {
    const ConvolutionShape& shape = packed_.shape;
    const std::size_t inputs = shape.group_inputs(), lanes = code_->lanes, depth = code_->depth;
    const auto weights_of = [&](std::size_t output, std::size_t tap) {
        return weight + (output * shape.taps + tap) * inputs;
    };
    std::vector<OutputVector> vectors = output_vectors(shape, lanes);
    std::size_t tap_total = 0;
    for (OutputVector& vector : vectors) {
        for (std::uint32_t tap = 0; tap < shape.taps; ++tap) {
            const bool used = std::any_of(vector.outputs.begin(), vector.outputs.end(), [&](std::size_t output) {
                const T* values = weights_of(output, tap);
                return std::any_of(values, values + inputs, [](T value) { return !(to_float(value) == 0.0f); });
            });
            if (used) vector.taps.push_back(tap);
        }
        tap_total += vector.taps.size();
    }
    const bool per_group = shape.groups > 1 && vectors.size() == shape.groups;
    taps_.reserve(tap_total);
    bias_.assign(vectors.size() * lanes, 0.0f);
    const std::size_t tap_bytes = rounded_up(inputs, depth) * lanes * code_->weight_bytes;
    WeightWriter<T> writer(aligned(weights_, tap_total * tap_bytes), code_->weight_bytes);
    for (std::size_t first = 0; first < vectors.size();) {
        ConvolutionPanel panel{};
        panel.vectors = panel_vectors(vectors, first, code_->panel_max, per_group);
        panel.per_group = per_group && panel.vectors > 1;
        panel.first_input = vectors[first].group * inputs;
        panel.taps = taps_.data() + taps_.size();
        panel.tap_count = vectors[first].taps.size();
        taps_.insert(taps_.end(), vectors[first].taps.begin(), vectors[first].taps.end());
        panel.weights = writer.position();
        panel.bias = bias_.data() + first * lanes;
        for (int v = 0; v < panel.vectors; ++v) {
            const OutputVector& vector = vectors[first + static_cast<std::size_t>(v)];
            panel.line[v] = vector.line;
            panel.column[v] = vector.column;
            panel.count[v] = static_cast<int>(vector.outputs.size());
            for (std::size_t lane = 0; lane < vector.outputs.size(); ++lane) {
                bias_[(first + static_cast<std::size_t>(v)) * lanes + lane] = to_float(bias[vector.outputs[lane]]);
            }
        }
        for (const std::uint32_t tap : vectors[first].taps) {
            for (std::size_t i = 0; i < inputs; i += depth) {
                for (int v = 0; v < panel.vectors; ++v) {
                    const OutputVector& vector = vectors[first + static_cast<std::size_t>(v)];
                    for (std::size_t lane = 0; lane < lanes; ++lane) {
                        for (std::size_t d = i; d < i + depth; ++d) {
                            const bool real = lane < vector.outputs.size() && d < inputs;
                            writer.write(real ? weights_of(vector.outputs[lane], tap) + d : nullptr);
                        }
                    }
                }
            }
        }
        panels_.push_back(panel);
        first += static_cast<std::size_t>(panel.vectors);
    }
    packed_.panels = panels_.data();
    packed_.panel_count = panels_.size();
}

template <class T>
void Convolution<T>::pack_dots(const T* weight, const T* bias) {
    const ConvolutionShape& shape = packed_.shape;
    const std::size_t step = code_->lanes * code_->depth;
    packed_.dot_weights = aligned(weights_, shape.outputs * shape.taps * shape.inputs * code_->weight_bytes);
    WeightWriter<T> writer(const_cast<void*>(packed_.dot_weights), code_->weight_bytes);
    for (std::size_t tap = 0; tap < shape.taps; ++tap) {
        for (std::size_t input = 0; input < shape.inputs; input += step) {
            for (std::size_t output = 0; output < shape.outputs; ++output) {
                const T* values = weight + (output * shape.taps + tap) * shape.inputs + input;
                for (std::size_t i = 0; i < step; ++i) writer.write(values + i);
            }
        }
    }
    for (std::size_t output = 0; output < shape.outputs; ++output) bias_.push_back(to_float(bias[output]));
    packed_.dot_bias = bias_.data();
}

template <class T>
std::size_t Convolution<T>::vector_operations() const {
    std::size_t total = 0;
    for (const ConvolutionPanel& panel : panels_) total += static_cast<std::size_t>(panel.vectors) * panel.tap_count;
    return total * shape().group_inputs();
}

std::vector<OutputVector> output_vectors(const ConvolutionShape& shape, std::size_t lanes) {
    const std::size_t r = shape.upscale, channels = shape.outputs / (r * r), group_channels = channels / shape.groups;
    std::vector<OutputVector> vectors;
    for (std::size_t group = 0; group < shape.groups; ++group) {
        for (std::size_t line = 0; line < r; ++line) {
            std::size_t next = 0;  // column after the last one
            for (std::size_t j = 0; j < r; ++j) {
                for (std::size_t c = group * group_channels; c < (group + 1) * group_channels; ++c) {
                    const std::size_t column = j * channels + c;
                    const bool starts = c == group * group_channels && (j == 0 || column != next);
                    if (starts || vectors.back().outputs.size() == lanes)
                        vectors.push_back({group, line, column, {}, {}});
                    vectors.back().outputs.push_back((c * r + line) * r + j);
                    next = column + 1;
                }
            }
        }
    }
    return vectors;
}

std::size_t square_root(std::size_t square) {
    std::size_t root = 1;
    while (root * root < square) ++root;
    return root;
}

template <class T>
std::vector<T> taps_first(const T* weight, const ConvolutionShape& shape) {
    const std::size_t inputs = shape.group_inputs();
    std::vector<T> result(shape.outputs * shape.taps * inputs);
    for (std::size_t output = 0; output < shape.outputs; ++output) {
        for (std::size_t input = 0; input < inputs; ++input) {
            for (std::size_t tap = 0; tap < shape.taps; ++tap) {
                result[(output * shape.taps + tap) * inputs + input] = *weight++;
            }
        }
    }
    return result;
}

template class Convolution<float>;
template class Convolution<float16>;
template class Convolution<bfloat16>;
template std::vector<float> taps_first(const float*, const ConvolutionShape&);
template std::vector<float16> taps_first(const float16*, const ConvolutionShape&);
template std::vector<bfloat16> taps_first(const bfloat16*, const ConvolutionShape&);

}  // namespace amsr::cpu
