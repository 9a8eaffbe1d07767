// The few entries of ONNX Runtime's C ABI that a library of custom operators needs. Its Python wheel has no headers,
// and the ABI only ever grows: an entry keeps its place in the table. c_api_check.cpp compares all of this with the
// official header where that is installed.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef _WIN32
#define AMSR_ORT_CALL __stdcall
#else
#define AMSR_ORT_CALL
#endif

namespace amsr::ort {

/// The API version that is asked for: all entries below are older, and so is every ONNX Runtime that the package
/// allows.
constexpr std::uint32_t api_version = 20;

struct Status;
struct Value;
struct KernelInfo;
struct KernelContext;
struct SessionOptions;
struct CustomOpDomain;
struct TensorInfo;
struct ShapeInferContext;
struct OpAttribute;

enum class ElementType : int { undefined = 0, float32 = 1, int32 = 6, int64 = 7, float16 = 10, bfloat16 = 16 };
enum class Characteristic : int { required = 0 };
enum class MemoryType : int { cpu_input = -2, standard = 0 };
enum class ErrorCode : int { fail = 1, invalid_argument = 2 };
enum class AttributeType : int { int64 = 1 };

/// One entry of the table OrtApi: its place and its function.
template <std::size_t place, class Return, class... Arguments>
struct Entry {
    static constexpr std::size_t index = place;
    using Function = Return(AMSR_ORT_CALL*)(Arguments...);
};

using CreateStatus = Entry<0, Status*, ErrorCode, const char*>;
using GetErrorMessage = Entry<2, const char*, const Status*>;
using CreateCustomOpDomain = Entry<26, Status*, const char*, CustomOpDomain**>;
using CustomOpDomain_Add = Entry<27, Status*, CustomOpDomain*, const struct CustomOp*>;
using AddCustomOpDomain = Entry<28, Status*, SessionOptions*, CustomOpDomain*>;
using GetTensorMutableData = Entry<51, Status*, Value*, void**>;
using CreateTensorTypeAndShapeInfo = Entry<57, Status*, TensorInfo**>;
using SetTensorElementType = Entry<58, Status*, TensorInfo*, ElementType>;
using SetDimensions = Entry<59, Status*, TensorInfo*, const std::int64_t*, std::size_t>;
using GetTensorElementType = Entry<60, Status*, const TensorInfo*, ElementType*>;
using GetDimensionsCount = Entry<61, Status*, const TensorInfo*, std::size_t*>;
using GetDimensions = Entry<62, Status*, const TensorInfo*, std::int64_t*, std::size_t>;
using GetSymbolicDimensions = Entry<63, Status*, const TensorInfo*, const char**, std::size_t>;
using GetTensorTypeAndShape = Entry<65, Status*, const Value*, TensorInfo**>;
using KernelInfoGetAttribute_float = Entry<85, Status*, const KernelInfo*, const char*, float*>;
using KernelInfoGetAttribute_int64 = Entry<86, Status*, const KernelInfo*, const char*, std::int64_t*>;
using KernelInfoGetAttribute_string = Entry<87, Status*, const KernelInfo*, const char*, char*, std::size_t*>;
using KernelContext_GetInput = Entry<90, Status*, const KernelContext*, std::size_t, const Value**>;
using KernelContext_GetOutput =
    Entry<91, Status*, KernelContext*, std::size_t, const std::int64_t*, std::size_t, Value**>;
using ReleaseStatus = Entry<93, void, Status*>;
using ReleaseTensorTypeAndShapeInfo = Entry<99, void, TensorInfo*>;
using KernelInfoGetAttributeArray_float = Entry<162, Status*, const KernelInfo*, const char*, float*, std::size_t*>;
using KernelInfoGetAttributeArray_int64 =
    Entry<163, Status*, const KernelInfo*, const char*, std::int64_t*, std::size_t*>;
using KernelContext_GetGPUComputeStream = Entry<193, Status*, const KernelContext*, void**>;
using KernelInfoGetConstantInput_tensor = Entry<249, Status*, const KernelInfo*, std::size_t, int*, const Value**>;
using ShapeInferContext_GetInputTypeShape = Entry<268, Status*, const ShapeInferContext*, std::size_t, TensorInfo**>;
using ShapeInferContext_GetAttribute = Entry<269, Status*, const ShapeInferContext*, const char*, const OpAttribute**>;
using ShapeInferContext_SetOutputTypeShape =
    Entry<270, Status*, const ShapeInferContext*, std::size_t, const TensorInfo*>;
using SetSymbolicDimensions = Entry<271, Status*, TensorInfo*, const char**, std::size_t>;
using ReadOpAttr = Entry<272, Status*, const OpAttribute*, AttributeType, void*, std::size_t, std::size_t*>;
using KernelContext_ParallelFor =
    Entry<274, Status*, const KernelContext*, void (*)(void*, std::size_t), std::size_t, std::size_t, void*>;

/// OrtApi: a table of function pointers.
struct Api {
    template <class E, class... Arguments>
    auto call(Arguments... arguments) const {
        const auto* table = reinterpret_cast<void* const*>(this);
        return reinterpret_cast<typename E::Function>(table[E::index])(arguments...);
    }
};

struct ApiBase {
    const Api*(AMSR_ORT_CALL* GetApi)(std::uint32_t version);
    const char*(AMSR_ORT_CALL* GetVersionString)();
};

/// OrtCustomOp up to API version 20. Members that stay null are not asked for, or have a default.
struct CustomOp {
    std::uint32_t version;
    void*(AMSR_ORT_CALL* CreateKernel)(const CustomOp*, const Api*, const KernelInfo*);
    const char*(AMSR_ORT_CALL* GetName)(const CustomOp*);
    const char*(AMSR_ORT_CALL* GetExecutionProviderType)(const CustomOp*);
    ElementType(AMSR_ORT_CALL* GetInputType)(const CustomOp*, std::size_t);
    std::size_t(AMSR_ORT_CALL* GetInputTypeCount)(const CustomOp*);
    ElementType(AMSR_ORT_CALL* GetOutputType)(const CustomOp*, std::size_t);
    std::size_t(AMSR_ORT_CALL* GetOutputTypeCount)(const CustomOp*);
    void(AMSR_ORT_CALL* KernelCompute)(void*, KernelContext*);
    void(AMSR_ORT_CALL* KernelDestroy)(void*);
    Characteristic(AMSR_ORT_CALL* GetInputCharacteristic)(const CustomOp*, std::size_t);
    Characteristic(AMSR_ORT_CALL* GetOutputCharacteristic)(const CustomOp*, std::size_t);
    MemoryType(AMSR_ORT_CALL* GetInputMemoryType)(const CustomOp*, std::size_t);
    int(AMSR_ORT_CALL* GetVariadicInputMinArity)(const CustomOp*);
    int(AMSR_ORT_CALL* GetVariadicInputHomogeneity)(const CustomOp*);
    int(AMSR_ORT_CALL* GetVariadicOutputMinArity)(const CustomOp*);
    int(AMSR_ORT_CALL* GetVariadicOutputHomogeneity)(const CustomOp*);
    Status*(AMSR_ORT_CALL* CreateKernelV2)(const CustomOp*, const Api*, const KernelInfo*, void**);
    Status*(AMSR_ORT_CALL* KernelComputeV2)(void*, KernelContext*);
    Status*(AMSR_ORT_CALL* InferOutputShapeFn)(const CustomOp*, ShapeInferContext*);
    int(AMSR_ORT_CALL* GetStartVersion)(const CustomOp*);
    int(AMSR_ORT_CALL* GetEndVersion)(const CustomOp*);
    std::size_t(AMSR_ORT_CALL* GetMayInplace)(int**, int**);
    void(AMSR_ORT_CALL* ReleaseMayInplace)(int*, int*);
    std::size_t(AMSR_ORT_CALL* GetAliasMap)(int**, int**);
    void(AMSR_ORT_CALL* ReleaseAliasMap)(int*, int*);
};

}  // namespace amsr::ort
