// A directory like /etc as a table: every path with its metadata, and the digests of files. Trees are
// compared and merged in this form (etc_plan.hh); only the applier (etc_apply.hh) writes files.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

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

    bool is_directory() const noexcept { return type == EtcType::directory; }
};

// By path below the tree's root, without a leading slash; the root itself is "". Parents come before
// children.
using EtcTree = std::map<std::string, EtcEntry>;

enum class EtcContent { hashed, unread };

// Reads the tree of an open directory. Symbolic links are never followed; sockets are left out. Throws
// Error{io}; too_large beyond kMaxEtcEntries entries or kMaxEtcDepth levels; not_found when an entry goes
// away meanwhile; Interrupted.
EtcTree read_etc_tree(int directory, EtcContent content);

inline constexpr std::size_t kMaxEtcEntries = 200'000;
inline constexpr std::size_t kMaxEtcDepth = 64;

// Whether both have the same owner, mode and extended attributes. SELinux labels are the policy's, not a
// change; times are no change either.
bool same_metadata(const EtcEntry& a, const EtcEntry& b);
// same_metadata(), type, and content: of files the digests, which must have been read.
bool same_entry(const EtcEntry& a, const EtcEntry& b);

// A digest, in hexadecimal, that changes with every change that an administrator makes: over paths, types,
// modes, owners, sizes and times of files, targets, devices and extended attributes. Files need not be
// hashed.
std::string fingerprint(const EtcTree& tree);

inline constexpr std::string_view kSelinuxLabel = "security.selinux";

}  // namespace osb::system
