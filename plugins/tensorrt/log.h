// TensorRT's logger, found through what it hands to setLoggerFinder.
#pragma once

#include <NvInferRuntime.h>

namespace amsr::trt {

/// Null where TensorRT takes the finder back.
void set_logger_finder(nvinfer1::ILoggerFinder* finder) noexcept;

/// Logs "amsr WHO: message"; to standard error where there is no logger.
void log_error(const char* who, const char* message) noexcept;

}  // namespace amsr::trt
