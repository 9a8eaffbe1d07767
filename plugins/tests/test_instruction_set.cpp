// AMSR_CPU_ISA chooses; what cannot be had is refused with the value and the choices.
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "check.h"
#include "cpu/simd/instruction_set.h"

using namespace amsr::cpu;

namespace {

void set_variable(const char* value) {
#ifdef _WIN32
    _putenv_s("AMSR_CPU_ISA", value);
#else
    setenv("AMSR_CPU_ISA", value, 1);
#endif
}

}  // namespace

int main() {
    const auto sets = available_instruction_sets();
    CHECK(sets.back() == InstructionSet::portable, "the portable code is everywhere");
    set_variable("");
    CHECK(chosen_instruction_set() == sets.front(), "the best is the default");
    for (const InstructionSet set : sets) {
        set_variable(name_of(set));
        CHECK(chosen_instruction_set() == set, "%s was asked for", name_of(set));
    }
    set_variable("sse9");
    std::string message;
    try {
        chosen_instruction_set();
    } catch (const std::invalid_argument& error) {
        message = error.what();
    }
    CHECK(message.find("sse9") != std::string::npos && message.find("portable") != std::string::npos, "%s",
          message.c_str());
}
