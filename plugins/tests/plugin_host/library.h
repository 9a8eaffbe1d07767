// The plugin library, loaded as TensorRT's registry loads it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tensorrt.h"

namespace amsr::host {

class Library {
  public:
    /// Ends the program with a message where the file is not a library of plugins.
    explicit Library(const char* path);
    ~Library();
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    const std::vector<nvinfer1::IPluginCreatorV3One*>& creators() const { return creators_; }
    nvinfer1::IPluginCreatorV3One& creator(const std::string& name) const;
    /// The errors that plugins logged since the last call.
    std::vector<std::string> take_errors() { return logger_.take(); }

  private:
    Logger logger_;
    void* handle_;
    std::vector<nvinfer1::IPluginCreatorV3One*> creators_;
};

/// Names, fields and signatures of all plugins as JSON.
void print_list(const Library& library);

}  // namespace amsr::host
