#include "reference.h"

#include <algorithm>
#include <cmath>

namespace amsr::reference {
namespace {

constexpr double separate = -100;  // what shifted layers add between pixels of opposite sides of the picture

std::size_t place(std::int64_t i) { return static_cast<std::size_t>(i); }

/// The pixels of a window, token by token.
Positions window_pixels(const Grid& grid, std::int64_t window) {
    const std::int64_t side = grid.window_size, across = grid.width / side;
    Positions pixels;
    for (std::int64_t token = 0; token < side * side; ++token) {
        const std::int64_t y = (window / across * side + token / side + grid.shift) % grid.height;
        const std::int64_t x = (window % across * side + token % side + grid.shift) % grid.width;
        pixels.push_back(y * grid.width + x);
    }
    return pixels;
}

/// [n, inputs] -> [n, outputs]
Values linear(const Values& rows, const Values& weight, const Values& bias) {
    const std::size_t outputs = bias.size(), inputs = weight.size() / outputs;
    Values out;
    for (std::size_t row = 0; row < rows.size() / inputs; ++row) {
        for (std::size_t o = 0; o < outputs; ++o) {
            double sum = bias[o];
            for (std::size_t i = 0; i < inputs; ++i) sum += weight[o * inputs + i] * rows[row * inputs + i];
            out.push_back(sum);
        }
    }
    return out;
}

Values normalize(const Values& rows, const Values& weight, const Values& bias, double epsilon) {
    const std::size_t channels = weight.size();
    Values out(rows.size());
    for (std::size_t start = 0; start < rows.size(); start += channels) {
        double mean = 0, variance = 0;
        for (std::size_t c = 0; c < channels; ++c) mean += rows[start + c] / static_cast<double>(channels);
        for (std::size_t c = 0; c < channels; ++c) {
            variance += (rows[start + c] - mean) * (rows[start + c] - mean) / static_cast<double>(channels);
        }
        for (std::size_t c = 0; c < channels; ++c) {
            out[start + c] = (rows[start + c] - mean) / std::sqrt(variance + epsilon) * weight[c] + bias[c];
        }
    }
    return out;
}

bool wrapped(const Grid& grid, std::int64_t offset) { return offset >= grid.window_size - grid.shift; }

/// Whether the cyclic shift brought two pixels of a window together that are apart in the picture.
bool apart(const Grid& grid, std::int64_t window, std::int64_t a, std::int64_t b) {
    const std::int64_t side = grid.window_size, across = grid.width / side, down = grid.height / side;
    if (grid.shift == 0) return false;
    return (window / across == down - 1 && wrapped(grid, a / side) != wrapped(grid, b / side)) ||
           (window % across == across - 1 && wrapped(grid, a % side) != wrapped(grid, b % side));
}

/// Attention within one window: tokens [N, C], normalised, -> [N, C] before the projection.
Values attention(const Layer& layer, const Grid& grid, std::int64_t window, const Values& tokens) {
    const std::int64_t count = grid.window_size * grid.window_size, channels = layer.channels,
                       width = channels / layer.heads;
    const Values qkv = linear(tokens, layer.qkv_weight, layer.qkv_bias);
    const auto entry = [&](std::int64_t token, std::int64_t part, std::int64_t channel) {
        return qkv[place((token * 3 + part) * channels + channel)];
    };
    Values mixed(place(count * channels), 0.0);
    for (std::int64_t head = 0; head < layer.heads; ++head) {
        for (std::int64_t a = 0; a < count; ++a) {
            Values scores;
            for (std::int64_t b = 0; b < count; ++b) {
                double score = 0;
                for (std::int64_t c = head * width; c < (head + 1) * width; ++c)
                    score += entry(a, 0, c) * entry(b, 1, c);
                scores.push_back(score / std::sqrt(static_cast<double>(width)) +
                                 layer.position_bias[place((head * count + a) * count + b)] +
                                 (apart(grid, window, a, b) ? separate : 0));
            }
            const double largest = *std::max_element(scores.begin(), scores.end());
            double total = 0;
            for (double& score : scores) total += score = std::exp(score - largest);
            for (std::int64_t b = 0; b < count; ++b) {
                for (std::int64_t c = head * width; c < (head + 1) * width; ++c) {
                    mixed[place(a * channels + c)] += scores[place(b)] / total * entry(b, 2, c);
                }
            }
        }
    }
    return mixed;
}

void add(Values& to, const Values& values) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += values[i];
}

}  // namespace

double activate(const Activation& activation, double sum, double residual) {
    const double value = sum + residual, sigmoid = 1 / (1 + std::exp(-sum));
    switch (activation.kind) {
        case Activation::leaky_relu:
            return value >= 0 ? value : static_cast<double>(activation.negative_slope) * value;
        case Activation::silu:
            return sum * sigmoid + residual;
        case Activation::attention:
            return value * (sigmoid - 0.5);
    }
    return value;
}

int reflected(int position, int length) {
    while (length > 1 && (position < 0 || position >= length)) {
        position = position < 0 ? -position : 2 * (length - 1) - position;
    }
    return length > 1 ? position : 0;
}

Values mask_gather(const Values& pixels, const Positions& index, std::int64_t channels) {
    Values rows;
    for (const std::int64_t position : index) {
        for (std::int64_t c = 0; c < channels; ++c) rows.push_back(pixels[place(position * channels + c)]);
    }
    return rows;
}

Values mask_scatter(const Values& rows, const Values& pixels, const Positions& index, std::int64_t channels) {
    Values out = pixels;
    for (std::size_t row = 0; row < index.size(); ++row) {
        for (std::int64_t c = 0; c < channels; ++c) {
            out[place(index[row] * channels + c)] = rows[row * place(channels) + place(c)];
        }
    }
    return out;
}

