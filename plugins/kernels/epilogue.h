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

/// What an operator's name ends with.
struct Epilogue {
    enum Residual {
        none,
        same,     // shaped as the result
        nearest,  // [P, C]: that of a pixel is added to all pixels that it is upscaled to
    };

    const char* suffix;
    Activation::Kind activation;
    Residual residual;

    constexpr bool has_residual() const { return residual != none; }
};

namespace epilogues {

constexpr Epilogue none{"", Activation::leaky_relu, Epilogue::none};
constexpr Epilogue add{"Add", Activation::leaky_relu, Epilogue::same};
constexpr Epilogue add_nearest{"AddNearest", Activation::leaky_relu, Epilogue::nearest};
constexpr Epilogue silu{"Silu", Activation::silu, Epilogue::none};
constexpr Epilogue silu_add{"SiluAdd", Activation::silu, Epilogue::same};
constexpr Epilogue attention{"Attention", Activation::attention, Epilogue::same};

constexpr Epilogue of_masked_conv2d[]{none, add, silu, silu_add, attention};
constexpr Epilogue of_pointwise[]{none, add};  // of one input; of several it is none
constexpr Epilogue of_pixel_conv2d[]{none, add, add_nearest};

}  // namespace epilogues
}  // namespace amsr
