#include "execution.h"

#include <cstring>

#include "cuda/gpu.h"

namespace amsr::host {
namespace {

using nvinfer1::DataType;

using Bytes = test::Buffer<unsigned char>;

template <class T>
void append(std::vector<unsigned char>& bytes, T value) {
    const std::size_t end = bytes.size();
    bytes.resize(end + sizeof value);
    std::memcpy(bytes.data() + end, &value, sizeof value);
}

std::vector<unsigned char> encode(const Array& array, DataType type) {
    std::vector<unsigned char> bytes;
    for (const double value : array.values) {
        switch (type) {
            case DataType::kINT32:
                append(bytes, static_cast<std::int32_t>(value));
                break;
            case DataType::kINT64:
                append(bytes, static_cast<std::int64_t>(value));
                break;
            case DataType::kHALF:
                append(bytes, cpu::to_float16(static_cast<float>(value)));
                break;
            default:
                append(bytes, static_cast<float>(value));
        }
    }
    return bytes;
}

template <class T>
T element(const std::vector<unsigned char>& bytes, std::size_t i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    return value;
}

double decode(const std::vector<unsigned char>& bytes, std::size_t i, DataType type) {
    switch (type) {
        case DataType::kINT32:
            return element<std::int32_t>(bytes, i);
        case DataType::kHALF:
            return static_cast<double>(cpu::to_float(element<cpu::float16>(bytes, i)));
        default:
            return static_cast<double>(element<float>(bytes, i));
    }
}

/// One plugin with its memory on the GPU.
class Execution {
  public:
    Execution(Library& library, const Scenario& scenario, nvinfer1::IPluginV3& plugin)
        : library_(library),
          scenario_(scenario),
          runtime_(*static_cast<nvinfer1::IPluginV3OneRuntime*>(
              plugin.getCapabilityInterface(nvinfer1::PluginCapabilityType::kRUNTIME))),
          in_(input_descs(scenario)),
          out_(output_desc(scenario)),
          output_(encode(scenario.known.output, out_.type).size()),
          workspace_(workspace_bytes(library, scenario)) {
        for (std::size_t i = 0; i < in_.size(); ++i)
            memory_.emplace_back(encode(scenario.known.inputs[i], in_[i].type));
        CHECK_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
    }
    Execution(const Execution&) = delete;
    Execution& operator=(const Execution&) = delete;
    ~Execution() { cudaStreamDestroy(stream_); }

    void check_separate() {
        clear(output_);
        expect_success(enqueue(output_));
        CHECK_CUDA(cudaStreamSynchronize(stream_));
        compare(output_);
    }

    void check_in_place() {
        const int input = scenario_.known.in_place_input;
        if (input < 0) return;
        const Bytes& memory = memory_[static_cast<std::size_t>(input)];
        const std::vector<unsigned char> before = memory.values();
        expect_success(enqueue(memory));
        CHECK_CUDA(cudaStreamSynchronize(stream_));
        compare(memory);
        memory.write(before);
    }

    /// With its size in device memory a plugin cannot be captured, and says so.
    void check_graph() {
        const bool has_numbers = has_size(scenario_.known) && scenario_.size_form == SizeForm::numbers;
        clear(output_);
        CHECK_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
        const std::int32_t status = enqueue(output_);
        cudaGraph_t graph = nullptr;
        CHECK_CUDA(cudaStreamEndCapture(stream_, &graph));
        if (has_numbers) {
            CHECK(status != 0, "captured without its size");
            CHECK(library_.take_errors().size() == 1, "it does not say why");
        } else {
            expect_success(status);
            cudaGraphExec_t executable = nullptr;
            CHECK_CUDA(cudaGraphInstantiate(&executable, graph, 0));
            CHECK_CUDA(cudaGraphLaunch(executable, stream_));
            CHECK_CUDA(cudaStreamSynchronize(stream_));
            compare(output_);
            CHECK_CUDA(cudaGraphExecDestroy(executable));
        }
        CHECK_CUDA(cudaGraphDestroy(graph));
    }

    void check_missing_workspace() {
        if (workspace_bytes(library_, scenario_) == 0) return;
        CHECK(enqueue(output_, nullptr) != 0, "runs without its workspace");
        CHECK(library_.take_errors().size() == 1, "it does not say why");
    }

  private:
    std::int32_t enqueue(const Bytes& output) { return enqueue(output, workspace_.data()); }

    std::int32_t enqueue(const Bytes& output, void* workspace) {
        std::vector<const void*> inputs;
        for (const Bytes& memory : memory_) inputs.push_back(memory.data());
        void* const out = output.data();
        return runtime_.enqueue(in_.data(), &out_, inputs.data(), &out, workspace, stream_);
    }

    void expect_success(std::int32_t status) {
        for (const std::string& error : library_.take_errors()) CHECK(false, "%s", error.c_str());
        CHECK(status == 0, "enqueue returned %d", status);
    }

    static void clear(const Bytes& memory) {
        memory.write(std::vector<unsigned char>(memory.size(), 0xff));  // NaN, so that what is left out shows
    }

    void compare(const Bytes& memory) const {
        const std::vector<unsigned char> actual = memory.values();
        const std::vector<double>& expected = scenario_.known.output.values;
        const double tolerance = scenario_.known.output.kind != Kind::value ? 0
                                 : out_.type == DataType::kHALF             ? 2e-2
                                                                            : 1e-4;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const double value = decode(actual, i, out_.type);
            CHECK(std::abs(value - expected[i]) <= tolerance * (1 + std::abs(expected[i])),
                  "%s, %s: value %zu is %g, not %g", scenario_.known.op.c_str(), scenario_.known.name.c_str(), i, value,
                  expected[i]);
        }
    }

    Library& library_;
    const Scenario& scenario_;
    nvinfer1::IPluginV3OneRuntime& runtime_;
    const std::vector<nvinfer1::PluginTensorDesc> in_;
    const nvinfer1::PluginTensorDesc out_;
    Bytes output_, workspace_;
    std::vector<Bytes> memory_;
    cudaStream_t stream_ = nullptr;
};

}  // namespace

void check_execution(Library& library, const Scenario& scenario, nvinfer1::IPluginV3& plugin) {
    Execution execution(library, scenario, plugin);
    execution.check_separate();
    execution.check_separate();  // with the weights laid out already
    execution.check_in_place();
    execution.check_graph();
    execution.check_missing_workspace();
}

}  // namespace amsr::host
