#include "ostree/import/content_index.hh"

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "ostree/import/layer_store.hh"
#include "ostree/objects/object_lookup.hh"

namespace osb::ostree {
namespace {

struct DigestHash {
    std::size_t operator()(const Sha256& digest) const noexcept {
        std::size_t out = 0;  // a digest is itself a good hash
        std::memcpy(&out, digest.data(), sizeof out);
        return out;
    }
};

constexpr std::size_t kMaxSameContent = 64;  // objects with one content and different metadata

}  // namespace

ContentIndex::ContentIndex(const Repository& repository,
                           const std::vector<std::shared_ptr<const FileTable>>& tables) {
    std::unordered_set<Sha256, DigestHash> wanted;
    for (const auto& table : tables) {
        for (const oci::TocEntry& entry : table->toc.entries) {
            if (entry.digest) wanted.insert(*entry.digest);
        }
    }
    const ObjectLookup lookup(repository);
    std::unordered_set<Sha256, DigestHash> seen;
    for_each_known_content(repository, [&](const KnownContent& content) {
        if (!wanted.contains(content.digest) || !seen.insert(content.object).second) return;
        if (lookup.has(content.object, ObjectType::file)) known_.push_back(content);
    });
    std::sort(known_.begin(), known_.end());
}

std::span<const KnownContent> ContentIndex::find(const Sha256& digest, std::uint64_t size) const {
    const auto less = [](const KnownContent& a, const KnownContent& b) {
        return std::tie(a.digest, a.size) < std::tie(b.digest, b.size);
    };
    const auto [begin, end] = std::equal_range(
        known_.begin(), known_.end(), KnownContent{.digest = digest, .size = size, .object = {}}, less);
    return std::span(begin, end)
        .first(std::min<std::size_t>(static_cast<std::size_t>(end - begin), kMaxSameContent));
}

}  // namespace osb::ostree
