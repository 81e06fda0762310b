// The superblock of a static delta of libostree: which commit it makes out of which, and the objects that
// each of its parts makes (OSTREE_STATIC_DELTA_SUPERBLOCK_FORMAT in libostree's
// ostree-repo-static-delta-private.h).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hh"
#include "base/hash.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/object_format.hh"

namespace osb::ostree {

// The maximum size of a superblock in bytes, which limits the number of its objects: each takes 33 bytes. The
// maximum number of parts, which an artifact has as layers beside the superblock.
inline constexpr std::size_t kMaxSuperblock = 64UL * 1024 * 1024;
inline constexpr std::size_t kMaxDeltaParts = 1000;

// An object that a part makes.
struct DeltaTarget {
    ObjectType type = ObjectType::file;
    Sha256 checksum{};
};

// A part: its checksum, and what it makes, in the order of its instructions.
struct DeltaPartInfo {
    Sha256 checksum{};
    std::vector<DeltaTarget> targets;
};

struct DeltaSuperblock {
    std::optional<CommitId> from;  // nullopt: the delta needs no other commit
    CommitId to;
    std::string commit_object;  // of `to`; its checksum was checked
    std::string detached;       // the detached metadata of `to`, serialised; "" for none; nothing proves them
    std::vector<DeltaPartInfo> parts;
};

// The directory of a delta in a repository, as libostree names it.
std::string delta_directory(const std::optional<CommitId>& from, const CommitId& to);

// Throws Error: invalid for malformed bytes; digest_mismatch for a commit object that is not that of `to`;
// unsupported for a delta that needs loose objects as well (fallbacks), or with parts of a newer version;
// too_large above the limits.
DeltaSuperblock parse_superblock(ByteView bytes);

}  // namespace osb::ostree
