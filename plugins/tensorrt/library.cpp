// What the library exports: the two functions that TensorRT's registry looks for when it loads a plugin library, and
// one of our own.
#include <NvInferRuntime.h>

#include <vector>

#include "error.h"
#include "export.h"
#include "log.h"
#include "plugin.h"

namespace amsr::trt {
namespace {

/// One creator for each operator, alive as long as the library.
const std::vector<nvinfer1::IPluginCreatorInterface*>& creators() {
    static std::vector<Creator> made = [] {
        std::vector<Creator> all;
        all.reserve(operators().size());
        for (const Operator& op : operators()) all.emplace_back(op);
        return all;
    }();
    static const std::vector<nvinfer1::IPluginCreatorInterface*> pointers = [] {
        std::vector<nvinfer1::IPluginCreatorInterface*> all;
        for (Creator& creator : made) all.push_back(&creator);
        return all;
    }();
    return pointers;
}

}  // namespace
}  // namespace amsr::trt

AMSR_EXPORT nvinfer1::IPluginCreatorInterface* const* getCreators(std::int32_t& count) {
    nvinfer1::IPluginCreatorInterface* const* first = nullptr;
    count = 0;
    amsr::trt::guarded("plugins", [&] {
        const auto& all = amsr::trt::creators();
        first = all.data();
        count = static_cast<std::int32_t>(all.size());
    });
    return first;
}

AMSR_EXPORT void setLoggerFinder(nvinfer1::ILoggerFinder* finder) { amsr::trt::set_logger_finder(finder); }

/// Errors go there where TensorRT has no logger for them, as while it builds; null takes them back.
AMSR_EXPORT void amsrSetErrorSink(void (*take)(const char* message)) { amsr::trt::set_error_sink(take); }
