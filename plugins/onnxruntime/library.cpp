// What the library exports: the registration that ONNX Runtime looks for, what `amsr doctor` asks, and the mask.
#include <new>
#include <stdexcept>
#include <string>

#include "abi.h"
#include "cpu/mask/high_frequencies.h"
#include "cpu/mask/mask_growth.h"
#include "cpu/picture/interleave.h"
#include "cpu/simd/instruction_set.h"
#include "cpu_operators.h"
#include "export.h"
#ifdef AMSR_CUDA
#include "cuda_operators.h"
#endif

namespace amsr::ort {
namespace {

/// The domain, made once and never released: sessions refer to it, and they end when they like.
CustomOpDomain* domain_of_process(const Api& api) {
    static CustomOpDomain* const domain = [&api] {
        CustomOpDomain* made = nullptr;
        check(api, api.call<CreateCustomOpDomain>("amsr", &made));
        add_cpu_operators(api, made);
#ifdef AMSR_CUDA
        add_cuda_operators(api, made);
#endif
        return made;
    }();
    return domain;
}

/// What the functions for ctypes return, which C++ exceptions must not leave.
enum Answer : int { no_such_set = -2, out_of_memory = -1, no = 0, yes = 1 };

template <class Function>
Answer answer(const Function& function) noexcept {
    try {
        return function() ? yes : no;
    } catch (const std::bad_alloc&) {
        return out_of_memory;
    } catch (const std::invalid_argument&) {  // AMSR_CPU_ISA names a set that cannot be used
        return no_such_set;
    }
}

}  // namespace
}  // namespace amsr::ort

AMSR_EXPORT amsr::ort::Status* AMSR_ORT_CALL RegisterCustomOps(amsr::ort::SessionOptions* options,
                                                               const amsr::ort::ApiBase* base) {
    using namespace amsr::ort;
    const Api* api = base->GetApi(api_version);
    if (api == nullptr) {  // the first version has all that is needed to say so
        const std::string message = std::string("ONNX Runtime ") + base->GetVersionString() +
                                    " is too old for the amsr operators; use 1." + std::to_string(api_version) +
                                    " or later";
        return base->GetApi(1)->call<CreateStatus>(ErrorCode::fail, message.c_str());
    }
    return guarded(*api, [&] { check(*api, api->call<AddCustomOpDomain>(options, domain_of_process(*api))); });
}

/// Counts the changes of what this library exports, so that the Python package notices a library that it does not fit.
AMSR_EXPORT int amsr_interface_version() { return 2; }

/// Names of the instruction sets that can be used here, best first, separated by spaces.
AMSR_EXPORT const char* amsr_available_instruction_sets() {
    static const std::string names = [] {
        std::string joined;
        for (const auto set : amsr::cpu::available_instruction_sets()) {
            joined += (joined.empty() ? "" : " ") + std::string(amsr::cpu::name_of(set));
        }
        return joined;
    }();
    return names.c_str();
}

/// Name of the one that a session would use now; null where AMSR_CPU_ISA names one that cannot be used.
AMSR_EXPORT const char* amsr_chosen_instruction_set() {
    try {
        return amsr::cpu::name_of(amsr::cpu::chosen_instruction_set());
    } catch (const std::invalid_argument&) {
        return nullptr;
    }
}

/// See kernels/cpu/mask/high_frequencies.h.
AMSR_EXPORT int amsr_high_frequencies(const float* image, std::size_t height, std::size_t width, const float* taps,
                                      float flat_range, float* out) {
    return amsr::ort::answer([&] { return amsr::cpu::high_frequencies(image, height, width, taps, flat_range, out); });
}

/// See kernels/cpu/mask/mask_growth.h.
AMSR_EXPORT int amsr_histogram(const float* frequencies, std::size_t count, std::int64_t* counts, std::size_t bins) {
    return amsr::ort::answer([&] {
        amsr::cpu::histogram(frequencies, count, counts, bins);
        return true;
    });
}

/// See kernels/cpu/mask/mask_growth.h.
AMSR_EXPORT int amsr_mask_above(const float* frequencies, std::size_t height, std::size_t width, float threshold,
                                std::size_t dilation, bool* mask) {
    return amsr::ort::answer([&] {
        amsr::cpu::mask_above(frequencies, height, width, threshold, dilation, mask);
        return true;
    });
}

/// See kernels/cpu/picture/interleave.h; `sample_size` is 1 for uint8, 2 for uint16 and 4 for float32.
AMSR_EXPORT int amsr_interleave(const float* values, std::size_t height, std::size_t width, std::size_t plane_stride,
                                std::size_t row_stride, bool grey, std::size_t sample_size, void* pixels,
                                std::size_t pixels_row_stride) {
    const amsr::cpu::Planes planes{values, height, width, plane_stride, row_stride};
    const auto write = [&](auto* samples) {
        return amsr::cpu::interleave(amsr::cpu::chosen_instruction_set(), planes, grey, samples, pixels_row_stride);
    };
    return amsr::ort::answer([&] {
        if (sample_size == 1) return write(static_cast<std::uint8_t*>(pixels));
        if (sample_size == 2) return write(static_cast<std::uint16_t*>(pixels));
        return write(static_cast<float*>(pixels));
    });
}
