#include "ostree/import/image_deltas.hh"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/log.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::ostree {
namespace {

// The number of manifests that are looked at: anyone who can write to the registry can add some, and a
// registry may list some that it does not have any more.
constexpr std::size_t kMaxTried = 32;
constexpr std::size_t kMaxOffers = 1000;

struct Offer {
    DeltaFacts facts;
    oci::Descriptor manifest;
};

// The offers of deltas to this commit, from a commit that the repository has, the smallest first.
std::vector<Offer> usable_offers(const Repository& repository, const oci::Image& image,
                                 const CommitId& commit) {
    std::vector<Offer> out;
    for (oci::Descriptor& entry :
         image.source->referrers(image.manifest.digest, std::string(kDeltaArtifactType))) {
        if (out.size() == kMaxOffers) break;
        try {
            const DeltaFacts facts = parse_delta_facts(entry.annotations);
            if (facts.to == commit && has_whole_commit(repository, facts.from))
                out.push_back({facts, std::move(entry)});
        } catch (const Error& error) {
            log_debug(concat("a delta is passed over: ", error.message()));
        }
    }
    std::sort(out.begin(), out.end(),
              [](const Offer& a, const Offer& b) { return a.facts.size < b.facts.size; });
    return out;
}

}  // namespace

const DeltaArtifact* ImageDeltas::find(const Repository& repository) {
    if (!std::exchange(asked_, true)) found_ = look_up(repository);
    return found_ ? &*found_ : nullptr;
}

std::optional<DeltaArtifact> ImageDeltas::look_up(const Repository& repository) const {
    const std::optional<CommitId> commit = promised_whole_commit(image_);
    // Nothing can be the origin of a delta in an empty repository.
    if (!commit || repository.refs("").empty() || has_whole_commit(repository, *commit)) return std::nullopt;
    try {
        std::size_t tried = 0;
        for (const Offer& offer : usable_offers(repository, image_, *commit)) {
            if (tried++ == kMaxTried) break;
            try {
                return read_delta_artifact(*image_.source, offer.manifest, image_.manifest.digest);
            } catch (const Error& error) {
                if (error.kind() == ErrorKind::unavailable) throw;  // it would fail for each of them
                log_debug(concat("a delta is passed over: ", error.message()));
            }
        }
    } catch (const Error& error) {
        log_warning(concat("cannot look for deltas: ", error.message()));
    }
    return std::nullopt;
}

const DeltaArtifact* choose_delta(const Repository& repository, const oci::Image& image, ImageDeltas& deltas,
                                  FetchWay way, std::uint64_t layer_bytes) {
    if (way == FetchWay::objects || way == FetchWay::layers || layer_bytes == 0) return nullptr;
    const DeltaArtifact* const found = deltas.find(repository);
    if (way == FetchWay::delta) {
        const std::optional<CommitId> commit = promised_whole_commit(image);
        if (found != nullptr || (commit && has_whole_commit(repository, *commit))) return found;
        throw Error(ErrorKind::usage,
                    "--fetch delta: no delta is offered for the image from a commit that is here")
            .hint("use --fetch auto");
    }
    if (found == nullptr || found->facts.size >= layer_bytes) return nullptr;
    const std::uint64_t objects = found->facts.objects_size;
    return objects != 0 && found->facts.size >= objects ? nullptr : found;
}

}  // namespace osb::ostree
