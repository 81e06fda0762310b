#include "ostree/push/delta_prune.hh"

#include <set>
#include <string>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "oci/documents/artifact.hh"
#include "oci/documents/signature_tag.hh"
#include "ostree/delta/delta_artifact.hh"
#include "ostree/tree/commit_info.hh"
#include "registry/distribution/listing.hh"
#include "registry/distribution/referrers.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kMaxTags = 1000;

using Digests = std::set<oci::Digest>;

class DeltaPrune {
  public:
    DeltaPrune(const Repository& repository, const registry::DistributionClient& client)
        : repository_(repository), client_(client) {}

    std::size_t run() {
        find_images();
        Digests subjects = with_tag_;
        subjects.insert(with_referrers_.begin(), with_referrers_.end());
        std::size_t removed = 0;
        for (const oci::Digest& subject : subjects) removed += prune(subject);
        return removed;
    }

  private:
    void find_images() {
        std::size_t images = 0;
        for (const std::string& tag : registry::list_tags(client_)) {
            if (const auto subject = oci::subject_of_referrers_tag(tag)) {
                with_referrers_.insert(*subject);
                continue;
            }
            if (oci::is_signature_tag(tag)) continue;
            if (++images > kMaxTags) {
                throw Error(ErrorKind::too_large,
                            concat("the repository ", quoted(client_.name()), " has more than ", kMaxTags,
                                   " tags, which --prune-deltas would have to read"));
            }
            find_images_of(tag, 0);
        }
    }

    // The image with this tag or digest, and those of an index, at any depth that open_image() follows.
    void find_images_of(const std::string& name, unsigned depth) {
        constexpr unsigned kMaxDepth = 4;
        try {
            const oci::Document document = client_.get_manifest(name);
            const bool is_new = with_tag_.insert(oci::Digest::of(as_bytes(document.raw))).second;
            if (!is_new || depth == kMaxDepth ||
                oci::sniff_document_kind(document.raw) != oci::DocumentKind::index)
                return;
            for (const oci::Descriptor& entry : oci::Index::parse(document.raw, "").manifests) {
                if (oci::document_kind(entry.media_type) == oci::DocumentKind::index) {
                    find_images_of(entry.digest.to_string(), depth + 1);
                } else {
                    with_tag_.insert(entry.digest);
                }
            }
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) throw;
        }
    }

    // The origin is gone if this repository once had it: it has the target. Otherwise it is another
    // publisher's, for example that of another platform.
    bool is_useless(const oci::Digest& subject, const DeltaFacts& facts) const {
        if (!with_tag_.contains(subject)) return true;
        return has_whole_commit(repository_, facts.to) && !has_whole_commit(repository_, facts.from);
    }

    // An entry of a list may name anything. Only what is a delta of this image is removed. Throws
    // Error{not_found} if it is gone.
    bool is_delta_of(const oci::Digest& subject, const oci::Descriptor& entry) const {
        if (with_tag_.contains(entry.digest)) return false;
        const oci::Document document = client_.get_manifest(entry.digest.to_string());
        if (oci::Digest::of(as_bytes(document.raw), entry.digest.algorithm()) != entry.digest) return false;
        const oci::Artifact artifact = oci::Artifact::parse(document.raw, document.media_type);
        return artifact.type == kDeltaArtifactType && artifact.subject && artifact.subject->digest == subject;
    }

    // Another version of the program, or somebody else, may have written an entry.
    bool is_to_remove(const oci::Digest& subject, const oci::Descriptor& entry) const {
        try {
            const DeltaFacts facts = parse_delta_facts(entry.annotations);
            return is_delta_of(subject, entry) && is_useless(subject, facts);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::unavailable) throw;
            if (error.kind() == ErrorKind::not_found) return true;
            log_debug(concat("a delta is left alone: ", error.message()));
            return false;
        }
    }

    std::size_t prune(const oci::Digest& subject) {
        std::vector<oci::Digest> useless;
        for (const oci::Descriptor& entry :
             registry::list_referrers(client_, subject, std::string(kDeltaArtifactType))) {
            if (is_to_remove(subject, entry)) useless.push_back(entry.digest);
        }
        if (useless.empty()) return 0;
        const bool is_unlisted = registry::forget_referrers(client_, subject, useless);
        for (const oci::Digest& digest : useless) remove(digest, is_unlisted);
        return useless.size();
    }

    // Where a referrers tag lists deltas, one that is not listed is not found any more.
    void remove(const oci::Digest& digest, bool is_unlisted) {
        if (is_unlisted && !deletes_) return;
        try {
            client_.delete_manifest(digest.to_string());
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::not_found) return;
            if (!is_unlisted) throw;
            deletes_ = false;
            log_warning(concat(error.message(), ": the deltas are no longer listed, but use space"));
        }
    }

    const Repository& repository_;
    const registry::DistributionClient& client_;
    Digests with_tag_;
    Digests with_referrers_;
    bool deletes_ = true;  // the registry does
};

}  // namespace

std::size_t prune_deltas(const Repository& repository, const oci::Reference& image,
                         const registry::RegistryOptions& options) {
    const registry::RegistryAccess access(options);
    const auto client = access.push_client(image);
    return DeltaPrune(repository, *client).run();
}

}  // namespace osb::ostree
