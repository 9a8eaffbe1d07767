#include "kernel.h"

#include <deque>

#include "operators/error.h"
#include "shape_inference.h"

namespace amsr::ort {
namespace {

/// The callbacks that ONNX Runtime asks for.
struct Registered : CustomOp {
    Registered(const Api& of_process, const Operator& described, ElementType type, Provider where,
               MakeKernel make_kernel);

    const Api& api;
    const Operator& op;
    const ElementType value_type;
    const Provider provider;
    const MakeKernel make;
};

const Registered& of(const CustomOp* op) { return *static_cast<const Registered*>(op); }

/// A kernel and what it needs to be called.
struct Running {
    const Api& api;
    const Operator& op;
    const Attributes attributes;
    std::unique_ptr<NodeKernel> kernel;
};

ElementType type_of(Element element, ElementType value_type) {
    switch (element) {
        case Element::value:
            return value_type;
        case Element::int32:
            return ElementType::int32;
        case Element::int64:
        case Element::size:
            return ElementType::int64;
    }
    return ElementType::undefined;
}

void* make_running(const Registered& registered, const Api& api, const KernelInfo* info) {
    const NodeInfo node(api, info);
    auto running =
        std::unique_ptr<Running>(new Running{api, registered.op, node.attributes(registered.op.attributes), nullptr});
    check_attributes(running->op, running->attributes);
    running->kernel = registered.make(Node(running->op, running->attributes, node));
    return running.release();
}

void infer_shape(const Operator& op, const ShapeInference& inference) {
    const Attributes attributes = inference.attributes(op.attributes);
    Lengths<Symbol> lengths(attributes, [](std::int64_t value) { return Symbol{value, ""}; });
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
        lengths.name(op.inputs[i].shape, inference.input(i, op.inputs[i].shape.axes.size()));
    }
    const std::optional<std::size_t> value_input = op.value_input();
    const ElementType value_type = value_input ? inference.element_type(*value_input) : ElementType::undefined;
    inference.set_output(type_of(op.output.element, value_type), lengths(op.output.shape));
}

template <int input>
std::size_t may_overwrite(int** inputs, int** outputs) {
    *inputs = new int(input);
    *outputs = new int(0);
    return 1;
}

Registered::Registered(const Api& of_process, const Operator& described, ElementType type, Provider where,
                       MakeKernel make_kernel)
    : CustomOp{}, api(of_process), op(described), value_type(type), provider(where), make(make_kernel) {
    version = api_version;
    GetName = [](const CustomOp* self) { return of(self).op.name.c_str(); };
    GetExecutionProviderType = [](const CustomOp* self) {
        return of(self).provider == Provider::cpu ? "CPUExecutionProvider" : "CUDAExecutionProvider";
    };
    GetInputType = [](const CustomOp* self, std::size_t i) {
        return type_of(of(self).op.inputs[i].element, of(self).value_type);
    };
    GetInputTypeCount = [](const CustomOp* self) { return of(self).op.inputs.size(); };
    GetOutputType = [](const CustomOp* self, std::size_t) {
        return type_of(of(self).op.output.element, of(self).value_type);
    };
    GetOutputTypeCount = [](const CustomOp*) { return std::size_t{1}; };
    GetInputCharacteristic = [](const CustomOp*, std::size_t) { return Characteristic::required; };
    GetOutputCharacteristic = [](const CustomOp*, std::size_t) { return Characteristic::required; };
    GetInputMemoryType = [](const CustomOp* self, std::size_t i) {  // the host reads the size of a picture
        const bool is_read = of(self).provider == Provider::cuda && of(self).op.inputs[i].element == Element::size;
        return is_read ? MemoryType::cpu_input : MemoryType::standard;
    };
    GetStartVersion = [](const CustomOp*) { return 1; };
    GetEndVersion = [](const CustomOp*) { return 1; };
    CreateKernelV2 = [](const CustomOp* self, const Api* given, const KernelInfo* info, void** kernel) {
        return guarded(*given, [&] { *kernel = make_running(of(self), *given, info); });
    };
    KernelComputeV2 = [](void* kernel, KernelContext* context) {
        const Running& running = *static_cast<Running*>(kernel);
        return guarded(running.api, [&] {
            running.kernel->compute(Call(running.op, running.attributes, Context(running.api, context)));
        });
    };
    KernelDestroy = [](void* kernel) { delete static_cast<Running*>(kernel); };
    InferOutputShapeFn = [](const CustomOp* self, ShapeInferContext* context) {
        return guarded(of(self).api, [&] { infer_shape(of(self).op, ShapeInference(of(self).api, context)); });
    };
    if (op.in_place_input < 0) return;
    GetMayInplace = op.in_place_input == 0 ? may_overwrite<0> : may_overwrite<1>;
    ReleaseMayInplace = [](int* inputs, int* outputs) {
        delete inputs;
        delete outputs;
    };
}

}  // namespace

Node::Node(const Operator& of, const Attributes& values, const NodeInfo& info)
    : Arguments{of, values, unknown_lengths(values), std::vector<const void*>(of.inputs.size())} {
    std::vector<Extents> shapes;
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
        shapes.emplace_back(op.inputs[i].shape.axes.size(), -1);
        if (!op.inputs[i].is_weight) continue;
        if (const std::optional<View> constant = info.constant_input(i)) {
            shapes[i] = constant->shape;
            inputs[i] = constant->data;
        } else {
            has_constant_weights = false;
        }
    }
    lengths = named_lengths(op, attributes, shapes);
}

Call::Call(const Operator& of, const Attributes& values, const Context& in)
    : Arguments{of, values, unknown_lengths(values), {}}, context(in) {
    std::vector<Extents> shapes;
    const std::int64_t* size_values = nullptr;
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
        View view = context.input(i);
        inputs.push_back(view.data);
        shapes.push_back(std::move(view.shape));
        if (op.inputs[i].element == Element::size) size_values = static_cast<const std::int64_t*>(view.data);
    }
    lengths = named_lengths(op, attributes, shapes);
    if (size_values != nullptr) {
        size = {size_values[0], size_values[1]};
        check_size(op, lengths, size);
    }
    Extents shape;
    for (const Length length : lengths(op.output.shape)) shape.push_back(length.value);
    output = context.output(shape);
}

void add_operator(const Api& api, CustomOpDomain* domain, const Operator& op, ElementType value_type, Provider provider,
                  MakeKernel make) {
    static std::deque<Registered> all;  // whose elements stay where they are
    const CustomOp* const registered = &all.emplace_back(api, op, value_type, provider, make);
    check(api, api.call<CustomOpDomain_Add>(domain, registered));
}

}  // namespace amsr::ort
