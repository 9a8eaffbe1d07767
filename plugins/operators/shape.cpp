#include "shape.h"

#include <algorithm>
#include <cctype>
#include <sstream>

#include "error.h"

namespace amsr {
namespace {

Axis parse_axis(const std::string& text) {
    Axis axis{text, {}};
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t end = std::min(text.find_first_of("*/", start), text.size());
        const std::string factor = text.substr(start, end - start);
        const bool is_number = std::isdigit(static_cast<unsigned char>(factor[0])) != 0,
                   divides = start > 0 && text[start - 1] == '/';
        axis.factors.push_back({is_number ? "" : factor, is_number ? std::stoll(factor) : -1, divides});
        start = end + 1;
    }
    return axis;
}

}  // namespace

Shape::Shape(const char* text) {
    std::istringstream words(text);
    for (std::string word; words >> word;) axes.push_back(parse_axis(word));
}

Length operator*(Length a, Length b) { return {a.known() && b.known() ? a.value * b.value : -1}; }

Length operator/(Length a, Length b) {
    if (!a.known() || !b.known()) return {-1};
    if (b.value <= 0 || a.value % b.value != 0)
        throw InvalidInput(std::to_string(a.value) + " is not a multiple of " + std::to_string(b.value));
    return {a.value / b.value};
}

}  // namespace amsr
