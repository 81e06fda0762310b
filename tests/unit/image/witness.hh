// Programs that judge what was made.
#pragma once

#include <string>
#include <vector>

namespace osb::test {

struct Witnessed {
    int status = -1;
    std::string output;  // of both streams
};

// Runs a program; `argv` needs no quoting.
Witnessed witness(const std::vector<std::string>& argv);

bool has_program(const std::string& name);

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

}  // namespace osb::test
