#include "registry/distribution_source.hh"

#include <atomic>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "registry/blob_download.hh"

namespace osb::registry {
namespace {

using Client = std::shared_ptr<const DistributionClient>;

bool is_document(const oci::Descriptor& descriptor) {
    const std::string type = oci::media_type_essence(descriptor.media_type);
    return type == oci::kMediaTypeManifest || type == oci::kMediaTypeIndex ||
           type == oci::kMediaTypeDockerManifest || type == oci::kMediaTypeDockerManifestList;
}

// A document that was read whole.
class TextSource final : public Source {
  public:
    explicit TextSource(std::string text) : text_(std::move(text)), inner_(as_bytes(text_)) {}
    std::size_t read(MutableBytes buffer) override { return inner_.read(buffer); }

  private:
    std::string text_;
    MemorySource inner_;
};

class DistributionSource final : public oci::ImageSource {
  public:
    DistributionSource(oci::Reference reference, std::vector<Client> endpoints)
        : reference_(std::move(reference)), endpoints_(std::move(endpoints)) {}

    oci::Document root() override {
        const std::string& wanted = reference_.digest.empty() ? reference_.tag : reference_.digest;
        return first_that(
            [&](const Client& client) { return client->get_manifest(wanted.empty() ? "latest" : wanted); });
    }

    std::unique_ptr<Source> open_blob(const oci::Descriptor& descriptor) override {
        return first_that([&](const Client& client) -> std::unique_ptr<Source> {
            if (is_document(descriptor)) {
                return std::make_unique<TextSource>(client->get_manifest(descriptor.digest.to_string()).raw);
            }
            return open_blob_download(client, descriptor);
        });
    }

  private:
    // What `ask` returns for the endpoint that is in use, else for the next one that does it.
    template<typename Ask>
    auto first_that(const Ask& ask) -> decltype(ask(std::declval<const Client&>())) {
        const std::size_t first = current_;
        for (std::size_t i = 0;; ++i) {
            const std::size_t index = (first + i) % endpoints_.size();
            try {
                auto out = ask(endpoints_[index]);
                current_ = index;
                return out;
            } catch (const Error& error) {
                if (i + 1 == endpoints_.size()) throw;
                log_warning(error.message());
            }
        }
    }

    oci::Reference reference_;
    std::vector<Client> endpoints_;
    std::atomic<std::size_t> current_ = 0;
};

}  // namespace

std::shared_ptr<oci::ImageSource> open_distribution_source(const oci::Reference& reference,
                                                           std::vector<Client> endpoints) {
    if (endpoints.empty()) throw Error(ErrorKind::internal, "an image without an endpoint");
    return std::make_shared<DistributionSource>(reference, std::move(endpoints));
}

}  // namespace osb::registry
