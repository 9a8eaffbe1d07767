#include "log.h"

#include <atomic>
#include <cstdio>

namespace amsr::trt {
namespace {

std::atomic<nvinfer1::ILoggerFinder*> logger_finder{nullptr};
std::atomic<void (*)(const char*)> error_sink{nullptr};

nvinfer1::ILogger* find_logger() noexcept {
    nvinfer1::ILoggerFinder* const finder = logger_finder;
    try {
        return finder != nullptr ? finder->findLogger() : nullptr;
    } catch (...) {
        return nullptr;
    }
}

}  // namespace

void set_logger_finder(nvinfer1::ILoggerFinder* finder) noexcept { logger_finder = finder; }

void set_error_sink(void (*take)(const char*)) noexcept { error_sink = take; }

void log_error(const char* who, const char* message) noexcept {
    char line[1024];  // no allocation: it may be what failed
    std::snprintf(line, sizeof line, "amsr %s: %s", who, message);
    if (nvinfer1::ILogger* const logger = find_logger()) {
        logger->log(nvinfer1::ILogger::Severity::kERROR, line);
    } else if (void (*const take)(const char*) = error_sink) {
        take(line);
    } else {
        std::fprintf(stderr, "%s\n", line);
    }
}

}  // namespace amsr::trt
