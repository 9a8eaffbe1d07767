// An operator's attributes: which there are, and the checked values of one node.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace amsr {

/// An attribute as the table of operators has it.
struct Attribute {
    const char* name;
    bool is_integer;   // 32 bits, or a float32
    double otherwise;  // the value where a node names none
    double least, most;
};

constexpr Attribute integer_attribute(const char* name, std::int32_t otherwise, std::int32_t least,
                                      std::int32_t most = std::numeric_limits<std::int32_t>::max()) {
    return {name, true, static_cast<double>(otherwise), static_cast<double>(least), static_cast<double>(most)};
}

constexpr Attribute number_attribute(const char* name, float otherwise,
                                     float least = std::numeric_limits<float>::lowest()) {
    return {name, false, otherwise, least, std::numeric_limits<float>::max()};
}

/// Throws InvalidInput: the attribute has a value of another type.
[[noreturn]] void refuse_type(const Attribute& attribute);

/// The values of one node's attributes.
class Attributes {
  public:
    /// All attributes have the value of a node that names none. `described` must outlive this.
    explicit Attributes(const std::vector<Attribute>& described);

    /// Throws InvalidInput where there is no such attribute, or its type or its range is another.
    void set(const std::string& name, bool is_integer, double value);

    bool has(const std::string& name) const { return place(name) < described_->size(); }
    std::int64_t integer(const std::string& name) const { return values_[place(name)].integer; }
    float number(const std::string& name) const { return values_[place(name)].number; }

    const std::vector<Attribute>& described() const { return *described_; }
    /// The int32 or float of an attribute, which ends with this object.
    const void* data(std::size_t place) const { return &values_[place]; }
    /// "group=1 negative_slope=0.2": equal for equal values only.
    std::string text() const;

  private:
    union Value {
        std::int32_t integer;
        float number;
    };

    static Value convert(const Attribute& attribute, double value);
    /// Of an attribute in the description; the number of attributes where there is no such one.
    std::size_t place(const std::string& name) const;

    const std::vector<Attribute>* described_;
    std::vector<Value> values_;
};

}  // namespace amsr
