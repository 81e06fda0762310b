// A directory that is gone at the end of the test.
#pragma once

#include <filesystem>
#include <string>

namespace osb::test {

class TempDirectory {
  public:
    TempDirectory();
    explicit TempDirectory(const std::filesystem::path& parent);
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;
    ~TempDirectory();

    // A parent for those whose tests sync often: a filesystem in memory where there is one.
    static std::filesystem::path in_memory();

    const std::string& path() const noexcept { return path_; }
    std::string operator/(std::string_view name) const { return path_ + '/' + std::string(name); }

  private:
    std::string path_;
};

}  // namespace osb::test
