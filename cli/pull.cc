// osb-oci pull: an encapsulated image becomes the very commit that is inside it.
#include <CLI/CLI.hpp>

#include "base/bytes.hh"
#include "cli/format.hh"
#include "cli/json_output.hh"
#include "cli/registry_flags.hh"
#include "cli/verb.hh"
#include "oci/image.hh"
#include "oci/reference.hh"
#include "ostree/pull.hh"
#include "registry/open_source.hh"

namespace osb::cli {
namespace {

OrderedJson to_json(const ostree::PullResult& result) {
    return {{"schema", 1},
            {"commit", result.commit},
            {"ref", result.ref},
            {"manifest_digest", result.manifest_digest},
            {"layers", result.layers},
            {"bytes_read", result.bytes_read},
            {"objects_written", result.objects_written},
            {"bytes_written", result.bytes_written}};
}

class PullVerb final : public Verb {
  public:
    void declare(CLI::App& app) override {
        app.add_option("IMAGE", image_,
                       "docker://, oci:, oci-archive:, docker-archive: or containers-storage:...")
            ->required();
        app.add_option("--ref", options_.ref, "the ref that names the commit [os/MACHINE/NAME]")
            ->type_name("REF");
        app.add_option("--platform", platform_, "which image of an index [this machine's]")
            ->type_name("OS/ARCH[/VARIANT]");
        app.add_option("--jobs", options_.jobs, "threads that work [one a core]")
            ->type_name("N")
            ->check(CLI::Range(1, kMaxJobs));
        registry_.declare(app);
    }

    void run(Session& session) override {
        const oci::Reference reference = oci::Reference::parse(image_);
        std::optional<oci::Platform> platform;
        if (!platform_.empty()) platform = oci::Platform::parse(platform_);
        if (!options_.ref.empty()) ostree::check_ref_name(options_.ref);
        const oci::Image image =
            oci::open_image(registry::open_source(reference, platform, registry_.options()), platform);
        if (options_.ref.empty()) {
            options_.ref =
                concat("os/", oci::machine_name(image.config.platform), '/', reference.short_name());
        }
        // Before a repository is made for nothing.
        ostree::check_pullable(image);
        ostree::Repository repository = ostree::Repository::open_or_create(session.options.repo);
        const ostree::PullResult result = ostree::pull_image(repository, image, options_, session.progress);
        session.progress.end();
        session.note(concat("ref ", result.ref, ": read ", format_bytes(result.bytes_read), ", wrote ",
                            format_count(result.objects_written, "object"), ", ",
                            format_bytes(result.bytes_written)));
        session.print(session.options.json ? to_document(to_json(result)) : result.commit + '\n');
    }

  private:
    static constexpr int kMaxJobs = 1024;

    std::string image_;
    std::string platform_;
    RegistryFlags registry_;
    ostree::PullOptions options_;
};

}  // namespace

const VerbEntry kPullVerb{
    .name = "pull",
    .summary = "Takes the ostree commit out of an image that holds one and prints its checksum",
    .examples =
        "  osb-oci pull --repo repo --ref os/x86_64/main docker://registry.example.com/os:v2\n"
        "  osb-oci pull oci:out:v1\n",
    .uses_repository = true,
    .makes_repository = true,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<PullVerb>(); },
};

}  // namespace osb::cli
