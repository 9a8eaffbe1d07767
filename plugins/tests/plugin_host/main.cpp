// Does what TensorRT would do with the plugin library, without TensorRT: loads it, builds, saves, recreates and runs
// every plugin, and compares what it gives with the definition. Without a GPU everything but the execution.
//   amsr_plugin_host LIBRARY          all checks
//   amsr_plugin_host LIBRARY --few    the same, but runs only the first case of each operator: for emulated GPUs
//   amsr_plugin_host LIBRARY --list   the plugins as JSON
//   amsr_plugin_host LIBRARY --cases FILE    builds and runs the plugins on the cases of a file instead
#include <cstdio>
#include <set>
#include <string>

#include "case_file.h"
#include "check.h"
#include "cuda/gpu.h"
#include "execution.h"
#include "protocol.h"
#include "refusals.h"

namespace {

using namespace amsr::host;

#ifdef AMSR_EMULATION
constexpr const char* device_name = "an EMULATED GPU (the CPU)";
#else
constexpr const char* device_name = "a GPU";
#endif

/// Whether the pixels can have been upscaled.
bool has_small_picture(const Case& known) {
    return known.op.rfind("PixelConv2d", 0) == 0 && known.height % small_picture_reduction == 0 &&
           known.width % small_picture_reduction == 0;
}

bool has_values(const Case& known) {
    for (const Array& input : known.inputs) {
        if (input.kind == Kind::value) return true;
    }
    return false;
}

std::vector<Scenario> scenarios_of(const std::vector<Case>& cases) {
    std::vector<Scenario> scenarios;
    for (const Case& known : cases) {
        for (const nvinfer1::DataType type : {nvinfer1::DataType::kFLOAT, nvinfer1::DataType::kHALF}) {
            if (type == nvinfer1::DataType::kHALF && !has_values(known)) continue;
            scenarios.push_back({known, type, SizeForm::numbers});
            if (has_size(known)) scenarios.push_back({known, type, SizeForm::picture});
            if (has_small_picture(known)) scenarios.push_back({known, type, SizeForm::small_picture});
        }
    }
    return scenarios;
}

/// A plugin that has no case would go untested.
void check_complete(const Library& library, const std::vector<Case>& cases) {
    for (nvinfer1::IPluginCreatorV3One* const creator : library.creators()) {
        bool found = false;
        for (const Case& known : cases) found |= known.op == creator->getPluginName();
        CHECK(found, "%s has no case", creator->getPluginName());
    }
}

/// The first case of each operator that has a result.
std::set<const Case*> first_cases(const std::vector<Case>& cases) {
    std::set<std::string> seen;
    std::set<const Case*> first;
    for (const Case& known : cases) {
        if (!known.output.values.empty() && seen.insert(known.op).second) first.insert(&known);
    }
    return first;
}

/// Walks through all scenarios of the cases, and runs those of `run`, or all where it is empty.
void check_scenarios(Library& library, const std::vector<Case>& cases, const std::set<const Case*>& run) {
    const std::string reason = amsr::test::missing_device();
    const bool executes = reason.empty();
    std::size_t walked = 0, executed = 0;
    for (const Scenario& scenario : scenarios_of(cases)) {
        const Plugin plugin = walk_protocol(library, scenario);
        ++walked;
        if (!executes || (!run.empty() && run.count(&scenario.known) == 0)) continue;
        check_execution(library, scenario, *plugin);
        ++executed;
    }
    std::printf("%zu plugins, %zu scenarios: everything up to execution is as it should be\n",
                library.creators().size(), walked);
    if (executes) {
        std::printf("EXECUTED %zu scenarios on %s: all results are those of the definition\n", executed, device_name);
    } else {
        std::printf("SKIPPED execution: no GPU (%s)\n", reason.c_str());
    }
}

void check_all(Library& library, bool few) {
    const std::vector<Case> cases = all_cases();
    check_complete(library, cases);
    check_refusals(library);
    check_scenarios(library, cases, few ? first_cases(cases) : std::set<const Case*>{});
}

}  // namespace

int main(int count, char** arguments) {
    const std::string option = count > 2 ? arguments[2] : "";
    const bool is_known =
        count == 2 || (count == 3 && (option == "--list" || option == "--few")) || (count == 4 && option == "--cases");
    if (!is_known) {
        std::fprintf(stderr, "usage: amsr_plugin_host LIBRARY [--few | --list | --cases FILE]\n");
        return 2;
    }
    Library library(arguments[1]);
    if (option == "--list") {
        print_list(library);
    } else if (option == "--cases") {
        check_scenarios(library, read_cases(arguments[3]), {});
    } else {
        check_all(library, option == "--few");
    }
    return 0;
}
