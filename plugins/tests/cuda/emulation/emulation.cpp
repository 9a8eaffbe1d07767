#include "emulation.h"

#include <ucontext.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "cuda/select.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define AMSR_SWITCH_STARTS(...) __sanitizer_start_switch_fiber(__VA_ARGS__)
#define AMSR_SWITCH_ENDS(...) __sanitizer_finish_switch_fiber(__VA_ARGS__)
#else
#define AMSR_SWITCH_STARTS(...)
#define AMSR_SWITCH_ENDS(...)
#endif

namespace amsr::cuda {

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr std::size_t stack_bytes = 256 * 1024;
constexpr int poison = 0xff;  // NaN in both element types

struct Copy {
    void* shared;
    const void* global;
    int bytes;
    bool valid;
};

struct Barrier {
    unsigned arrived = 0, generation = 0;
};

struct Fiber {
    ucontext_t context;
    std::unique_ptr<char[]> stack{new char[stack_bytes]};
    void* fake_stack = nullptr;
    bool done = false;
    std::vector<std::vector<Copy>> copies{1};  // groups; the last one is open
};

struct Warp {
    Barrier barrier;
    void* lanes[32];
};

struct Block {
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    std::unique_ptr<unsigned char[]> shared;
    Barrier barrier;
    bool progress = false;
    const std::function<void()>* body = nullptr;
    ucontext_t scheduler;
    void* scheduler_fake_stack = nullptr;
    const void* scheduler_stack = nullptr;
    std::size_t scheduler_stack_bytes = 0;
};

Block* block = nullptr;

Fiber& current() { return block->fibers[threadIdx.x]; }

void yield() {
    Fiber& fiber = current();
    AMSR_SWITCH_STARTS(&fiber.fake_stack, block->scheduler_stack, block->scheduler_stack_bytes);
    swapcontext(&fiber.context, &block->scheduler);
    AMSR_SWITCH_ENDS(fiber.fake_stack, &block->scheduler_stack, &block->scheduler_stack_bytes);
}

void fiber_main() {
    AMSR_SWITCH_ENDS(nullptr, &block->scheduler_stack, &block->scheduler_stack_bytes);
    (*block->body)();
    current().done = true;
    AMSR_SWITCH_STARTS(nullptr, block->scheduler_stack, block->scheduler_stack_bytes);
    swapcontext(&current().context, &block->scheduler);
}

/// The last of `count` to arrive does the work and lets the others go on.
template <class Work>
void meet(Barrier& barrier, unsigned count, const Work& work) {
    const unsigned generation = barrier.generation;
    if (++barrier.arrived == count) {
        work();
        barrier.arrived = 0;
        ++barrier.generation;
        block->progress = true;
        return;
    }
    while (barrier.generation == generation) yield();
}

Warp& current_warp() { return block->warps[threadIdx.x / 32]; }

void run_block(unsigned threads, std::size_t shared_bytes, const std::function<void()>& body) {
    Block running;
    block = &running;
    running.fibers = std::vector<Fiber>(threads);
    running.warps = std::vector<Warp>((threads + 31) / 32);
    running.shared.reset(new unsigned char[shared_bytes + 128]);
    std::memset(running.shared.get(), poison, shared_bytes + 128);
    running.body = &body;
    for (Fiber& fiber : running.fibers) {
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = stack_bytes;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, fiber_main, 0);
    }
    for (std::size_t alive = threads; alive > 0;) {
        running.progress = false;
        for (unsigned t = 0; t < threads; ++t) {
            Fiber& fiber = running.fibers[t];
            if (fiber.done) continue;
            threadIdx = dim3(t, 0, 0);
            AMSR_SWITCH_STARTS(&running.scheduler_fake_stack, fiber.stack.get(), stack_bytes);
            swapcontext(&running.scheduler, &fiber.context);
            AMSR_SWITCH_ENDS(running.scheduler_fake_stack, nullptr, nullptr);
            if (fiber.done) {
                --alive;
                running.progress = true;
            }
        }
        if (!running.progress) {
            std::fprintf(stderr, "emulation: a barrier is not reached by all threads\n");
            std::abort();
        }
    }
}

float half_of(std::uint32_t pair, int which) {
    return cpu::to_float(float16{static_cast<std::uint16_t>(pair >> (16 * which))});
}

