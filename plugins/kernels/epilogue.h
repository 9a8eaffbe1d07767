// What a convolution does to its sums, for the kernels of all processors: an activation, and a residual before or after
// it. The names of operators tell, because an ONNX function cannot choose by an attribute.
#pragma once

namespace amsr {

struct Activation {
    enum Kind {
        leaky_relu,  // leaky_relu(sum + residual); a slope of 1 is none, 0 is ReLU
        silu,        // silu(sum) + residual, where silu(x) = x sigmoid(x)
        attention,   // (sum + residual) (sigmoid(sum) - 1/2), the parameter-free attention of SPAN
    };

    Kind kind = leaky_relu;
    float negative_slope = 1.0f;  // of the leaky ReLU
};

/// An operator's name ends with its epilogue.
enum class Epilogue { none, add, add_nearest, silu, silu_add, attention };

constexpr const char* suffix(Epilogue epilogue) {
    switch (epilogue) {
        case Epilogue::none:
            return "";
        case Epilogue::add:
            return "Add";
        case Epilogue::add_nearest:  // the residual [P, C] of a pixel is added to all pixels that it is upscaled to
            return "AddNearest";
        case Epilogue::silu:
            return "Silu";
        case Epilogue::silu_add:
            return "SiluAdd";
        case Epilogue::attention:
            return "Attention";
    }
    return nullptr;
}

constexpr bool has_residual(Epilogue epilogue) { return epilogue != Epilogue::none && epilogue != Epilogue::silu; }

constexpr Activation::Kind activation_of(Epilogue epilogue) {
    switch (epilogue) {
        case Epilogue::silu:
        case Epilogue::silu_add:
            return Activation::silu;
        case Epilogue::attention:
            return Activation::attention;
        default:
            return Activation::leaky_relu;
    }
}

}  // namespace amsr
