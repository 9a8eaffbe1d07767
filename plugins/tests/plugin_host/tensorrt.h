// TensorRT's side of the interfaces, as far as plugins see it, without TensorRT's library: a logger that remembers, an
// expression builder whose results can be evaluated later.
#pragma once

#include <NvInferRuntime.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "check.h"

namespace amsr::host {

class Logger final : public nvinfer1::ILogger, public nvinfer1::ILoggerFinder {
  public:
    void log(Severity severity, const char* message) noexcept override {
        if (severity <= Severity::kERROR) errors_.emplace_back(message);
    }
    nvinfer1::ILogger* findLogger() override { return this; }

    /// The errors since the last call.
    std::vector<std::string> take() { return std::exchange(errors_, {}); }

  private:
    std::vector<std::string> errors_;
};

/// An expression over axes whose lengths are set after it was built, as while TensorRT infers dynamic shapes.
class Expression final : public nvinfer1::IDimensionExpr, private nvinfer1::apiv::VDimensionExpr {
  public:
    explicit Expression(std::function<std::int64_t()> evaluate) : evaluate_(std::move(evaluate)) { mImpl = this; }

    std::int64_t evaluate() const { return evaluate_(); }
    static const Expression& of(const nvinfer1::IDimensionExpr& expression) {
        return static_cast<const Expression&>(expression);
    }

  private:
    bool isConstant() const override { return false; }
    std::int64_t getConstantValue() const override { return -1; }
    bool isSizeTensor() const override { return false; }

    std::function<std::int64_t()> evaluate_;
};

class ExpressionBuilder final : public nvinfer1::IExprBuilder, private nvinfer1::apiv::VExprBuilder {
  public:
    ExpressionBuilder() { mImpl = this; }

    /// An axis that is read when the expression is evaluated.
    const nvinfer1::IDimensionExpr* axis(const std::int64_t* length) {
        return keep([length] { return *length; });
    }

  private:
    const nvinfer1::IDimensionExpr* constant(std::int64_t value) override {
        return keep([value] { return value; });
    }
    const nvinfer1::IDimensionExpr* operation(nvinfer1::DimensionOperation operation,
                                              const nvinfer1::IDimensionExpr& first,
                                              const nvinfer1::IDimensionExpr& second) override {
        const bool is_product = operation == nvinfer1::DimensionOperation::kPROD;
        CHECK(is_product || operation == nvinfer1::DimensionOperation::kFLOOR_DIV, "operation %d of lengths",
              static_cast<int>(operation));
        const auto &a = Expression::of(first), &b = Expression::of(second);
        return keep(
            [is_product, &a, &b] { return is_product ? a.evaluate() * b.evaluate() : a.evaluate() / b.evaluate(); });
    }
    const nvinfer1::IDimensionExpr* declareSizeTensor(std::int32_t, const nvinfer1::IDimensionExpr&,
                                                      const nvinfer1::IDimensionExpr&) override {
        return nullptr;
    }
    const nvinfer1::IDimensionExpr* keep(std::function<std::int64_t()> evaluate) {
        made_.push_back(std::make_unique<Expression>(std::move(evaluate)));
        return made_.back().get();
    }

    std::vector<std::unique_ptr<Expression>> made_;
};

}  // namespace amsr::host
