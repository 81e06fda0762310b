// osb-oci export: a commit becomes an image.
#include <CLI/CLI.hpp>

#include "cli/export_flags.hh"
#include "cli/verb.hh"

namespace osb::cli {
namespace {

class ExportVerb final : public Verb {
  public:
    void declare(CLI::App& app) override {
        app.add_option("REV", rev_, "a ref or a commit")->required();
        app.add_option("IMAGE", image_,
                       "docker://, oci:, oci-archive:, docker-archive: or containers-storage:...")
            ->required();
        flags_.declare(app);
    }

    void run(Session& session) override { flags_.run(session, rev_, oci::Reference::parse(image_)); }

  private:
    std::string rev_;
    std::string image_;
    ExportFlags flags_;
};

}  // namespace

const VerbEntry kExportVerb{
    .name = "export",
    .summary = "Turns an ostree commit into a container image and prints its digest",
    .examples =
        "  osb-oci export --repo repo os/x86_64/main oci:out:v1\n"
        "  osb-oci export --repo repo os/x86_64/main containers-storage:localhost/os:exported\n"
        "  osb-oci export --compression gzip --max-layers 20 os/x86_64/main oci-archive:os.tar\n"
        "  osb-oci export --previous docker://registry.example.com/os:v1 os/x86_64/main "
        "docker://registry.example.com/os:v2\n"
        "  osb-oci export --cmd /bin/sh --cmd=-l --label org.opencontainers.image.vendor=Example "
        "os/x86_64/main oci:out\n",
    .uses_repository = true,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<ExportVerb>(); },
};

}  // namespace osb::cli
