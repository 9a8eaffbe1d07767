#include "cpu/convolution/convolution.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "cpu/convolution/output_vectors.h"
#include "cpu/vector_code.h"

namespace amsr::cpu {
namespace {

/// The weights [Ci / groups] of an output and a tap, of [Co, taps, Ci / groups].
template <class T>
const T* weights_of(const ConvolutionShape& shape, const T* weight, std::size_t output, std::size_t tap) {
    return weight + (output * shape.taps + tap) * shape.group_inputs();
}

/// The taps at which some of the outputs have weights.
template <class T>
std::vector<std::uint32_t> used_taps(const ConvolutionShape& shape, const std::vector<std::size_t>& outputs,
                                     const T* weight) {
    std::vector<std::uint32_t> taps;
    for (std::uint32_t tap = 0; tap < shape.taps; ++tap) {
        const bool used = std::any_of(outputs.begin(), outputs.end(), [&](std::size_t output) {
            const T* values = weights_of(shape, weight, output, tap);
            return std::any_of(values, values + shape.group_inputs(),
                               [](T value) { return !(to_float(value) == 0.0f); });
        });
        if (used) taps.push_back(tap);
    }
    return taps;
}

template <class T>
std::vector<OutputVector> vectors_with_taps(const ConvolutionShape& shape, std::size_t lanes, const T* weight) {
    std::vector<OutputVector> vectors = output_vectors(shape, lanes);
    for (OutputVector& vector : vectors) vector.taps = used_taps(shape, vector.outputs, weight);
    return vectors;
}

std::size_t tap_count(const std::vector<OutputVector>& vectors) {
    std::size_t count = 0;
    for (const OutputVector& vector : vectors) count += vector.taps.size();
    return count;
}

/// How many of the vectors from `first` on make a panel: those that read the same taps, of one group or one of each.
std::size_t panel_vectors(const std::vector<OutputVector>& vectors, std::size_t first, std::size_t most,
                          bool per_group) {
    for (std::size_t count = std::min(most, vectors.size() - first); count > 1; --count) {
        const auto fits = [&](const OutputVector& vector) {
            return (per_group || vector.group == vectors[first].group) && vector.taps == vectors[first].taps;
        };
        const auto begin = vectors.begin() + static_cast<std::ptrdiff_t>(first);
        if (std::all_of(begin, begin + static_cast<std::ptrdiff_t>(count), fits)) return count;
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

/// A panel of `count` vectors: which inputs and taps it reads, and where its outputs go.
ConvolutionPanel panel_of(const OutputVector* vectors, std::size_t count, std::size_t group_inputs) {
    ConvolutionPanel panel{};
    panel.vectors = static_cast<int>(count);
    panel.first_input = vectors[0].group * group_inputs;
    panel.tap_count = vectors[0].taps.size();
    for (std::size_t v = 0; v < count; ++v) {
        panel.line[v] = vectors[v].line;
        panel.column[v] = vectors[v].column;
        panel.count[v] = static_cast<int>(vectors[v].outputs.size());
    }
    return panel;
}

/// Writes a vector's weights of a tap for the inputs of one multiply-add, with zeros where outputs or inputs end.
template <class T>
void write_vector(WeightWriter<T>& writer, const ConvolutionCode<T>& code, const ConvolutionShape& shape,
                  const OutputVector& vector, std::size_t tap, std::size_t input, const T* weight) {
    for (std::size_t lane = 0; lane < code.lanes; ++lane) {
        for (std::size_t i = input; i < input + code.depth; ++i) {
            const bool is_weight = lane < vector.outputs.size() && i < shape.group_inputs();
            writer.write(is_weight ? weights_of(shape, weight, vector.outputs[lane], tap) + i : nullptr);
        }
    }
}

/// Writes the weights of a panel in the order in which the vector code reads them.
template <class T>
void write_panel(WeightWriter<T>& writer, const ConvolutionCode<T>& code, const ConvolutionShape& shape,
                 const OutputVector* vectors, std::size_t count, const T* weight) {
    for (const std::uint32_t tap : vectors[0].taps) {
        for (std::size_t input = 0; input < shape.group_inputs(); input += code.depth) {
            for (std::size_t v = 0; v < count; ++v) write_vector(writer, code, shape, vectors[v], tap, input, weight);
        }
    }
}

/// Whether sums over lanes of inputs cost less than lanes of outputs most of which stay empty.
template <class T>
bool use_dots(const ConvolutionShape& shape, const ConvolutionCode<T>& code) {
    return shape.groups == 1 && shape.upscale == 1 && 2 * shape.outputs <= code.lanes &&
           shape.inputs % (code.lanes * code.depth) == 0;
}

}  // namespace

template <class T>
std::size_t Convolution<T>::vector_operations(InstructionSet set, const ConvolutionShape& shape, const T* weight) {
    const ConvolutionCode<T>& code = vector_code<ConvolutionCode<T>>(set);
    if (use_dots(shape, code)) return shape.outputs * shape.taps * shape.inputs / (code.lanes * code.depth);
    return tap_count(vectors_with_taps(shape, code.lanes, weight)) * vectors_of(shape.group_inputs(), code.depth);
}

template <class T>
Convolution<T>::Convolution(InstructionSet set, const ConvolutionShape& shape, const T* weight, const T* bias,
                            const Activation& activation)
    : code_(vector_code<ConvolutionCode<T>>(set)), packed_{}, zeros_(shape.inputs) {
    if (shape.groups == 0 || shape.inputs % shape.groups != 0 ||
        shape.outputs % (shape.groups * shape.upscale * shape.upscale) != 0) {
        throw std::invalid_argument("channels are not a multiple of the groups");
    }
    packed_.shape = shape;
    packed_.group_inputs = shape.group_inputs();
    packed_.row_stride = shape.outputs / shape.upscale;
    packed_.activation = activation;
    packed_.activates = activation.kind != Activation::leaky_relu || activation.negative_slope != 1.0f;
    const bool dots = use_dots(shape, code_);
    run_ = dots ? code_.run_dots : code_.run;
    dots ? pack_dots(weight, bias) : pack_panels(weight, bias);
}

template <class T>
void Convolution<T>::pack_panels(const T* weight, const T* bias) {
    const ConvolutionShape& shape = packed_.shape;
    const std::size_t lanes = code_.lanes;
    const std::vector<OutputVector> vectors = vectors_with_taps(shape, lanes, weight);
    const std::size_t tap_total = tap_count(vectors);
    const std::size_t tap_bytes = in_whole_vectors(shape.group_inputs(), code_.depth) * lanes * code_.weight_bytes;
    weights_ = AlignedBytes(tap_total * tap_bytes);
    WeightWriter<T> writer(weights_.data(), code_.weight_bytes);
    taps_.reserve(tap_total);  // panels point into it
    bias_.assign(vectors.size() * lanes, 0.0f);
    const bool per_group = shape.groups > 1 && vectors.size() == shape.groups;
    for (std::size_t first = 0, count; first < vectors.size(); first += count) {
        count = panel_vectors(vectors, first, code_.panel_max, per_group);
        const OutputVector* const begin = vectors.data() + first;
        ConvolutionPanel panel = panel_of(begin, count, shape.group_inputs());
        panel.per_group = per_group && count > 1;
        panel.taps = taps_.data() + taps_.size();
        taps_.insert(taps_.end(), begin->taps.begin(), begin->taps.end());
        panel.weights = writer.position();
        write_panel(writer, code_, shape, begin, count, weight);
        panel.bias = bias_.data() + first * lanes;
        panels_.push_back(panel);
    }
    for (std::size_t v = 0; v < vectors.size(); ++v) {
        const std::vector<std::size_t>& outputs = vectors[v].outputs;
        for (std::size_t lane = 0; lane < outputs.size(); ++lane)
            bias_[v * lanes + lane] = to_float(bias[outputs[lane]]);
    }
    packed_.panels = panels_.data();
    packed_.panel_count = panels_.size();
}

template <class T>
void Convolution<T>::pack_dots(const T* weight, const T* bias) {
    const ConvolutionShape& shape = packed_.shape;
    const std::size_t step = code_.lanes * code_.depth;
    weights_ = AlignedBytes(shape.outputs * shape.taps * shape.inputs * code_.weight_bytes);
    packed_.dot_weights = weights_.data();
    WeightWriter<T> writer(weights_.data(), code_.weight_bytes);
    for (std::size_t tap = 0; tap < shape.taps; ++tap) {
        for (std::size_t input = 0; input < shape.inputs; input += step) {
            for (std::size_t output = 0; output < shape.outputs; ++output) {
                const T* values = weights_of(shape, weight, output, tap) + input;
                for (std::size_t i = 0; i < step; ++i) writer.write(values + i);
            }
        }
    }
    for (std::size_t output = 0; output < shape.outputs; ++output) bias_.push_back(to_float(bias[output]));
    packed_.dot_bias = bias_.data();
}

template class Convolution<float>;
template class Convolution<float16>;
template class Convolution<bfloat16>;

}  // namespace amsr::cpu
