// A directory like /etc as a table: every path with its metadata, and the digests of files. Trees are
// compared and merged in this form (etc_plan.hh); only the applier (etc_apply.hh) writes files.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace osb::system {

enum class EtcType { directory, file, symlink, device, fifo };

struct EtcEntry {
    EtcType type = EtcType::file;
    mode_t mode = 0;  // with the type's bits, as stat(2) has it
    uid_t uid = 0;
    gid_t gid = 0;
    std::map<std::string, std::string> xattrs;  // capabilities, ACLs and labels among them
    std::string target;                         // of a symbolic link
    dev_t device = 0;
    std::uint64_t size = 0;          // of a file, in bytes
    std::int64_t mtime_seconds = 0;  // since 1970
    std::int64_t mtime_nanoseconds = 0;
    std::string digest;  // sha256 of a file's content; "" when it was not read
    // Which file it was, and when it was changed last in any way: whoever opens it again compares them.
    dev_t filesystem = 0;
    ino_t inode = 0;
    std::int64_t ctime_seconds = 0;
    std::int64_t ctime_nanoseconds = 0;

    bool is_directory() const noexcept { return type == EtcType::directory; }
};

// By path below the tree's root, without a leading slash; the root itself is "". Parents come before
// children.
using EtcTree = std::map<std::string, EtcEntry>;

enum class EtcContent { hashed, unread };

// Reads the tree of an open directory. Symbolic links are never followed; sockets are left out. `left_out`,
// unless it is null, gets one line, escaped, about each other part that is left out:
// - files of more than kMaxEtcFile bytes,
// - below a directory that another user than root owns: what goes beyond kMaxEtcDepth levels, or beyond
//   kMaxEtcEntries entries below such directories.
// Throws Error{io}; too_large when these numbers are exceeded elsewhere; not_found when an entry goes away
// meanwhile; Interrupted.
EtcTree read_etc_tree(int directory, EtcContent content, std::vector<std::string>* left_out = nullptr);

inline constexpr std::size_t kMaxEtcEntries = 200'000;
inline constexpr std::size_t kMaxEtcDepth = 64;
inline constexpr std::uint64_t kMaxEtcFile = 1024UL * 1024 * 1024;

// What stat(2) and the extended attributes say of an open file: an entry without target, device and digest.
EtcEntry read_open_entry(int fd);
// Whether both have the same owner, mode and extended attributes. SELinux labels are the policy's, not a
// change; times are no change either.
bool same_metadata(const EtcEntry& a, const EtcEntry& b);
// same_metadata(), type, and content: of files the digests, which must have been read.
bool same_entry(const EtcEntry& a, const EtcEntry& b);

// A digest, in hexadecimal, that changes with every change that an administrator makes: over paths, types,
// modes, owners, sizes and times of files, targets, devices and extended attributes. Files need not be
// hashed.
std::string fingerprint(const EtcTree& tree);
// The same of a tree that stays where it is: over the times of the last change as well, which nobody sets. A
// copy never has the same.
std::string source_fingerprint(const EtcTree& tree);

inline constexpr std::string_view kSelinuxLabel = "security.selinux";

}  // namespace osb::system
