// Does what TensorRT would do with the plugin library, without TensorRT: loads it, builds, saves, recreates and runs every
// plugin, and compares what it gives with the definition. Without a GPU everything but the execution.
//   amsr_plugin_host LIBRARY          all checks
//   amsr_plugin_host LIBRARY --list   the plugins as JSON
#include <cstdio>
#include <cstring>

#include "../check.h"
#include "execution.h"
#include "protocol.h"

namespace {

using namespace amsr::host;

bool has_size(const Case& known) {
    for (const Array& input : known.inputs) {
        if (input.name == "size") return true;
    }
    return false;
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

}  // namespace

int main(int count, char** arguments) {
    if (count < 2 || count > 3 || (count == 3 && std::strcmp(arguments[2], "--list") != 0)) {
        std::fprintf(stderr, "usage: amsr_plugin_host LIBRARY [--list]\n");
        return 2;
    }
    Library library(arguments[1]);
    if (count == 3) {
        print_list(library);
        return 0;
    }
    const std::vector<Case> cases = all_cases();
    const std::vector<Scenario> scenarios = scenarios_of(cases);
    check_complete(library, cases);
    check_refusals(library);
    std::string reason;
    const bool executes = has_gpu(reason);
    for (const Scenario& scenario : scenarios) {
        const std::unique_ptr<nvinfer1::IPluginV3> plugin = walk_protocol(library, scenario);
        workspace_bytes(library, scenario);
        if (executes) check_execution(library, scenario, *plugin);
    }
    std::printf("%zu plugins, %zu scenarios: everything up to execution is as it should be\n", library.creators().size(),
                scenarios.size());
    if (executes) {
        std::printf("EXECUTED on a GPU: all results are those of the definition\n");
    } else {
        std::printf("SKIPPED execution: no GPU (%s)\n", reason.c_str());
    }
    return 0;
}
