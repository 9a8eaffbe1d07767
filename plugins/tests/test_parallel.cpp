// What a range of a kernel's work throws reaches the kernel's caller, not the thread that ran the range.
#include <array>
#include <new>
#include <vector>

#include "abi.h"
#include "check.h"

using namespace amsr::ort;

namespace {

/// As ONNX Runtime's, out of which an exception ends the process.
Status* parallel_for(const KernelContext*, void (*run)(void*, std::size_t), std::size_t ranges, std::size_t,
                     void* data) noexcept {
    for (std::size_t i = 0; i < ranges; ++i) run(data, i);
    return nullptr;
}

}  // namespace

int main() {
    std::array<void*, KernelContext_ParallelFor::index + 1> table{};
    table.back() = reinterpret_cast<void*>(parallel_for);
    const Context context(*reinterpret_cast<const Api*>(table.data()), nullptr);
    for (const std::size_t failing : {0u, 1u, 4u}) {  // the first of the four ranges that fails
        std::vector<int> done(10);
        bool caught = false;
        try {
            context.parallel(done.size(), 3, [&](std::size_t first, std::size_t last) {
                for (std::size_t i = first; i < last; ++i) ++done[i];
                if (first / 3 >= failing) throw std::bad_alloc();
            });
        } catch (const std::bad_alloc&) {
            caught = true;
        }
        CHECK(caught == (failing < 4), "ranges from %zu on fail", failing);
        for (const int times : done) CHECK(times == 1, "an item is worked on %d times", times);
    }
}
