#include "registry/skopeo/proxy_source.hh"

#include <unistd.h>

#include <mutex>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "registry/auth/text_source.hh"
#include "registry/skopeo/proxy_pool.hh"

namespace osb::registry {
namespace {

using oci::Digest;
using oci::Transport;

// Old proxies keep a blob's temporary file open, and thus its disk space, until they end.
constexpr std::uint64_t kRetireBytes = 1024UL * 1024;

// A blob that is read through a proxy of its own.
class BlobSource final : public Source {
  public:
    BlobSource(const std::shared_ptr<ProxyPool>& pool, const Digest& digest,
               std::optional<std::uint64_t> size)
        : lease_(pool) {
        size_ = lease_->begin_blob(digest, size);
        // The proxy has its file open now, and so do the other proxies.
        pool->scratch().remove_files();
    }

    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = lease_->read_blob(buffer);
        count_ += n;
        if (lease_->version() < kGetLayerInfo && count_ > kRetireBytes) lease_.retire();
        return n;
    }

    std::optional<std::uint64_t> size() const noexcept { return size_; }

  private:
    ProxyLease lease_;
    std::optional<std::uint64_t> size_;
    std::uint64_t count_ = 0;
};

class ProxySource final : public oci::ImageSource {
  public:
    ProxySource(oci::Reference reference, std::shared_ptr<ProxyPool> pool)
        : reference_(std::move(reference)), pool_(std::move(pool)) {}

    oci::Document root() override;
    std::unique_ptr<Source> open_blob(const oci::Descriptor& descriptor) override;
    oci::LayerBlob open_layer(const oci::Manifest& manifest, const oci::ImageConfig& config,
                              std::size_t index) override;

  private:
    std::optional<std::uint64_t> stored_size(const Digest& diff_id);

    oci::Reference reference_;
    std::shared_ptr<ProxyPool> pool_;
    std::mutex mutex_;  // protects the following members
    bool converted_ = false;
    std::optional<std::vector<ProxyLayer>> layers_;
};

oci::Document ProxySource::root() {
    SkopeoProxy::Manifest manifest = [this] { return ProxyLease(pool_)->get_manifest(); }();
    const Digest original = Digest::parse(manifest.original_digest);
    const bool converted = Digest::of(as_bytes(manifest.raw), original.algorithm()) != original;
    bool told = false;
    {
        const std::lock_guard lock(mutex_);
        told = std::exchange(converted_, converted);
    }
    if (converted && !told) {
        log_info(concat("the image is in Docker's format, digest ", original.to_string(),
                        "; skopeo converts it to OCI"));
    }
    oci::Document document{.raw = std::move(manifest.raw),
                           .media_type = std::string(oci::kMediaTypeManifest),
                           .expected = std::nullopt};
    if (reference_.transport == Transport::docker) {
        pool_->set_name(concat("docker://", reference_.location, '@', original.to_string()));
        // The digest of an index or of a manifest in Docker's format does not match these bytes. In that case
        // skopeo has checked the digest.
        if (reference_.digest == original.to_string() && !converted) document.expected = original;
    }
    return document;
}

std::unique_ptr<Source> ProxySource::open_blob(const oci::Descriptor& descriptor) {
    bool converted = false;
    {
        const std::lock_guard lock(mutex_);
        converted = converted_;
    }
    // The storage does not have the config of a converted manifest.
    if (converted && descriptor.media_type == oci::kMediaTypeConfig) {
        return std::make_unique<TextSource>(ProxyLease(pool_)->get_full_config());
    }
    return std::make_unique<BlobSource>(pool_, descriptor.digest, descriptor.size);
}

oci::LayerBlob ProxySource::open_layer(const oci::Manifest& manifest, const oci::ImageConfig& config,
                                       std::size_t index) {
    if (reference_.transport != Transport::containers_storage) {
        return ImageSource::open_layer(manifest, config, index);
    }
    const Digest& diff_id = config.diff_ids.at(index);
    const oci::Descriptor& layer = manifest.layers.at(index);
    const std::optional<std::uint64_t> size = layer.digest == diff_id ? layer.size : stored_size(diff_id);
    auto blob = std::make_unique<BlobSource>(pool_, diff_id, size);
    const std::optional<std::uint64_t> said = blob->size();
    return {.bytes = std::move(blob),
            .digest = diff_id,
            .size = size ? size : said,
            .compression = oci::Compression::none};
}

std::optional<std::uint64_t> ProxySource::stored_size(const Digest& diff_id) {
    const std::lock_guard lock(mutex_);
    if (!layers_) {
        layers_.emplace();
        const ProxyLease proxy(pool_);
        if (proxy->version() >= kGetLayerInfo) {
            try {
                layers_ = proxy->get_layers();
            } catch (const Error& error) {
                // The storage does not know its sizes. The digest is checked anyway.
                log_debug(error.message());
            }
        }
    }
    for (const ProxyLayer& layer : *layers_) {
        if (layer.digest == diff_id.to_string()) return layer.size;
    }
    return std::nullopt;
}

std::vector<std::string> command_line(std::vector<std::string> argv,
                                      const std::optional<oci::Platform>& platform) {
    if (!platform) return argv;
    argv.insert(argv.end(), {"--override-os", platform->os, "--override-arch", platform->architecture});
    if (!platform->variant.empty()) argv.insert(argv.end(), {"--override-variant", platform->variant});
    return argv;
}

void add_hint(Error& error, const oci::Reference& reference) {
    if (!error.hint().empty()) return;
    if (reference.transport == Transport::containers_storage) {
        if (::geteuid() != 0) {
            error.hint(
                "images of rootless podman are only visible in its namespace: podman unshare osb-oci ...");
        } else if (error.kind() == ErrorKind::not_found) {
            error.hint("'podman images' lists the images of root");
        }
    } else if (error.message().find("unauthorized") != std::string::npos ||
               error.message().find("denied") != std::string::npos) {
        error.hint(
            "log in with 'skopeo login HOST'; registries also answer like this for names that do not exist");
    }
}

}  // namespace

std::shared_ptr<oci::ImageSource> open_proxy_source(const oci::Reference& reference,
                                                    const std::optional<oci::Platform>& platform,
                                                    const std::vector<std::string>& program) {
    const bool remote = reference.transport == Transport::docker;
    const std::string name = reference.to_string();
    try {
        auto pool = std::make_shared<ProxyPool>(command_line(program, platform), name,
                                                remote ? ErrorKind::unavailable : ErrorKind::io);
        // Fail early if the image does not exist. The proxy returns to the pool.
        const ProxyLease first(pool);
        return std::make_shared<ProxySource>(reference, pool);
    } catch (Error& error) {
        error.add_context(osb::quoted(name));
        add_hint(error, reference);
        throw;
    }
}

}  // namespace osb::registry
