// A directory that is gone at the end of the test.
#pragma once

#include <filesystem>
#include <string>

namespace osb::test {

class TempDirectory {
  public:
    TempDirectory();
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;
    ~TempDirectory();

    const std::string& path() const noexcept { return path_; }
    std::string operator/(std::string_view name) const { return path_ + '/' + std::string(name); }

  private:
    std::string path_;
};

}  // namespace osb::test
