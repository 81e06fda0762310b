#include "ostree/import/content_index.hh"

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "ostree/import/layer_store.hh"
#include "ostree/objects/object_lookup.hh"

namespace osb::ostree {
ContentIndex::ContentIndex(const Repository& repository,
                           const std::vector<std::shared_ptr<const FileTable>>& tables) {
    std::unordered_map<Sha256, std::size_t, Sha256Hash> wanted;  // the objects that were found
    for (const auto& table : tables) {
        for (const oci::TocEntry& entry : table->toc.entries) {
            if (entry.digest) wanted.emplace(*entry.digest, 0);
        }
    }
    const ObjectLookup lookup(repository);
    std::unordered_set<Sha256, Sha256Hash> seen;
    for_each_known_content(repository, [&](const KnownContent& content) {
        const auto found = wanted.find(content.digest);
        if (found == wanted.end() || found->second == kMaxSameContent) return;
        if (seen.contains(content.object) || !lookup.has(content.object, ObjectType::file)) return;
        seen.insert(content.object);
        ++found->second;
        known_.push_back(content);
    });
    std::sort(known_.begin(), known_.end());
}

std::span<const KnownContent> ContentIndex::find(const Sha256& digest, std::uint64_t size) const {
    const auto less = [](const KnownContent& a, const KnownContent& b) {
        return std::tie(a.digest, a.size) < std::tie(b.digest, b.size);
    };
    const auto [begin, end] = std::equal_range(
        known_.begin(), known_.end(), KnownContent{.digest = digest, .size = size, .object = {}}, less);
    return {begin, end};
}

}  // namespace osb::ostree
