#include "tests/support/temp_directory.hh"

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace osb::test {

TempDirectory::TempDirectory() : TempDirectory(std::filesystem::temp_directory_path()) {}

TempDirectory::TempDirectory(const std::filesystem::path& parent) {
    std::string name = (parent / "osb-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
}

std::filesystem::path TempDirectory::in_memory() {
    const char* const memory = "/dev/shm";
    return ::access(memory, W_OK) == 0 ? std::filesystem::path(memory)
                                       : std::filesystem::temp_directory_path();
}

TempDirectory::~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace osb::test
