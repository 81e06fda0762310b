// Files in a repository's directory extensions/osb-oci, which ostree ignores: what exports remember.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The files of one subdirectory. They are a cache: a read-only repository gets none, and the older half is
// removed above a maximum. Thread-safe.
class RecordFiles {
  public:
    // `repository` is borrowed. `directory`: the name below extensions/osb-oci.
    RecordFiles(const Repository& repository, const char* directory, std::size_t max_files)
        : repository_(repository), directory_(directory), max_files_(max_files) {}

    // True if the directory does not exist.
    bool empty() const;
    // The names of the files, in any order; nothing if the directory cannot be read.
    std::vector<std::string> names() const;
    // Reads a file of at most `limit` bytes. Throws Error{not_found, io, invalid, too_large}.
    std::string read(const std::string& name, std::size_t limit) const;
    // Marks a file as used, so that it counts as young.
    void touch(const std::string& name) const noexcept;
    // Writes a file atomically. An error is only logged.
    void write(const std::string& name, std::string_view text) const;

  private:
    std::string path() const;

    const Repository& repository_;
    const char* directory_;
    std::size_t max_files_;
};

}  // namespace osb::ostree
