#include "tensorrt.h"

#include <algorithm>

namespace amsr::host {

using nvinfer1::DimensionOperation;

const nvinfer1::IDimensionExpr* ExpressionBuilder::operation(DimensionOperation operation,
                                                             const nvinfer1::IDimensionExpr& first,
                                                             const nvinfer1::IDimensionExpr& second) {
    const auto& a = Expression::of(first);
    const auto& b = Expression::of(second);
    return keep(
        [operation, &a, &b]() -> std::int64_t {
            const std::int64_t x = a.evaluate(), y = b.evaluate();
            switch (operation) {
                case DimensionOperation::kSUM:
                    return x + y;
                case DimensionOperation::kPROD:
                    return x * y;
                case DimensionOperation::kMAX:
                    return std::max(x, y);
                case DimensionOperation::kMIN:
                    return std::min(x, y);
                case DimensionOperation::kSUB:
                    return x - y;
                case DimensionOperation::kEQUAL:
                    return x == y;
                case DimensionOperation::kLESS:
                    return x < y;
                case DimensionOperation::kFLOOR_DIV:
                    return x / y;
                case DimensionOperation::kCEIL_DIV:
                    return (x + y - 1) / y;
            }
            return -1;
        },
        a.is_fixed() && b.is_fixed());
}

}  // namespace amsr::host
