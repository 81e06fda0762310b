// Files of tests, read and written whole.
#pragma once

#include <fstream>
#include <iterator>
#include <string>

namespace osb::test {

inline void put_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

// "" where there is none.
inline std::string get_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace osb::test
