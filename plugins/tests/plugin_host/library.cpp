#include "library.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstring>

#include "check.h"

namespace amsr::host {

using nvinfer1::PluginFieldType;

Library::Library(const char* path) : handle_(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    CHECK(handle_ != nullptr, "%s", dlerror());
    using GetCreators = nvinfer1::IPluginCreatorInterface* const* (*)(std::int32_t&);
    using SetLoggerFinder = void (*)(nvinfer1::ILoggerFinder*);
    const auto get_creators = reinterpret_cast<GetCreators>(dlsym(handle_, "getCreators"));
    const auto set_logger_finder = reinterpret_cast<SetLoggerFinder>(dlsym(handle_, "setLoggerFinder"));
    CHECK(get_creators != nullptr && set_logger_finder != nullptr, "%s does not export what TensorRT looks for", path);
    set_logger_finder(&logger_);
    std::int32_t count = -1;
    nvinfer1::IPluginCreatorInterface* const* const first = get_creators(count);
    CHECK(first != nullptr && count > 0, "there are %d creators", count);
    for (std::int32_t i = 0; i < count; ++i) {
        CHECK(std::strcmp(first[i]->getInterfaceInfo().kind, "PLUGIN CREATOR_V3ONE") == 0, "creator %d is a %s", i,
              first[i]->getInterfaceInfo().kind);
        creators_.push_back(static_cast<nvinfer1::IPluginCreatorV3One*>(first[i]));
    }
}

Library::~Library() { dlclose(handle_); }

nvinfer1::IPluginCreatorV3One& Library::creator(const std::string& name) const {
    for (nvinfer1::IPluginCreatorV3One* const creator : creators_) {
        if (name == creator->getPluginName()) return *creator;
    }
    CHECK(false, "there is no creator of %s", name.c_str());
    std::abort();
}

void print_list(const Library& library) {
    const nvinfer1::PluginFieldCollection nothing{};
    const char* separator = "[";
    for (nvinfer1::IPluginCreatorV3One* const creator : library.creators()) {
        const std::unique_ptr<nvinfer1::IPluginV3> plugin(
            creator->createPlugin("default", &nothing, nvinfer1::TensorRTPhase::kBUILD));
        CHECK(plugin != nullptr, "%s needs attributes", creator->getPluginName());
        auto& build = *static_cast<nvinfer1::IPluginV3OneBuild*>(
            plugin->getCapabilityInterface(nvinfer1::PluginCapabilityType::kBUILD));
        std::printf(
            "%s\n{\"name\": \"%s\", \"version\": \"%s\", \"namespace\": \"%s\", \"default\": \"%s\", \"fields\": {",
            separator, creator->getPluginName(), creator->getPluginVersion(), creator->getPluginNamespace(),
            build.getMetadataString());
        separator = ",";
        const nvinfer1::PluginFieldCollection& fields = *creator->getFieldNames();
        for (std::int32_t i = 0; i < fields.nbFields; ++i) {
            std::printf("%s\"%s\": \"%s\"", i == 0 ? "" : ", ", fields.fields[i].name,
                        fields.fields[i].type == PluginFieldType::kINT32 ? "int" : "float");
        }
        std::printf("}}");
    }
    std::printf("\n]\n");
}

}  // namespace amsr::host
