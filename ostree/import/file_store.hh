// Stores files whose content has a known digest.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "base/hash.hh"
#include "base/stream.hh"
#include "base/task_pool.hh"
#include "oci/tar/tar_reader.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/object_writer.hh"

namespace osb::ostree {

// The metadata of the object that import makes of a regular file.
struct ObjectMeta {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mode = 0;  // with the file type
    XattrBytes xattrs;

    auto operator<=>(const ObjectMeta&) const = default;
};

// The metadata for an entry of a layer, in a repository of that mode. Throws as select_xattrs().
ObjectMeta object_meta(const oci::TarEntry& entry, RepoMode mode);

// Stores `content` once with each metadata, and returns the checksums in their order. The content must have
// exactly `size` bytes and the digest; otherwise throws Error{digest_mismatch}, and stores nothing. Thread-
// safe; call it from a producer of the pool.
std::vector<Sha256> store_content(ObjectWriter& writer, TaskPool& pool, Source& content, std::uint64_t size,
                                  const Sha256& digest, const std::vector<ObjectMeta>& metas);

}  // namespace osb::ostree
