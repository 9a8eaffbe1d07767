// Compares c_api.h with ONNX Runtime's own header. Compiles to nothing; built only where that header is found.
#include <onnxruntime_c_api.h>

#include <type_traits>

#include "c_api.h"

namespace {

template <class T>
constexpr bool is_pointer = std::is_pointer<T>::value;

/// Two types that are passed in the same way: both pointers, or both numbers of one size.
template <class A, class B>
constexpr bool same_passing = sizeof(A) == sizeof(B) && is_pointer<A> == is_pointer<B>;

template <class A, class B>
struct SameSignature : std::false_type {};

template <class R1, class... A1, class R2, class... A2>
struct SameSignature<R1 (*)(A1...), R2 (*)(A2...)> {
    static constexpr bool results() {
        if constexpr (std::is_void<R1>::value || std::is_void<R2>::value) {
            return std::is_void<R1>::value && std::is_void<R2>::value;
        } else {
            return same_passing<R1, R2>;
        }
    }
    static constexpr bool arguments() {
        if constexpr (sizeof...(A1) == sizeof...(A2)) {
            return (same_passing<A1, A2> && ...);
        } else {
            return false;
        }
    }
    static constexpr bool value = results() && arguments();
};

template <class R1, class... A1, class Other>
struct SameSignature<R1 (*)(A1...) noexcept, Other> : SameSignature<R1 (*)(A1...), Other> {};

#define CHECK_ENTRY(name)                                                                                          \
    static_assert(offsetof(OrtApi, name) == amsr::ort::name::index * sizeof(void*), #name " is at another place"); \
    static_assert(SameSignature<decltype(OrtApi::name), amsr::ort::name::Function>::value,                         \
                  #name " has another signature")

CHECK_ENTRY(CreateStatus);
CHECK_ENTRY(GetErrorMessage);
CHECK_ENTRY(CreateCustomOpDomain);
CHECK_ENTRY(CustomOpDomain_Add);
CHECK_ENTRY(AddCustomOpDomain);
CHECK_ENTRY(GetTensorMutableData);
CHECK_ENTRY(CreateTensorTypeAndShapeInfo);
CHECK_ENTRY(SetTensorElementType);
CHECK_ENTRY(SetDimensions);
CHECK_ENTRY(GetTensorElementType);
CHECK_ENTRY(GetDimensionsCount);
CHECK_ENTRY(GetDimensions);
CHECK_ENTRY(GetSymbolicDimensions);
CHECK_ENTRY(GetTensorTypeAndShape);
CHECK_ENTRY(KernelInfoGetAttribute_float);
CHECK_ENTRY(KernelInfoGetAttribute_int64);
CHECK_ENTRY(KernelInfoGetAttribute_string);
CHECK_ENTRY(KernelContext_GetInput);
CHECK_ENTRY(KernelContext_GetOutput);
CHECK_ENTRY(ReleaseStatus);
CHECK_ENTRY(ReleaseTensorTypeAndShapeInfo);
CHECK_ENTRY(KernelInfoGetAttributeArray_float);
CHECK_ENTRY(KernelInfoGetAttributeArray_int64);
CHECK_ENTRY(KernelContext_GetGPUComputeStream);
CHECK_ENTRY(KernelInfoGetConstantInput_tensor);
CHECK_ENTRY(ShapeInferContext_GetInputTypeShape);
CHECK_ENTRY(ShapeInferContext_GetAttribute);
CHECK_ENTRY(ShapeInferContext_SetOutputTypeShape);
CHECK_ENTRY(SetSymbolicDimensions);
CHECK_ENTRY(ReadOpAttr);
CHECK_ENTRY(KernelContext_ParallelFor);

#define CHECK_MEMBER(name)                                                                                           \
    static_assert(offsetof(OrtCustomOp, name) == offsetof(amsr::ort::CustomOp, name), #name " is at another place"); \
    static_assert(SameSignature<decltype(OrtCustomOp::name), decltype(amsr::ort::CustomOp::name)>::value,            \
                  #name " has another signature")

static_assert(offsetof(OrtCustomOp, version) == offsetof(amsr::ort::CustomOp, version), "version is at another place");
CHECK_MEMBER(CreateKernel);
CHECK_MEMBER(GetName);
CHECK_MEMBER(GetExecutionProviderType);
CHECK_MEMBER(GetInputType);
CHECK_MEMBER(GetInputTypeCount);
CHECK_MEMBER(GetOutputType);
CHECK_MEMBER(GetOutputTypeCount);
CHECK_MEMBER(KernelCompute);
CHECK_MEMBER(KernelDestroy);
CHECK_MEMBER(GetInputCharacteristic);
CHECK_MEMBER(GetOutputCharacteristic);
CHECK_MEMBER(GetInputMemoryType);
CHECK_MEMBER(GetVariadicInputMinArity);
CHECK_MEMBER(GetVariadicInputHomogeneity);
CHECK_MEMBER(GetVariadicOutputMinArity);
CHECK_MEMBER(GetVariadicOutputHomogeneity);
CHECK_MEMBER(CreateKernelV2);
CHECK_MEMBER(KernelComputeV2);
CHECK_MEMBER(InferOutputShapeFn);
CHECK_MEMBER(GetStartVersion);
CHECK_MEMBER(GetEndVersion);
CHECK_MEMBER(GetMayInplace);
CHECK_MEMBER(ReleaseMayInplace);
CHECK_MEMBER(GetAliasMap);
CHECK_MEMBER(ReleaseAliasMap);
static_assert(sizeof(OrtCustomOp) >= sizeof(amsr::ort::CustomOp), "the operator struct only grows");

static_assert(offsetof(OrtApiBase, GetApi) == offsetof(amsr::ort::ApiBase, GetApi));
static_assert(offsetof(OrtApiBase, GetVersionString) == offsetof(amsr::ort::ApiBase, GetVersionString));
static_assert(ORT_API_VERSION >= amsr::ort::api_version, "the official header is older than what is asked for");

#define CHECK_VALUE(ours, theirs) static_assert(static_cast<int>(amsr::ort::ours) == theirs, #theirs)

CHECK_VALUE(ElementType::undefined, ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED);
CHECK_VALUE(ElementType::float32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
CHECK_VALUE(ElementType::int32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32);
CHECK_VALUE(ElementType::int64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64);
CHECK_VALUE(ElementType::float16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16);
CHECK_VALUE(ElementType::bfloat16, ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16);
CHECK_VALUE(Characteristic::required, INPUT_OUTPUT_REQUIRED);
CHECK_VALUE(MemoryType::cpu_input, OrtMemTypeCPUInput);
CHECK_VALUE(MemoryType::standard, OrtMemTypeDefault);
CHECK_VALUE(ErrorCode::fail, ORT_FAIL);
CHECK_VALUE(ErrorCode::invalid_argument, ORT_INVALID_ARGUMENT);
CHECK_VALUE(AttributeType::int64, ORT_OP_ATTR_INT);

}  // namespace
