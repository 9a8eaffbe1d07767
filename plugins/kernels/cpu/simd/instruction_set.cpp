#include "cpu/simd/instruction_set.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <stdexcept>
#include <string>

#if defined(AMSR_X86) && defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#elif defined(AMSR_X86)
#include <cpuid.h>
#endif

namespace amsr::cpu {
namespace {

#ifdef AMSR_X86

struct Registers {
    unsigned a, b, c, d;
};

Registers cpuid(unsigned leaf, unsigned subleaf) {
    Registers r{};
#ifdef _MSC_VER
    int words[4];
    __cpuidex(words, static_cast<int>(leaf), static_cast<int>(subleaf));
    r = {unsigned(words[0]), unsigned(words[1]), unsigned(words[2]), unsigned(words[3])};
#else
    __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d);
#endif
    return r;
}

/// XCR0: the register files that the operating system saves.
unsigned saved_states() {
#ifdef _MSC_VER
    return static_cast<unsigned>(_xgetbv(0));
#else
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
#endif
}

bool has_all(unsigned word, unsigned bits) { return (word & bits) == bits; }

bool has_avx2() {
    constexpr unsigned fma = 1u << 12, xsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29, avx2 = 1u << 5,
                       ymm_states = 6;
    return has_all(cpuid(1, 0).c, fma | xsave | avx | f16c) && has_all(saved_states(), ymm_states) &&
           has_all(cpuid(7, 0).b, avx2);
}

bool has_avx512() {
    constexpr unsigned f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31, zmm_states = 0xe6;
    return has_avx2() && has_all(saved_states(), zmm_states) && has_all(cpuid(7, 0).b, f | dq | bw | vl);
}

bool has_avx512_bf16() { return has_avx512() && has_all(cpuid(7, 1).a, 1u << 5); }

#endif

bool is_always_there() { return true; }

struct Row {
    InstructionSet set;
    const char* name;
    bool (*is_available)();
};

constexpr Row table[] = {
// what this build has, best first
#ifdef AMSR_X86
    {InstructionSet::avx512_bf16, "avx512_bf16", has_avx512_bf16},
    {InstructionSet::avx512, "avx512", has_avx512},
    {InstructionSet::avx2, "avx2", has_avx2},
#endif
#ifdef AMSR_NEON
    {InstructionSet::neon, "neon", is_always_there},
#endif
    {InstructionSet::portable, "portable", is_always_there},
};

}  // namespace

const char* name_of(InstructionSet set) {
    return std::find_if(std::begin(table), std::end(table), [&](const Row& row) { return row.set == set; })->name;
}

const std::vector<InstructionSet>& available_instruction_sets() {
    static const std::vector<InstructionSet> sets = [] {  // once: a virtual machine answers cpuid in microseconds
        std::vector<InstructionSet> found;
        for (const Row& row : table) {
            if (row.is_available()) found.push_back(row.set);
        }
        return found;
    }();
    return sets;
}

InstructionSet chosen_instruction_set() {
    const std::vector<InstructionSet>& sets = available_instruction_sets();
    const char* wanted = std::getenv("AMSR_CPU_ISA");
    if (wanted == nullptr || *wanted == '\0') return sets.front();
    std::string names;
    for (const InstructionSet set : sets) {
        if (name_of(set) == std::string(wanted)) return set;
        names += (names.empty() ? "" : ", ") + std::string(name_of(set));
    }
    throw std::invalid_argument("AMSR_CPU_ISA=" + std::string(wanted) + " is not available here; use one of: " + names +
                                ", or unset it");
}

}  // namespace amsr::cpu
