#include "mask.h"

#include <limits>

#include "picture.h"
#include "select.h"

namespace amsr::cuda {
namespace {

constexpr int threads = 256, bins = 4096, rounds_max = 30;
constexpr int histogram_blocks = 256;
constexpr float flat_range = 1e-6f;
constexpr double tolerance = 1e-4, photo_share = 0.4, drawn_share = 0.6, faint = 0.01;
constexpr float centre_tap = 0.40261996f, first_tap = 0.24420135f, second_tap = 0.054488685f;  // sigma 1, normalised

/// What the steps hand to each other. Counters come first: they are cleared together.
struct Workspace {
    struct Counters {
        std::uint32_t low_complement, high;  // bits of float32; both grow from 0
        std::uint32_t histogram[bins];
    };
    struct Prefix {                  // of the bins below a split
        std::int64_t count, moment;  // moment: sum of count * (2 * bin + 1)
    };
    Counters* counters;
    Prefix* prefixes;     // [bins + 1]
    float* detail;        // [P]
    std::uint8_t* flags;  // [P]
    void* selection;
    std::size_t selection_bytes, bytes;

    static cudaError_t layout(std::int64_t pixels, void* memory, Workspace& result) {
        auto* const begin = static_cast<unsigned char*>(memory);
        std::size_t used = 0;
        const auto take = [&](std::size_t size) {
            void* const at = memory == nullptr ? nullptr : begin + used;
            used += (size + 255) / 256 * 256;
            return at;
        };
        const auto count = static_cast<std::size_t>(pixels);
        result.counters = static_cast<Counters*>(take(sizeof(Counters)));
        result.prefixes = static_cast<Prefix*>(take((bins + 1) * sizeof(Prefix)));
        result.detail = static_cast<float*>(take(count * sizeof(float)));
        result.flags = static_cast<std::uint8_t*>(take(count));
        AMSR_RETURN_IF_ERROR(select_workspace(pixels, result.selection_bytes));
        result.selection = take(result.selection_bytes);
        result.bytes = used;
        return cudaSuccess;
    }
};

unsigned blocks_of(std::int64_t count) { return static_cast<unsigned>(ceil_div(count, threads)); }

bool is_picture(std::int64_t height, std::int64_t width) {
    return height > 0 && width > 0 && height <= std::numeric_limits<std::int32_t>::max() / width;
}

/// The Gaussian of five values around the middle one; every step is rounded, as NumPy does.
AMSR_DEVICE float blur(const float (&values)[5]) {
    const float near = __fmul_rn(__fadd_rn(values[1], values[3]), first_tap);
    const float far = __fmul_rn(__fadd_rn(values[0], values[4]), second_tap);
    return __fadd_rn(__fadd_rn(__fmul_rn(values[2], centre_tap), near), far);
}

AMSR_DEVICE float residue(const Picture& picture, int y, int x, int channel) {
    const int height = static_cast<int>(picture.height), width = static_cast<int>(picture.width);
    const auto at = [&](int line, int column) {
        return picture
            .data[(std::int64_t{line} * width + column) * picture.pixel_step + channel * picture.channel_step];
    };
    float columns[5];
    AMSR_UNROLL
    for (int j = 0; j < 5; ++j) {
        const int column = reflected(x + j - 2, width);
        float values[5];
        AMSR_UNROLL
        for (int i = 0; i < 5; ++i) values[i] = at(reflected(y + i - 2, height), column);
        columns[j] = blur(values);
    }
    const float difference = __fsub_rn(at(y, x), blur(columns));
    return difference < 0 ? -difference : difference;
}

/// detail [P] = mean over the channels of |x - blur(x)|, and its extremes: non-negative float32 are ordered as their
/// bits.
AMSR_KERNEL(threads) measure_detail(Picture picture, float* detail, Workspace::Counters* counters) {
    const std::int64_t at = std::int64_t{blockIdx.x} * threads + threadIdx.x;
    const int width = static_cast<int>(picture.width);
    auto* const extremes = reinterpret_cast<std::uint32_t*>(shared_memory());  // of the block
    if (threadIdx.x < 2) extremes[threadIdx.x] = 0;
    __syncthreads();
    std::uint32_t low_complement = 0, high = 0;
    if (at < picture.height * picture.width) {
        const int y = static_cast<int>(at) / width, x = static_cast<int>(at) % width;
        const float sum =
            __fadd_rn(__fadd_rn(residue(picture, y, x, 0), residue(picture, y, x, 1)), residue(picture, y, x, 2));
        const float mean = __fdiv_rn(sum, 3.0f) + 0.0f;
        detail[at] = mean;
        if (mean == mean) {  // what is not a number is no extreme
            high = __float_as_uint(mean);
            low_complement = ~high;
        }
    }
    for (int bits = 16; bits > 0; bits /= 2) {
        const std::uint32_t other_high = exchange(high, bits), other_low = exchange(low_complement, bits);
        high = other_high > high ? other_high : high;
        low_complement = other_low > low_complement ? other_low : low_complement;
    }
    if (threadIdx.x % 32 == 0) {
        atomicMax(extremes, low_complement);
        atomicMax(extremes + 1, high);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        atomicMax(&counters->low_complement, extremes[0]);
        atomicMax(&counters->high, extremes[1]);
    }
}

struct Range {
    float low, span;

