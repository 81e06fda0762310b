// A root filesystem as the checks of `lint` see it: an index of all entries, and the content of files on
// demand. A commit and a directory on disk have the same form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.hh"
#include "base/stream.hh"

namespace osb::image {

// The kind of an entry.
enum class LintKind : std::uint8_t { file, symlink, directory, special };

// A file, link, directory or special file (device, FIFO, socket).
struct LintEntry {
    LintKind kind = LintKind::file;
    std::uint32_t mode = 0;  // permission bits, including setuid, setgid and sticky
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint64_t size = 0;  // of a file, in bytes
    std::string target;      // of a symbolic link
    // Of a file. Two files with equal values have the same content, mode and owner. The converse holds for
    // the files that the bootable layout compares.
    Sha256 content{};
};

// By path: without leading '/', "" for the root. The entries of a directory follow one another.
using LintEntries = std::map<std::string, LintEntry, std::less<>>;

// The maximum number of entries of a tree.
inline constexpr std::size_t kMaxLintEntries = 2'000'000;

// An entry that was found, with its path in the tree, which has no symbolic links. Borrows from the tree.
struct FoundEntry {
    std::string path;
    const LintEntry* entry = nullptr;
};

// The tree. Read-only; const functions are thread-safe as far as open() of the implementation is.
class LintTree {
  public:
    LintTree() = default;
    LintTree(const LintTree&) = delete;
    LintTree& operator=(const LintTree&) = delete;
    virtual ~LintTree() = default;

    const LintEntries& entries() const noexcept { return entries_; }

    // Opens a file of the tree by its path in entries(). Throws Error.
    virtual std::unique_ptr<Source> open(const std::string& path) const = 0;

    // True if the tree is laid out for ostree: it has /usr/etc and no /etc.
    bool is_laid_out() const;

    // The entry with this path in entries(); nullptr if there is none. Follows no links.
    const LintEntry* at(std::string_view path) const;

    // Finds what a program in the running system sees at `path`. Follows symbolic links inside the tree, as
    // in a chroot. In a tree that is laid out, /etc is /usr/etc, and /var is /usr/share/factory/var. nullopt
    // if nothing is there, or after 40 links.
    std::optional<FoundEntry> resolve(std::string_view path) const;

    // The first `limit` bytes of a file. Throws Error.
    std::string read_head(const std::string& path, std::size_t limit) const;

  protected:
    LintEntries entries_;  // filled by the constructor of the implementation
};

// Calls use(path, entry) for everything below `directory`, which is a path in entries().
template<typename F>
void for_each_below(const LintTree& tree, std::string_view directory, F&& use) {
    const std::string prefix = directory.empty() ? std::string() : std::string(directory) + '/';
    for (auto at = tree.entries().lower_bound(prefix);
         at != tree.entries().end() && at->first.starts_with(prefix); ++at) {
        if (!at->first.empty()) use(at->first, at->second);
    }
}

// The part of `path` behind the last '/'.
std::string_view base_name(std::string_view path) noexcept;
// The part of `path` before the last '/'; "" without one.
std::string_view parent_path(std::string_view path) noexcept;

}  // namespace osb::image
