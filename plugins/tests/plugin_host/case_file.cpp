#include "case_file.h"

#include <fstream>

#include "check.h"

namespace amsr::host {
namespace {

Array read_array(std::istream& file, const std::string& kind) {
    Array array{"", kind == "value" ? Kind::value : kind == "int32" ? Kind::int32 : Kind::int64, {}, {}};
    std::size_t axes = 0;
    file >> array.name >> axes;
    std::size_t count = 1;
    for (std::size_t axis = 0; axis < axes && file; ++axis) {
        std::int64_t side = 0;
        file >> side;
        array.shape.push_back(side);
        count *= static_cast<std::size_t>(side);
    }
    for (std::size_t i = 0; i < count && file; ++i) {
        double value = 0;
        file >> value;
        array.values.push_back(value);
    }
    return array;
}

AttributeValue read_value(std::istream& file, const std::string& type) {
    double value = 0;
    file >> value;
    if (type == "int") return static_cast<std::int32_t>(value);
    return static_cast<float>(value);
}

Case read_case(std::istream& file) {
    Case known;
    file >> known.name >> known.op >> known.in_place_input >> known.height >> known.width;
    std::string word;
    while (file >> word && word != "output") {
        if (word == "int" || word == "float") {
            std::string name;
            file >> name;
            known.attributes.emplace_back(name, read_value(file, word));
        } else {
            known.inputs.push_back(read_array(file, word));
        }
    }
    file >> word;
    known.output = read_array(file, word);
    return known;
}

}  // namespace

std::vector<Case> read_cases(const std::string& path) {
    std::ifstream file(path);
    CHECK(file.is_open(), "%s cannot be read", path.c_str());
    std::vector<Case> cases;
    for (std::string word; file >> word;) {
        CHECK(word == "case", "\"%s\" where a case should begin", word.c_str());
        cases.push_back(read_case(file));
        CHECK(!file.fail(), "case %zu is cut off", cases.size());
    }
    return cases;
}

}  // namespace amsr::host
