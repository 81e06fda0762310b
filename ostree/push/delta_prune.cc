#include "ostree/push/delta_prune.hh"

#include <set>
#include <string>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
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
        const std::vector<std::string> tags = registry::list_tags(client_);
        if (tags.size() > kMaxTags) {
            throw Error(ErrorKind::too_large,
                        concat("the repository ", quoted(client_.name()), " has ", tags.size(),
                               " tags, and --prune-deltas reads at most ", kMaxTags));
        }
        for (const std::string& tag : tags) {
            if (const auto subject = registry::subject_of_referrers_tag(tag)) {
                with_referrers_.insert(*subject);
            } else {
                find_images_of(tag);
            }
        }
    }

    // The image with this tag, and those of an index.
    void find_images_of(const std::string& tag) {
        try {
            const oci::Document document = client_.get_manifest(tag);
            with_tag_.insert(oci::Digest::of(as_bytes(document.raw)));
            if (oci::sniff_document_kind(document.raw) != oci::DocumentKind::index) return;
            for (const oci::Descriptor& entry :
                 oci::Index::parse(document.raw, document.media_type).manifests)
                with_tag_.insert(entry.digest);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) throw;
        }
    }

    bool is_useless(const oci::Digest& subject, const oci::Descriptor& entry) const {
        if (!with_tag_.contains(subject)) return true;
        try {
            return !has_whole_commit(repository_, parse_delta_facts(entry.annotations).from);
        } catch (const Error& error) {
            // Another version of the program may have written it.
            log_debug(concat("a delta is left alone: ", error.message()));
            return false;
        }
    }

    std::size_t prune(const oci::Digest& subject) {
        std::vector<oci::Digest> useless;
        for (const oci::Descriptor& entry :
             registry::list_referrers(client_, subject, std::string(kDeltaArtifactType))) {
            if (is_useless(subject, entry)) useless.push_back(entry.digest);
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
            if (error.kind() != ErrorKind::unsupported || !is_unlisted) throw;
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
