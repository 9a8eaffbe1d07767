// TensorRT's logger, found through what it hands to setLoggerFinder.
#pragma once

#include <NvInferRuntime.h>

namespace amsr::trt {

/// Null where TensorRT takes the finder back.
void set_logger_finder(nvinfer1::ILoggerFinder* finder) noexcept;

/// Takes errors where there is no logger; null for none.
void set_error_sink(void (*take)(const char* message)) noexcept;

/// Logs "amsr WHO: message": to TensorRT's logger, else to the sink, else to standard error.
void log_error(const char* who, const char* message) noexcept;

}  // namespace amsr::trt
