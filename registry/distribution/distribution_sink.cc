#include "registry/distribution/distribution_sink.hh"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "registry/distribution/listing.hh"
#include "registry/distribution/referrers.hh"

namespace osb::registry {
namespace {

class DistributionSink final : public oci::ImageSink {
  public:
    DistributionSink(oci::Reference reference, std::shared_ptr<const DistributionClient> client,
                     DistributionSinkOptions options)
        : reference_(std::move(reference)),
          client_(std::move(client)),
          options_(std::move(options)),
          manners_(std::make_shared<UploadManners>(options_.chunk_size,
                                                   std::min(options_.chunk_size, kLeastChunk))) {}

    bool has_blob(const oci::Descriptor& descriptor) override {
        {
            const std::lock_guard guard(mutex_);
            if (known_.contains(descriptor.digest)) return true;
        }
        const auto size = client_->head_blob(descriptor.digest);
        // A blob of another size does not count: the blob must match the manifest.
        const bool there = size && (*size == 0 || *size == descriptor.size);
        if (!there && (size || !mount(descriptor.digest))) return false;
        const std::lock_guard guard(mutex_);
        known_.insert(descriptor.digest);
        return true;
    }

    // A repository without tags has no blobs to look for.
    bool may_have_blobs() override {
        std::call_once(asked_, [this] {
            filled_ = !options_.mount_from.empty() || !list_some_tags(*client_, 1).empty();
        });
        return filled_;
    }

    std::unique_ptr<oci::BlobUpload> start_blob(std::optional<std::uint64_t> size) override {
        return start_blob_upload(client_, size, manners_);
    }

    void put_manifest(const std::string& raw, std::string_view media_type) override {
        std::string name = reference_.tag.empty() ? "latest" : reference_.tag;
        if (!reference_.digest.empty()) {
            const oci::Digest wanted = oci::Digest::parse(reference_.digest);
            const oci::Digest got = oci::Digest::of(as_bytes(raw), wanted.algorithm());
            if (got != wanted) {
                throw Error(ErrorKind::digest_mismatch,
                            concat("expected the image ", wanted.to_string(), ", got ", got.to_string()));
            }
            name = reference_.digest;
        }
        publish_manifest(*client_, name, raw, media_type);
    }

  private:
    bool mount(const oci::Digest& digest) {
        for (const std::string& from : options_.mount_from) {
            try {
                if (client_->mount_blob(digest, from)) return true;
            } catch (const Error& error) {
                // It would only have saved an upload.
                log_debug(error.message());
            }
        }
        return false;
    }

    oci::Reference reference_;
    std::shared_ptr<const DistributionClient> client_;
    DistributionSinkOptions options_;
    std::shared_ptr<UploadManners> manners_;
    std::mutex mutex_;
    std::set<oci::Digest> known_;
    std::once_flag asked_;
    bool filled_ = false;
};

}  // namespace

std::shared_ptr<oci::ImageSink> open_distribution_sink(const oci::Reference& reference,
                                                       std::shared_ptr<const DistributionClient> client,
                                                       DistributionSinkOptions options) {
    return std::make_shared<DistributionSink>(reference, std::move(client), std::move(options));
}

}  // namespace osb::registry
