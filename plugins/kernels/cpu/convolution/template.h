// The indirect GEMM, written once for all vector types. Each convolution/SET.cpp defines its vector types in an unnamed
// namespace, includes this file there, and is compiled with its own flags: nothing here may have external linkage,
// or the linker could pick the copy of one instruction set for all.
//
// A vector type `V` adds to those of simd/vector_SET.h: Storage, Weight, WeightVector, Input; depth (inputs that one
// multiply_add consumes), panel_max (vectors of the largest panel), rows(vectors), unroll(vectors) and dot_rows, the
// shapes of tiles; load_weights, load_inputs, broadcast, broadcast_last; where depth is 1 also load_part.

#include "cpu/convolution/dots_template.h"
#include "cpu/convolution/products_template.h"
#include "cpu/convolution/tile_template.h"
#include "cpu/convolution/winograd_template.h"

template <class V>
constexpr ConvolutionCode<typename V::Storage> code_of() {
    ConvolutionCode<typename V::Storage> code{};
    code.lanes = V::lanes;
    code.depth = V::depth;
    code.weight_bytes = sizeof(typename V::Weight);
    code.panel_max = V::panel_max;
    code.run = run<V>;
    code.run_dots = run_dots<V>;
    if constexpr (V::depth == 1) {
        code.widen = widen<V>;
        code.add_products = add_products<V>;
        code.finish_sums = finish_sums<V>;
        code.winograd_input = winograd_input<V>;
        code.winograd_output = winograd_output<V>;
    }
    return code;
}
