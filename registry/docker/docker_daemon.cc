#include "registry/docker/docker_daemon.hh"

#include <string>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "oci/transports/docker_archive_sink.hh"
#include "oci/transports/docker_archive_source.hh"
#include "registry/http/spool.hh"

namespace osb::registry {
namespace {

// The image as the daemon names it.
std::string daemon_name(const oci::Reference& reference) {
    if (reference.location.empty()) return reference.digest;
    if (!reference.digest.empty()) return concat(reference.location, '@', reference.digest);
    return concat(reference.location, ':', reference.tag);
}

std::string checked_target(const oci::Reference& reference) {
    if (!reference.digest.empty()) {
        throw Error(ErrorKind::usage, concat("cannot write to ", quoted(reference.to_string()),
                                             ": the daemon determines ids and digests itself"))
            .hint("write docker-daemon:NAME:TAG");
    }
    return daemon_name(reference);
}

class DaemonSink final : public oci::ImageSink {
  public:
    DaemonSink(const oci::Reference& reference, const DockerEnvironment& environment)
        : target_(checked_target(reference)),
          engine_(environment),
          archive_(oci::create_docker_archive_sink(spool_, target_)) {
        engine_.ping();
    }

    bool has_blob(const oci::Descriptor& descriptor) override { return archive_->has_blob(descriptor); }

    std::unique_ptr<oci::BlobUpload> start_blob(std::optional<std::uint64_t> size) override {
        return archive_->start_blob(size);
    }

    void put_manifest(const std::string& raw, std::string_view media_type) override {
        archive_->put_manifest(raw, media_type);
        engine_.load(spool_.bytes());
    }

  private:
    std::string target_;
    DockerEngine engine_;
    Spool spool_;
    std::unique_ptr<oci::ImageSink> archive_;
};

}  // namespace

std::shared_ptr<oci::ImageSource> open_daemon_source(const oci::Reference& reference,
                                                     const DockerEnvironment& environment) {
    DockerEngine engine(environment);
    const std::string name = reference.to_string();
    const std::unique_ptr<Source> archive = engine.save(daemon_name(reference));
    return oci::read_docker_archive(*archive, name);
}

std::unique_ptr<oci::ImageSink> create_daemon_sink(const oci::Reference& reference,
                                                   const DockerEnvironment& environment) {
    return std::make_unique<DaemonSink>(reference, environment);
}

}  // namespace osb::registry
