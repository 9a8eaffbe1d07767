// What becomes of errors inside the plugins. None of them crosses the C ABI: `guarded` logs them.
#pragma once

#include <exception>

#include "log.h"
#include "operators/error.h"

namespace amsr::trt {

/// Runs a function; where it throws, logs "amsr WHO: what" and returns false.
template <class Function>
bool guarded(const char* who, const Function& function) noexcept {
    try {
        function();
        return true;
    } catch (const std::exception& error) {
        log_error(who, error.what());
    } catch (...) {
        log_error(who, "unknown error");
    }
    return false;
}

}  // namespace amsr::trt
