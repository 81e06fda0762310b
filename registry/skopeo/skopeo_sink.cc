#include "registry/skopeo/skopeo_sink.hh"

#include <string>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/scratch_directory.hh"
#include "base/subprocess.hh"
#include "oci/transports/oci_archive_sink.hh"

namespace osb::registry {
namespace {

class SkopeoSink final : public oci::ImageSink {
  public:
    SkopeoSink(const oci::Reference& reference, std::vector<std::string> program)
        : target_(reference.to_string()),
          program_(std::move(program)),
          archive_(scratch_.path() + "/image.tar"),
          sink_(oci::create_oci_archive_sink(archive_, "image")) {}

    bool has_blob(const oci::Descriptor& descriptor) override { return sink_->has_blob(descriptor); }

    std::unique_ptr<oci::BlobUpload> start_blob(std::optional<std::uint64_t> size) override {
        return sink_->start_blob(size);
    }

    void put_manifest(const std::string& raw, std::string_view media_type) override {
        sink_->put_manifest(raw, media_type);
        SubprocessOptions options{.argv = program_};
        // The signature policy is for images from other sources; this image is our own.
        for (const char* argument : {"--insecure-policy", "copy", "--quiet"})
            options.argv.emplace_back(argument);
        options.argv.push_back(concat("oci-archive:", archive_, ":image"));
        options.argv.push_back(target_);
        with_context([this] { return concat("cannot write ", quoted(target_)); },
                     [&] { Subprocess(options).wait(); });
    }

  private:
    std::string target_;
    std::vector<std::string> program_;
    ScratchDirectory scratch_;
    std::string archive_;
    std::unique_ptr<oci::ImageSink> sink_;
};

}  // namespace

std::unique_ptr<oci::ImageSink> create_skopeo_sink(const oci::Reference& reference,
                                                   std::vector<std::string> program) {
    return std::make_unique<SkopeoSink>(reference, std::move(program));
}

}  // namespace osb::registry