    AMSR_DEVICE static Range of(const Workspace::Counters* counters) {
        const float low = __uint_as_float(~counters->low_complement);
        return {low, __fsub_rn(__uint_as_float(counters->high), low)};
    }
    AMSR_DEVICE bool is_flat() const { return !(span >= flat_range); }  // it is NaN where no pixel is a number
    AMSR_DEVICE float normalized(float detail) const { return __fdiv_rn(__fsub_rn(detail, low), span); }
};

/// The bin of a normalised detail; the first one where that is not a number.
AMSR_DEVICE int bin_of(float normalized) {
    constexpr auto last = static_cast<float>(bins - 1);
    const float scaled = __fmul_rn(normalized, static_cast<float>(bins)), positive = scaled > 0.0f ? scaled : 0.0f;
    return static_cast<int>(positive < last ? positive : last);
}

AMSR_KERNEL(threads) count_bins(const float* detail, std::int64_t pixels, Workspace::Counters* counters) {
    const Range range = Range::of(counters);
    if (range.is_flat()) return;
    auto* const counts = reinterpret_cast<std::uint32_t*>(shared_memory());
    for (int bin = static_cast<int>(threadIdx.x); bin < bins; bin += threads) counts[bin] = 0;
    __syncthreads();
    for (std::int64_t at = std::int64_t{blockIdx.x} * threads + threadIdx.x; at < pixels;
         at += std::int64_t{gridDim.x} * threads) {
        atomicAdd(counts + bin_of(range.normalized(detail[at])), 1u);
    }
    __syncthreads();
    for (int bin = static_cast<int>(threadIdx.x); bin < bins; bin += threads) {
        if (counts[bin] > 0) atomicAdd(counters->histogram + bin, counts[bin]);
    }
}

/// How many bins have their centre at or below the threshold.
AMSR_DEVICE int split_at(double threshold) {
    const double scaled = threshold * bins;  // exact, as centres are
    const int bin = static_cast<int>(scaled);
    const int split = bin + (bin + 0.5 <= scaled ? 1 : 0);
    return split < bins ? split : bins;
}

/// Lowers the threshold of a picture that is mostly flat, as `limit_of_drawn` in amsr_deploy/mask/compute.py does.
AMSR_DEVICE double limit_of_drawn(double threshold, std::int64_t without_detail, std::int64_t pixels) {
    const double flat = static_cast<double>(without_detail) / static_cast<double>(pixels);
    double part = (drawn_share - flat) / (drawn_share - photo_share);
    part = part < 0.0 ? 0.0 : part > 1.0 ? 1.0 : part;
    const double weight = __dmul_rn(__dmul_rn(part, part), part);
    const double limit = __dadd_rn(__dmul_rn(weight, threshold), __dmul_rn(1.0 - weight, faint));
    return limit < threshold ? limit : threshold;
}

/// prefixes [bins + 1] of the histogram, by one block. Counts and moments are whole numbers, so that their sums are
/// exact.
AMSR_DEVICE void sum_prefixes(const Workspace::Counters* counters, Workspace::Prefix* prefixes) {
    constexpr int share = bins / threads;
    const int thread = static_cast<int>(threadIdx.x);
    auto* const sums = reinterpret_cast<Workspace::Prefix*>(shared_memory());  // [threads]
    const auto add = [&](Workspace::Prefix& sum, int bin) {
        sum.count += counters->histogram[bin];
        sum.moment += std::int64_t{counters->histogram[bin]} * (2 * bin + 1);
    };
    Workspace::Prefix sum{};
    for (int bin = thread * share; bin < (thread + 1) * share; ++bin) add(sum, bin);
    sums[thread] = sum;
    __syncthreads();
    sum = {};
    for (int t = 0; t < thread; ++t) {
        sum.count += sums[t].count;
        sum.moment += sums[t].moment;
    }
    for (int bin = thread * share; bin < (thread + 1) * share; ++bin) {
        prefixes[bin] = sum;
        add(sum, bin);
    }
    if (thread == threads - 1) prefixes[bins] = sum;
    __syncthreads();
}

/// Where two-means splits the histogram.
AMSR_DEVICE double two_means(const Workspace::Prefix* prefixes) {
    constexpr double unit = 2.0 * bins;  // moments are in halves of a bin
    const Workspace::Prefix all = prefixes[bins];
    double split = 0.5, change = 1.0;
    for (int round = 0; change >= tolerance && round < rounds_max; ++round) {
        const Workspace::Prefix below = prefixes[split_at(split)];
        const double mean_below = static_cast<double>(below.moment) / unit / static_cast<double>(below.count);
        const double mean_above =
            static_cast<double>(all.moment - below.moment) / unit / static_cast<double>(all.count - below.count);
        const double next = __dadd_rn(mean_below, mean_above) / 2;
        change = next < split ? split - next : next - split;
        split = next;
    }
    return split;
}

/// The split of two-means, with the limit of drawn pictures; -1 where the picture is flat.
AMSR_KERNEL(threads)
find_threshold(const Workspace::Counters* counters, Workspace::Prefix* prefixes, double* threshold) {
    sum_prefixes(counters, prefixes);
    if (threadIdx.x != 0) return;
    *threshold = Range::of(counters).is_flat()
                     ? -1.0
                     : limit_of_drawn(two_means(prefixes), prefixes[1].count, prefixes[bins].count);
}

/// flags [P]: whether the detail around a pixel, in its line, exceeds the threshold.
AMSR_KERNEL(threads)
spread_along_lines(const float* detail, std::int64_t pixels, int width, int radius, const Workspace::Counters* counters,
                   const double* threshold, std::uint8_t* flags) {
    const std::int64_t at = std::int64_t{blockIdx.x} * threads + threadIdx.x;
    if (at >= pixels) return;
    const Range range = Range::of(counters);
    const int x = static_cast<int>(at % width), left = x < radius ? -x : -radius;
    const int right = width - 1 - x < radius ? width - 1 - x : radius;
    const auto limit = static_cast<float>(*threshold);
    bool found = false;
    for (int step = left; step <= right && !found && limit >= 0; ++step) {
        found = range.normalized(detail[at + step]) > limit;
    }
    flags[at] = found ? 1 : 0;
}

AMSR_KERNEL(threads)
spread_along_columns(const std::uint8_t* flags, int height, int width, int radius, std::uint8_t* mask) {
    const std::int64_t at = std::int64_t{blockIdx.x} * threads + threadIdx.x;
    if (at >= std::int64_t{height} * width) return;
    const int y = static_cast<int>(at / width), top = y < radius ? -y : -radius;
    const int bottom = height - 1 - y < radius ? height - 1 - y : radius;
    bool found = false;
    for (int step = top; step <= bottom && !found; ++step) found = flags[at + std::int64_t{step} * width] != 0;
    mask[at] = found ? 1 : 0;
}

AMSR_KERNEL(threads)
flag_windows(const std::uint8_t* mask, WindowGrid grid, std::int64_t windows, double least, std::uint8_t* flags) {
    const std::int64_t window = std::int64_t{blockIdx.x} * threads + threadIdx.x;
    if (window >= windows) return;
    int masked = 0;
    for (int token = 0; token < grid.window_size * grid.window_size; ++token) {
        masked += mask[window_pixel(grid, window, token)] != 0 ? 1 : 0;
    }
    flags[window] = masked >= least ? 1 : 0;
}

}  // namespace

std::size_t mask_workspace(std::int64_t height, std::int64_t width) {
    Workspace workspace;
    const bool known =
        is_picture(height, width) && Workspace::layout(height * width, nullptr, workspace) == cudaSuccess;
    return known ? workspace.bytes : 0;
}

cudaError_t compute_mask(const Picture& picture, std::int64_t dilation, std::uint8_t* mask, double* threshold,
                         void* memory, cudaStream_t stream) {
    if (!is_picture(picture.height, picture.width) || dilation < 1 || dilation % 2 == 0 || memory == nullptr) {
        return cudaErrorInvalidValue;
    }
    const std::int64_t pixels = picture.height * picture.width;
    const int height = static_cast<int>(picture.height), width = static_cast<int>(picture.width);
    const std::int64_t longest = height > width ? height : width;
    const int radius = static_cast<int>(dilation / 2 < longest ? dilation / 2 : longest);
    Workspace workspace;
    AMSR_RETURN_IF_ERROR(Workspace::layout(pixels, memory, workspace));
    const Workspace::Counters* counters = workspace.counters;
    const float* detail = workspace.detail;
    const std::uint8_t* flags = workspace.flags;
    const double* split = threshold;
    const dim3 grid(blocks_of(pixels));
    AMSR_RETURN_IF_ERROR(cudaMemsetAsync(workspace.counters, 0, sizeof(Workspace::Counters), stream));
    AMSR_RETURN_IF_ERROR(launch(measure_detail, grid, threads, 2 * sizeof(std::uint32_t), stream, picture,
                                workspace.detail, workspace.counters));
    AMSR_RETURN_IF_ERROR(launch(count_bins, dim3(grid.x < histogram_blocks ? grid.x : histogram_blocks), threads,
                                bins * sizeof(std::uint32_t), stream, detail, pixels, workspace.counters));
    AMSR_RETURN_IF_ERROR(launch(find_threshold, dim3(1), threads, threads * sizeof(Workspace::Prefix), stream, counters,
                                workspace.prefixes, threshold));
    AMSR_RETURN_IF_ERROR(launch(spread_along_lines, grid, threads, 0, stream, detail, pixels, width, radius, counters,
                                split, workspace.flags));
    return launch(spread_along_columns, grid, threads, 0, stream, flags, height, width, radius, mask);
}

cudaError_t mask_index(const std::uint8_t* mask, std::int64_t height, std::int64_t width, std::int64_t* index,
                       std::int64_t* count, void* memory, cudaStream_t stream) {
    if (!is_picture(height, width) || memory == nullptr) return cudaErrorInvalidValue;
    Workspace workspace;
    AMSR_RETURN_IF_ERROR(Workspace::layout(height * width, memory, workspace));
    return select(mask, height * width, index, count, workspace.selection, workspace.selection_bytes, stream);
}

cudaError_t kept_windows(const std::uint8_t* mask, std::int64_t height, std::int64_t width, std::int64_t window_size,
                         std::int64_t shift, double threshold, std::int64_t* windows, std::int64_t* count, void* memory,
                         cudaStream_t stream) {
    const WindowGrid grid{height, width, window_size, shift};
    if (!is_valid(grid) || memory == nullptr) return cudaErrorInvalidValue;
    Workspace workspace;
    AMSR_RETURN_IF_ERROR(Workspace::layout(height * width, memory, workspace));
    const std::int64_t all = (height / window_size) * (width / window_size);
    const auto area = static_cast<double>(window_size * window_size);
    const std::uint8_t* flags = workspace.flags;
    AMSR_RETURN_IF_ERROR(launch(flag_windows, dim3(blocks_of(all)), threads, 0, stream, mask, grid, all,
                                threshold * area, workspace.flags));
    return select(flags, all, windows, count, workspace.selection, workspace.selection_bytes, stream);
}

}  // namespace amsr::cuda