void load_matrices(std::uint32_t (&matrices)[4], const void* row, bool transposed) {
    struct Lane {
        const std::uint16_t* row;
        std::uint32_t* matrices;
    } mine{static_cast<const std::uint16_t*>(row), matrices};
    with_warp(&mine, [transposed](void* const* lanes) {
        const auto at = [&](int matrix, int r, int c) {
            const std::uint16_t* from = static_cast<Lane*>(lanes[8 * matrix + r])->row;
            return static_cast<std::uint32_t>(from[c]);
        };
        for (int lane = 0; lane < 32; ++lane) {
            const int r = lane / 4, c = lane % 4 * 2;
            for (int m = 0; m < 4; ++m) {
                static_cast<Lane*>(lanes[lane])->matrices[m] =
                    transposed ? at(m, c, r) | at(m, c + 1, r) << 16 : at(m, r, c) | at(m, r, c + 1) << 16;
            }
        }
    });
}

}  // namespace

void run_blocks(dim3 grid, unsigned threads, std::size_t shared_bytes, const std::function<void()>& body) {
    gridDim = grid;
    blockDim = dim3(threads);
    for (unsigned y = 0; y < grid.y; ++y) {
        for (unsigned x = 0; x < grid.x; ++x) {
            blockIdx = dim3(x, y, 0);
            run_block(threads, shared_bytes, body);
        }
    }
}

unsigned char* shared_memory() {
    const auto address = reinterpret_cast<std::uintptr_t>(block->shared.get());
    return block->shared.get() + (128 - address % 128) % 128;
}

void __syncthreads() {
    meet(block->barrier, blockDim.x, [] {});
}

void __syncwarp() {
    meet(current_warp().barrier, 32, [] {});
}

void with_warp(void* mine, const std::function<void(void* const* lanes)>& work) {
    Warp& warp = current_warp();
    warp.lanes[threadIdx.x % 32] = mine;
    meet(warp.barrier, 32, [&] { work(warp.lanes); });
}

void start_copy(void* shared, const void* global, int bytes, bool valid) {
    const auto misplaced = [bytes](const void* address) {
        return reinterpret_cast<std::uintptr_t>(address) % static_cast<std::uintptr_t>(bytes) != 0;
    };
    if (misplaced(shared) || (valid && misplaced(global))) {
        std::fprintf(stderr, "emulation: a copy of %d bytes is not aligned\n", bytes);
        std::abort();
    }
    std::memset(shared, poison, static_cast<std::size_t>(bytes));
    current().copies.back().push_back({shared, global, bytes, valid});
}

void commit_copies() { current().copies.emplace_back(); }

void wait_for_copies(int latest) {
    auto& groups = current().copies;
    while (static_cast<int>(groups.size()) - 1 > latest) {
        for (const Copy& copy : groups.front()) {
            if (copy.valid) {
                std::memcpy(copy.shared, copy.global, static_cast<std::size_t>(copy.bytes));
            } else {
                std::memset(copy.shared, 0, static_cast<std::size_t>(copy.bytes));
            }
        }
        groups.erase(groups.begin());
    }
}

void load_matrices(std::uint32_t (&matrices)[4], const void* row) { load_matrices(matrices, row, false); }

void load_transposed_matrices(std::uint32_t (&matrices)[4], const void* row) { load_matrices(matrices, row, true); }

/// The register layout of mma.m16n8k16 as the PTX manual draws it.
void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
    struct Lane {
        float* sums;
        const std::uint32_t* a;
        std::uint32_t b[2];
    } mine{sums, a, {b0, b1}};
    with_warp(&mine, [](void* const* lanes) {
        float left[16][16], right[16][8];
        for (int lane = 0; lane < 32; ++lane) {
            const Lane& from = *static_cast<Lane*>(lanes[lane]);
            for (int r = 0; r < 4; ++r) {
                for (int h = 0; h < 2; ++h) {
                    left[lane / 4 + 8 * (r % 2)][lane % 4 * 2 + h + 8 * (r / 2)] = half_of(from.a[r], h);
                    if (r < 2) right[lane % 4 * 2 + h + 8 * r][lane / 4] = half_of(from.b[r], h);
                }
            }
        }
        for (int lane = 0; lane < 32; ++lane) {
            for (int i = 0; i < 4; ++i) {
                const int row = lane / 4 + 8 * (i / 2), column = lane % 4 * 2 + i % 2;
                float& sum = static_cast<Lane*>(lanes[lane])->sums[i];
                for (int k = 0; k < 16; ++k) sum += left[row][k] * right[k][column];
            }
        }
    });
}

cudaError_t select_workspace(std::int64_t, std::size_t& bytes) {
    bytes = 1;
    return cudaSuccess;
}

cudaError_t select(const std::uint8_t* flags, std::int64_t count, std::int64_t* positions, std::int64_t* selected,
                   void*, std::size_t, cudaStream_t) {
    *selected = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        if (flags[i] != 0) positions[(*selected)++] = i;
    }
    return cudaSuccess;
}

}  // namespace amsr::cuda