Positions mask_neighbors(const Positions& index, std::int64_t height, std::int64_t width, std::int64_t side) {
    const auto count = static_cast<std::int64_t>(index.size());
    Positions neighbors;
    for (const std::int64_t position : index) {
        for (std::int64_t tap = 0; tap < side * side; ++tap) {
            const std::int64_t y = position / width + tap / side - side / 2,
                               x = position % width + tap % side - side / 2;
            if (y < 0 || y >= height || x < 0 || x >= width) {
                neighbors.push_back(count + height * width);
                continue;
            }
            const auto last = std::find(index.rbegin(), index.rend(), y * width + x);
            neighbors.push_back(last == index.rend() ? count + y * width + x : index.rend() - last - 1);
        }
    }
    return neighbors;
}

Values masked_conv2d(const Convolution& convolution, const Values& rows, const Values& surround,
                     const Positions& neighbors, const Values& residual) {
    const auto [outputs, inputs, groups, side, weight, bias, activation] = convolution;
    Values features = rows;
    features.insert(features.end(), surround.begin(), surround.end());
    const auto feature = [&, depth = inputs](std::int64_t neighbor, std::int64_t channel) {
        const std::int64_t at = neighbor * depth + channel;
        return at >= 0 && at < static_cast<std::int64_t>(features.size()) ? features[place(at)] : 0.0;
    };
    const std::int64_t taps = side * side, group_inputs = inputs / groups, group_outputs = outputs / groups;
    Values out;
    for (std::size_t row = 0; row < neighbors.size() / place(taps); ++row) {
        for (std::int64_t o = 0; o < outputs; ++o) {
            double sum = bias[place(o)];
            for (std::int64_t i = 0; i < group_inputs; ++i) {
                for (std::int64_t tap = 0; tap < taps; ++tap) {
                    const std::int64_t neighbor = neighbors[row * place(taps) + place(tap)];
                    sum += weight[place((o * group_inputs + i) * taps + tap)] *
                           feature(neighbor, o / group_outputs * group_inputs + i);
                }
            }
            out.push_back(activate(activation, sum, residual.empty() ? 0 : residual[out.size()]));
        }
    }
    return out;
}

Values pointwise(const Convolution& convolution, const std::vector<Values>& inputs, std::int64_t row_count,
                 const Values& residual) {
    const std::int64_t channels = convolution.inputs / static_cast<std::int64_t>(inputs.size());
    Values joined;
    Positions itself;  // the only tap of a row
    for (std::int64_t row = 0; row < row_count; ++row) {
        itself.push_back(row);
        for (const Values& input : inputs) {
            joined.insert(joined.end(), input.begin() + row * channels, input.begin() + (row + 1) * channels);
        }
    }
    return masked_conv2d(convolution, joined, {}, itself, residual);
}

Values pixel_conv2d(const Convolution& convolution, const Values& pixels, std::int64_t height, std::int64_t width,
                    std::int64_t upscale, const Values& residual) {
    Positions neighbors;  // a convolution at every pixel, with nothing masked: the table names the surround only
    for (std::int64_t position = 0; position < height * width; ++position) {
        for (const std::int64_t neighbor : mask_neighbors({position}, height, width, convolution.side)) {
            neighbors.push_back(neighbor == 0 ? position : neighbor - 1);
        }
    }
    Convolution plain = convolution;
    plain.activation = {};
    const Values sums = masked_conv2d(plain, {}, pixels, neighbors, {});
    const std::int64_t channels = convolution.outputs / upscale / upscale;
    Values out;
    for (std::int64_t y = 0; y < height * upscale; ++y) {
        for (std::int64_t x = 0; x < width * upscale; ++x) {
            for (std::int64_t c = 0; c < channels; ++c) {
                const std::int64_t pixel = y / upscale * width + x / upscale,
                                   channel = (c * upscale + y % upscale) * upscale + x % upscale;
                const double sum = sums[place(pixel * convolution.outputs + channel)];
                out.push_back(activate(convolution.activation, sum, residual.empty() ? 0 : residual[out.size()]));
            }
        }
    }
    return out;
}

Values nearest(const Values& pixels, std::int64_t height, std::int64_t width, std::int64_t upscale,
               std::int64_t channels) {
    Positions positions;
    for (std::int64_t y = 0; y < height * upscale; ++y) {
        for (std::int64_t x = 0; x < width * upscale; ++x) positions.push_back(y / upscale * width + x / upscale);
    }
    return mask_gather(pixels, positions, channels);
}

Values window_layer(const Layer& layer, const Values& pixels, const Positions& windows, const Grid& grid) {
    Values out = pixels;
    for (const std::int64_t window : windows) {
        const Positions positions = window_pixels(grid, window);
        Values tokens = mask_gather(pixels, positions, layer.channels);
        const Values normalized = normalize(tokens, layer.norm1_weight, layer.norm1_bias, layer.epsilon);
        add(tokens, linear(attention(layer, grid, window, normalized), layer.proj_weight, layer.proj_bias));
        Values hidden = linear(normalize(tokens, layer.norm2_weight, layer.norm2_bias, layer.epsilon), layer.fc1_weight,
                               layer.fc1_bias);
        for (double& value : hidden) value *= 0.5 * (1 + std::erf(value / std::sqrt(2.0)));
        add(tokens, linear(hidden, layer.fc2_weight, layer.fc2_bias));
        out = mask_scatter(tokens, out, positions, layer.channels);
    }
    return out;
}

}  // namespace amsr::reference
