#include "tests/support/temp_directory.hh"

#include <cstdlib>
#include <stdexcept>

namespace osb::test {

TempDirectory::TempDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "osb-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
}

TempDirectory::~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace osb::test
