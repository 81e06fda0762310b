#include "tests/unit/image/witness.hh"

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>

namespace osb::test {
namespace {

// For the shell.
std::string quote(const std::string& word) {
    std::string out = "'";
    for (const char c : word) c == '\'' ? out += "'\\''" : out += c;
    return out + '\'';
}

}  // namespace

Witnessed witness(const std::vector<std::string>& argv) {
    // sbin is in no user's $PATH on Debian.
    std::string command = "PATH=$PATH:/usr/sbin:/sbin ";
    for (const std::string& word : argv) command += quote(word) + ' ';
    command += "2>&1 </dev/null";
    Witnessed out;
    std::FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return out;
    std::array<char, 4096> buffer{};
    while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
        out.output.append(buffer.data(), n);
    }
    const int status = ::pclose(pipe);
    if (WIFEXITED(status)) out.status = WEXITSTATUS(status);
    return out;
}

bool has_program(const std::string& name) {
    return witness({"sh", "-c", "command -v " + name}).status == 0;
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) return {};
    std::string out(static_cast<std::size_t>(file.tellg()), '\0');
    file.seekg(0);
    file.read(out.data(), static_cast<std::streamsize>(out.size()));
    return out;
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

}  // namespace osb::test
