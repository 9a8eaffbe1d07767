// Pictures as PPM and masks as PGM, the simplest formats that image programs know.
#pragma once

#include <cstdint>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

/// RGB of 8 bits, row by row.
struct Picture {
    std::size_t height, width;
    std::vector<std::uint8_t> samples;

    std::uint8_t at(std::size_t y, std::size_t x, std::size_t channel) const {
        return samples[(y * width + x) * 3 + channel];
    }
};

/// 1 where the network shall work, row by row.
struct Mask {
    std::size_t height, width;
    std::vector<std::uint8_t> pixels;
};

/// The next number of a header; GIMP and others write a comment before it.
inline std::size_t read_number(std::istream& file) {
    while ((file >> std::ws).peek() == '#') file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    std::size_t number = 0;
    file >> number;
    return number;
}

inline Picture read_ppm(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(path + " cannot be read");
    std::string kind;
    file >> kind;
    const std::size_t width = read_number(file), height = read_number(file), white = read_number(file);
    file.get();
    const bool has_size = 0 < width && width < 65536 && 0 < height && height < 65536;
    if (!file || kind != "P6" || white != 255 || !has_size) {
        throw std::runtime_error(path + " is not a binary PPM of 8 bits");
    }
    Picture picture{height, width, std::vector<std::uint8_t>(height * width * 3)};
    file.read(reinterpret_cast<char*>(picture.samples.data()), static_cast<std::streamsize>(picture.samples.size()));
    if (!file) throw std::runtime_error(path + " ends too soon");
    return picture;
}

inline void write(const std::string& path, const char* kind, std::size_t width, std::size_t height,
                  const std::vector<std::uint8_t>& samples) {
    std::ofstream file(path, std::ios::binary);
    file << kind << '\n' << width << ' ' << height << "\n255\n";
    file.write(reinterpret_cast<const char*>(samples.data()), static_cast<std::streamsize>(samples.size()));
    if (!file.flush()) throw std::runtime_error(path + " cannot be written");
}

inline void write_ppm(const std::string& path, const Picture& picture) {
    write(path, "P6", picture.width, picture.height, picture.samples);
}

inline void write_pgm(const std::string& path, const Mask& mask) {
    std::vector<std::uint8_t> samples(mask.pixels);
    for (std::uint8_t& sample : samples) sample = sample ? 255 : 0;
    write(path, "P5", mask.width, mask.height, samples);
}
