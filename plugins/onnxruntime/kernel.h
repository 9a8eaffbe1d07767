// An operator as ONNX Runtime runs it: a kernel made for a node, and its calls.
#pragma once

#include <memory>

#include "abi.h"
#include "operators/arguments.h"

namespace amsr::ort {

/// The node that a kernel is made for. Lengths that its constants do not tell are unknown.
struct Node : Arguments {
    Node(const Operator& of, const Attributes& values, const NodeInfo& info);

    bool has_constant_weights = true;
};

/// One call: its inputs checked, its size read, its output allocated.
struct Call : Arguments {
    Call(const Operator& of, const Attributes& values, const Context& in);

    const Context& context;
};

/// The kernel of one node.
class NodeKernel {
  public:
    NodeKernel() = default;
    NodeKernel(const NodeKernel&) = delete;
    NodeKernel& operator=(const NodeKernel&) = delete;
    virtual ~NodeKernel() = default;

    /// Sessions may call it on several threads.
    virtual void compute(const Call& call) = 0;
};

enum class Provider { cpu, cuda };

using MakeKernel = std::unique_ptr<NodeKernel> (*)(const Node&);

/// Adds an operator for one type of its values to a domain; its callbacks live as long as the process.
void add_operator(const Api& api, CustomOpDomain* domain, const Operator& op, ElementType value_type, Provider provider,
                  MakeKernel make);

}  // namespace amsr::ort
