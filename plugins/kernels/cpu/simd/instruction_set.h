// Which vector instructions the kernels use: the best that this CPU has, or what AMSR_CPU_ISA names.
#pragma once

#include <vector>

namespace amsr::cpu {

enum class InstructionSet { avx512_bf16, avx512, avx2, neon, portable };

/// Of one that this build has.
const char* name_of(InstructionSet set);

/// What both this build and this CPU have, best first; the portable one is always there.
const std::vector<InstructionSet>& available_instruction_sets();

/// The best available one, or the one that the environment variable AMSR_CPU_ISA names.
/// Throws std::invalid_argument where that one is unknown or not available.
InstructionSet chosen_instruction_set();

}  // namespace amsr::cpu
