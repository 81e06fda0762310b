// The objects of a repository that have a wanted content, by the content's digest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/hash.hh"
#include "ostree/import/image_tables.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/layer_digests.hh"

namespace osb::ostree {

// The most objects with one content and different metadata that are kept.
inline constexpr std::size_t kMaxSameContent = 64;

// Thread-safe once it is made.
class ContentIndex {
  public:
    // Reads the digests of all layers that `repository` stores (layer_store.hh), and keeps those of files in
    // `tables` whose objects exist, for each digest kMaxSameContent at most: so its size depends on the
    // tables, which have limits. Throws as for_each_known_content().
    ContentIndex(const Repository& repository, const std::vector<std::shared_ptr<const FileTable>>& tables);

    // The objects with this content, which may have any metadata.
    std::span<const KnownContent> find(const Sha256& digest, std::uint64_t size) const;

    std::size_t size() const noexcept { return known_.size(); }

  private:
    std::vector<KnownContent> known_;  // sorted
};

}  // namespace osb::ostree
