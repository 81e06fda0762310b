// A directory on disk as a tree for `lint`.
#pragma once

#include <memory>
#include <string>

#include "base/fd.hh"
#include "image/lint/lint_tree.hh"

namespace osb::image {

class DirectoryTree final : public LintTree {
  public:
    // Reads all directories below `path`. Follows no symbolic link below it, so nothing outside of it is
    // read. Does not enter /dev, /proc, /sys, /run and /tmp of the tree if another filesystem is mounted
    // there. Throws Error: not_found or io with the path; too_large above kMaxLintEntries and below kMaxDepth
    // directories.
    explicit DirectoryTree(const std::string& path);

    // Throws Error{io} if the caller may not read the file, or if it is not a file any more.
    std::unique_ptr<Source> open(const std::string& path) const override;

  private:
    void read_directory(int fd, const std::string& path, std::size_t depth);
    void add_entry(int directory, const std::string& path, const std::string& name, std::size_t depth);
    void compare_competing_files();

    std::string name_;
    Fd root_;
    std::uint64_t device_ = 0;
    std::uint64_t next_content_ = 0;
    std::map<std::pair<std::uint64_t, std::uint64_t>, Sha256> linked_;  // by device and inode
};

}  // namespace osb::image
