// A directory such as /etc as a table: every path with its metadata, and the digests of files. Trees are
// compared and merged in this form (etc_plan.hh); only etc_apply.hh writes files.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace osb::system {

enum class EtcType { directory, file, symlink, device, fifo };

// The metadata of one path.
struct EtcEntry {
    EtcType type = EtcType::file;
    mode_t mode = 0;  // including the type bits, as in stat(2)
    uid_t uid = 0;
    gid_t gid = 0;
    std::map<std::string, std::string> xattrs;  // capabilities, ACLs and labels among them
    std::string target;                         // of a symbolic link
    dev_t device = 0;
    std::uint64_t size = 0;          // of a file, in bytes
    std::int64_t mtime_seconds = 0;  // since 1970
    std::int64_t mtime_nanoseconds = 0;
    std::string digest;  // sha256 of a file's content; "" when it was not read
    // The identity of the file and its last change of any kind. A caller that opens the file again compares
    // them.
    dev_t filesystem = 0;
    ino_t inode = 0;
    std::int64_t ctime_seconds = 0;
    std::int64_t ctime_nanoseconds = 0;

    bool is_directory() const noexcept { return type == EtcType::directory; }
};

// Entries by path below the root of the tree, without a leading slash. The root is "". Parents come before
// children.
using EtcTree = std::map<std::string, EtcEntry>;

// Whether read_etc_tree() reads and hashes the contents of files.
enum class EtcContent { hashed, unread };

// Reads the tree of an open directory. Never follows symbolic links. Leaves out sockets. `left_out`, unless
// it is null, gets one escaped line for each other part that is left out:
// - files of more than kMaxEtcFile bytes,
// - below a directory that is not owned by root: levels deeper than kMaxEtcDepth, and entries beyond
//   kMaxEtcEntries in all such directories together.
// Throws Error{io}; Error{too_large} if these limits are exceeded elsewhere; Error{not_found} if an entry
// disappears meanwhile; Interrupted.
EtcTree read_etc_tree(int directory, EtcContent content, std::vector<std::string>* left_out = nullptr);

inline constexpr std::size_t kMaxEtcEntries = 200'000;
inline constexpr std::size_t kMaxEtcDepth = 64;
inline constexpr std::uint64_t kMaxEtcFile = 1024UL * 1024 * 1024;

// Returns the metadata of an open file from stat(2) and its extended attributes, without target, device and
// digest.
EtcEntry read_open_entry(int fd);
// Returns true if owner, mode and extended attributes are equal. Ignores times, and SELinux labels, which
// belong to the policy.
bool same_metadata(const EtcEntry& a, const EtcEntry& b);
// Returns true if type, content and same_metadata() are equal. Files are compared by digest, so the digests
// must have been read.
bool same_entry(const EtcEntry& a, const EtcEntry& b);

// Returns a hexadecimal digest that changes with every edit of an administrator. It covers paths, types,
// modes, owners, sizes and times of files, link targets, devices and extended attributes. Files need not be
// hashed.
std::string fingerprint(const EtcTree& tree);
// As fingerprint(), but also covers the times of the last status change (ctime), which a program cannot set.
// A copy of a tree never has the same value.
std::string source_fingerprint(const EtcTree& tree);

inline constexpr std::string_view kSelinuxLabel = "security.selinux";

}  // namespace osb::system
