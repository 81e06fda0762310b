#include "system/resolved_image.hh"

#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "oci/reference.hh"
#include "registry/open_source.hh"

namespace osb::system {
namespace {

// A source whose root stays what it was when it was made.
class PinnedSource final : public oci::ImageSource {
  public:
    explicit PinnedSource(std::shared_ptr<oci::ImageSource> inner)
        : inner_(std::move(inner)), root_(inner_->root()) {}

    oci::Document root() override { return root_; }
    std::unique_ptr<Source> open_blob(const oci::Descriptor& descriptor) override {
        return inner_->open_blob(descriptor);
    }
    std::unique_ptr<Source> open_range(const oci::Descriptor& descriptor, std::uint64_t offset,
                                       std::uint64_t length) override {
        return inner_->open_range(descriptor, offset, length);
    }
    oci::LayerBlob open_layer(const oci::Manifest& manifest, const oci::ImageConfig& config,
                              std::size_t index) override {
        return inner_->open_layer(manifest, config, index);
    }

  private:
    std::shared_ptr<oci::ImageSource> inner_;
    oci::Document root_;
};

}  // namespace

oci::Image ResolvedImage::open() const {
    return with_context([this] { return concat("image ", quoted(reference)); },
                        [this] { return oci::open_image(source, std::nullopt); });
}

ResolvedImage resolve_image(const std::string& reference, const registry::RegistryOptions& options) {
    return with_context(
        [&] { return concat("image ", quoted(reference)); },
        [&] {
            const oci::Reference parsed = oci::Reference::parse(reference);
            std::shared_ptr<oci::ImageSource> source =
                std::make_shared<PinnedSource>(registry::open_source(parsed, std::nullopt, options));
            oci::Digest digest = oci::manifest_digest(*source, std::nullopt);
            return ResolvedImage{
                .reference = parsed.to_string(), .digest = std::move(digest), .source = std::move(source)};
        });
}

}  // namespace osb::system
