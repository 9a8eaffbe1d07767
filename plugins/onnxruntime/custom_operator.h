// C++ around the C ABI: an operator is a class with a constructor from its node, compute() and infer_shape(), and
// `Registered<Operator>` is the struct of callbacks that ONNX Runtime asks for. Exceptions become status objects.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "c_api.h"

namespace amsr::ort {

/// A message for the user about a node's inputs or attributes.
struct InvalidInput : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

/// Throws where ONNX Runtime reports an error.
void check(const Api& api, Status* status);

/// Runs a function and turns what it throws into a status; null where all is well.
template <class Function>
Status* guarded(const Api& api, const Function& function) noexcept {
    try {
        function();
        return nullptr;
    } catch (const std::invalid_argument& error) {
        return api.call<CreateStatus>(ErrorCode::invalid_argument, error.what());
    } catch (const std::exception& error) {
        return api.call<CreateStatus>(ErrorCode::fail, error.what());
    }
}

using Shape = std::vector<std::int64_t>;

/// A view of an input or output; the memory is ONNX Runtime's.
struct Tensor {
    void* data = nullptr;
    Shape shape;

    template <class T>
    T* as() const {
        return static_cast<T*>(data);
    }
    std::size_t size(std::size_t axis) const { return static_cast<std::size_t>(shape[axis]); }
};

/// The node that a kernel is made for.
class Node {
  public:
    Node(const Api& api, const KernelInfo* info) : api_(api), info_(info) {}

    std::int64_t attribute(const char* name, std::int64_t otherwise) const;
    float attribute(const char* name, float otherwise) const;

    /// Whether the input is a constant; if so, `tensor` views it.
    bool constant_input(std::size_t input, Tensor& tensor) const;

  private:
    const Api& api_;
    const KernelInfo* info_;
};

/// One call of a kernel.
class Call {
  public:
    Call(const Api& api, KernelContext* context) : api_(api), context_(context) {}

    Tensor input(std::size_t index) const;
    /// Throws InvalidInput where the input has another number of axes.
    Tensor input(std::size_t index, const char* name, std::size_t axes) const;
    Tensor output(const Shape& shape) const;
    /// The CUDA stream of a kernel of the CUDA provider.
    void* stream() const;

    /// Calls body(first, last) for ranges that cover [0, total), on ONNX Runtime's threads. Must not throw.
    template <class Body>
    void parallel(std::size_t total, std::size_t range, const Body& body) const {
        struct Task {
            const Body& body;
            std::size_t total, range;
        } task{body, total, range};
        const auto run = [](void* data, std::size_t i) {
            const Task& t = *static_cast<const Task*>(data);
            const std::size_t first = i * t.range;
            t.body(first, first + t.range < t.total ? first + t.range : t.total);
        };
        const std::size_t ranges = (total + range - 1) / range;
        if (ranges == 0) return;
        check(api_, api_.call<KernelContext_ParallelFor>(context_, static_cast<void (*)(void*, std::size_t)>(run),
                                                         ranges, std::size_t{0}, static_cast<void*>(&task)));
    }

  private:
    const Api& api_;
    KernelContext* context_;
};

/// One axis of a tensor while the graph is loaded: a number, a name, or nothing known (-1 and empty).
struct Axis {
    std::int64_t size = -1;
    std::string name;
};

/// What is known of a node's shapes while the graph is loaded.
class ShapeInference {
  public:
    ShapeInference(const Api& api, ShapeInferContext* context) : api_(api), context_(context) {}

    /// The axes of an input; as many unknown ones as asked for where its shape is not known.
    std::vector<Axis> input(std::size_t index, std::size_t axes) const;
    /// The type of an input's elements. ONNX Runtime asks one of an operator's typed registrations for all of them.
    ElementType element_type(std::size_t index) const;
    std::int64_t attribute(const char* name, std::int64_t otherwise) const;
    /// Leaves the output's shape unknown where one of the axes is.
    void set_output(ElementType type, const std::vector<Axis>& axes) const;

  private:
    const Api& api_;
    ShapeInferContext* context_;
};

/// Where an operator runs, and where it finds its inputs.
struct CpuProvider {
    static constexpr const char* name = "CPUExecutionProvider";
    template <class Operator>
    static MemoryType memory_of(std::size_t) {
        return MemoryType::standard;
    }
};

/// The callbacks of an operator. Operator offers: name; inputs() and output, the types; in_place_input (-1: none).
template <class Operator, class Provider = CpuProvider>
struct Registered : CustomOp {
    /// The kernel and what it needs to report errors.
    struct Kernel {
        const Api& api;
        Operator body;
    };

    explicit Registered(const Api& api) : CustomOp{}, api_of_process(api) {
        version = api_version;
        GetName = [](const CustomOp*) { return Operator::name; };
        GetExecutionProviderType = [](const CustomOp*) { return Provider::name; };
        GetInputType = [](const CustomOp*, std::size_t i) { return Operator::inputs[i]; };
        GetInputTypeCount = [](const CustomOp*) { return std::size_t{Operator::inputs.size()}; };
        GetOutputType = [](const CustomOp*, std::size_t) { return Operator::output; };
        GetOutputTypeCount = [](const CustomOp*) { return std::size_t{1}; };
        GetInputCharacteristic = [](const CustomOp*, std::size_t) { return Characteristic::required; };
        GetOutputCharacteristic = [](const CustomOp*, std::size_t) { return Characteristic::required; };
        GetInputMemoryType = [](const CustomOp*, std::size_t i) { return Provider::template memory_of<Operator>(i); };
        GetStartVersion = [](const CustomOp*) { return 1; };
        GetEndVersion = [](const CustomOp*) { return 1; };
        CreateKernelV2 = [](const CustomOp*, const Api* given, const KernelInfo* info, void** kernel) {
            return guarded(*given, [&] { *kernel = new Kernel{*given, Operator(Node(*given, info))}; });
        };
        KernelComputeV2 = [](void* kernel, KernelContext* context) {
            Kernel& self = *static_cast<Kernel*>(kernel);
            return guarded(self.api, [&] { self.body.compute(Call(self.api, context)); });
        };
        KernelDestroy = [](void* kernel) { delete static_cast<Kernel*>(kernel); };
        InferOutputShapeFn = [](const CustomOp* op, ShapeInferContext* context) {
            const Api& known = static_cast<const Registered*>(op)->api_of_process;
            return guarded(known, [&] { Operator::infer_shape(ShapeInference(known, context)); });
        };
        if constexpr (Operator::in_place_input >= 0) {
            GetMayInplace = [](int** inputs, int** outputs) {
                *inputs = new int(Operator::in_place_input);
                *outputs = new int(0);
                return std::size_t{1};
            };
            ReleaseMayInplace = [](int* inputs, int* outputs) {
                delete inputs;
                delete outputs;
            };
        }
    }

    const Api& api_of_process;
};

/// Adds an operator to a domain; its callbacks live as long as the process.
template <class Operator, class Provider>
void add_operator(const Api& api, CustomOpDomain* domain) {
    static const Registered<Operator, Provider> registered(api);
    check(api, api.call<CustomOpDomain_Add>(domain, static_cast<const CustomOp*>(&registered)));
}

}  // namespace amsr::ort
