// Shape inference as ONNX Runtime asks for it while a graph is loaded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "c_api.h"
#include "operators/attributes.h"

namespace amsr::ort {

/// One axis of a tensor while the graph is loaded: a number, a name, or nothing known (-1 and empty).
struct Symbol {
    std::int64_t size = -1;
    std::string name;

    bool known() const { return size >= 0 || !name.empty(); }
};
Symbol operator*(const Symbol& a, const Symbol& b);
Symbol operator/(const Symbol& a, const Symbol& b);

/// What is known of a node's shapes while the graph is loaded.
class ShapeInference {
  public:
    ShapeInference(const Api& api, ShapeInferContext* context) : api_(api), context_(context) {}

    /// The axes of an input; as many unknown ones as asked for where its shape is not known.
    std::vector<Symbol> input(std::size_t index, std::size_t axes) const;
    /// The type of an input's elements. ONNX Runtime asks one of an operator's typed registrations for all of them.
    ElementType element_type(std::size_t index) const;
    /// Those of integers, which shapes are made of.
    Attributes attributes(const std::vector<Attribute>& described) const;
    /// Leaves the output's shape unknown where one of the axes is.
    void set_output(ElementType type, const std::vector<Symbol>& axes) const;

  private:
    const Api& api_;
    ShapeInferContext* context_;
};

}  // namespace amsr::ort
