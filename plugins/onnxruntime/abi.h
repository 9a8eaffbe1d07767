// C++ around the C ABI: nodes and calls as ONNX Runtime shows them. Exceptions become status objects.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "c_api.h"
#include "operators/attributes.h"

namespace amsr::ort {

/// True where the status is null; releases it otherwise.
bool succeeded(const Api& api, Status* status);

/// Throws where ONNX Runtime reports an error.
void check(const Api& api, Status* status);

/// Runs a function and turns what it throws into a status; null where all is well.
template <class Function>
Status* guarded(const Api& api, const Function& function) noexcept {
    try {
        function();
        return nullptr;
    } catch (const std::invalid_argument& error) {
        return api.call<CreateStatus>(ErrorCode::invalid_argument, error.what());
    } catch (const std::exception& error) {
        return api.call<CreateStatus>(ErrorCode::fail, error.what());
    }
}

/// Keeps the first exception of work on several threads that cannot pass it on.
class FirstException {
  public:
    template <class Function>
    void keep(const Function& function) noexcept {
        try {
            function();
        } catch (...) {
            if (!is_taken_.exchange(true)) first_ = std::current_exception();
        }
    }

    /// Throws it, once all threads are done.
    void rethrow() const {
        if (first_) std::rethrow_exception(first_);
    }

  private:
    std::atomic<bool> is_taken_{false};
    std::exception_ptr first_;
};

using Extents = std::vector<std::int64_t>;

/// A view of an input; the memory is ONNX Runtime's.
struct View {
    void* data = nullptr;
    Extents shape;
};

/// The node that a kernel is made for.
class NodeInfo {
  public:
    NodeInfo(const Api& api, const KernelInfo* info) : api_(api), info_(info) {}

    /// Throws InvalidInput where one has another type or is out of range.
    Attributes attributes(const std::vector<Attribute>& described) const;

    /// None where the input is not a constant.
    std::optional<View> constant_input(std::size_t input) const;

  private:
    const Api& api_;
    const KernelInfo* info_;
};

/// One call of a kernel.
class Context {
  public:
    Context(const Api& api, KernelContext* context) : api_(api), context_(context) {}

    View input(std::size_t index) const;
    void* output(const Extents& shape) const;
    /// The CUDA stream of a kernel of the CUDA provider.
    void* stream() const;

    /// Calls body(first, last) for ranges that cover [0, total), on ONNX Runtime's threads. Throws what one of them
    /// does.
    template <class Body>
    void parallel(std::size_t total, std::size_t range, const Body& body) const {
        struct Task {
            const Body& body;
            std::size_t total, range;
            FirstException exception;
        } task{body, total, range, {}};
        const auto run = [](void* data, std::size_t i) {
            Task& t = *static_cast<Task*>(data);
            const std::size_t first = i * t.range;
            t.exception.keep([&] { t.body(first, first + t.range < t.total ? first + t.range : t.total); });
        };
        const std::size_t ranges = (total + range - 1) / range;
        if (ranges == 0) return;
        check(api_, api_.call<KernelContext_ParallelFor>(context_, static_cast<void (*)(void*, std::size_t)>(run),
                                                         ranges, std::size_t{0}, static_cast<void*>(&task)));
        task.exception.rethrow();
    }

  private:
    const Api& api_;
    KernelContext* context_;
};

}  // namespace amsr::ort
