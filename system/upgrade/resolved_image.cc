#include "system/upgrade/resolved_image.hh"

#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/reference.hh"
#include "registry/transports/open_source.hh"
#include "registry/trust/verify_image.hh"

namespace osb::system {
namespace {

// A source whose root does not change after its creation.
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
    std::vector<oci::Descriptor> referrers(const oci::Digest& manifest,
                                           const std::string& artifact_type) override {
        return inner_->referrers(manifest, artifact_type);
    }
    oci::Traffic traffic() const override { return inner_->traffic(); }
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
    oci::Image out = with_context([this] { return concat("image ", quoted(reference)); },
                                  [this] { return oci::open_image(source, platform); });
    out.limits = options.image_limits;
    return out;
}

namespace {

ResolvedImage look_up(const oci::Reference& reference, const registry::RegistryOptions& options,
                      const std::optional<oci::Platform>& platform) {
    std::shared_ptr<oci::ImageSource> source =
        std::make_shared<PinnedSource>(registry::open_source(reference, platform, options));
    oci::Digest digest = oci::manifest_digest(*source, platform);
    registry::check_policy(reference, digest, options);
    return {.reference = reference.to_string(),
            .digest = std::move(digest),
            .source = std::move(source),
            .platform = platform,
            .options = options};
}

}  // namespace

ResolvedImage resolve_image(const std::string& reference, const registry::RegistryOptions& options,
                            const oci::Platform& machine) {
    std::optional<oci::Platform> platform;
    if (machine != oci::Platform::host()) platform = machine;
    try {
        return with_context([&] { return concat("image ", quoted(reference)); },
                            [&] { return look_up(oci::Reference::parse(reference), options, platform); });
    } catch (Error& error) {
        // The advice to choose a platform does not apply to a machine.
        if (error.hint().find("--platform") != std::string::npos) error.hint("");
        throw;
    }
}

}  // namespace osb::system
