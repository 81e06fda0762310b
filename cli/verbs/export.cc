// osb-oci export: writes a commit as an image.
#include "cli/options/export_flags.hh"
#include "cli/options/shared_arguments.hh"
#include "cli/options/verb.hh"
#include "image/sandbox/sandbox_plan.hh"

namespace osb::cli {
namespace {

class ExportVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({rev_argument(rev_), image_argument(image_)});
        flags_.declare(arguments);
    }

    std::optional<SandboxRules> sandbox(const CommonOptions& options, const Io& /*io*/) const override {
        image::SandboxPlan plan;
        plan.change_repository(options.repo);
        flags_.plan(plan, image_);
        return plan.take();
    }

    void run(Session& session) override { flags_.run(session, rev_, oci::Reference::parse(image_)); }

  private:
    std::string rev_;
    std::string image_;
    ExportFlags flags_;
};

}  // namespace

constexpr auto kExportExamples = std::to_array<std::string_view>({
    "osb-oci export --repo repo os/x86_64/main oci:out:v1",
    "osb-oci export --repo repo os/x86_64/main containers-storage:localhost/os:exported",
    "osb-oci export --compression gzip --max-layers 20 os/x86_64/main oci-archive:os.tar",
    "osb-oci export --previous docker://registry.example.com/os:v1 os/x86_64/main "
    "docker://registry.example.com/os:v2",
    "osb-oci export --cmd /bin/sh --cmd=-l --label org.opencontainers.image.vendor=Example os/x86_64/main "
    "oci:out",
});

const VerbEntry kExportVerb{
    .name = "export",
    .summary = "Export an ostree commit as a container image",
    .description =
        "Writes a commit of the repository as an image, at any transport, and prints the digest of the "
        "manifest. The default format holds the complete commit: 'osb-oci pull' restores it, bootc and "
        "rpm-ostree deploy it, and container runtimes run it. Files are grouped into layers by Alpine "
        "package, so that a layer changes only when its packages do. The same commit and options give "
        "the same digests.",
    .examples = kExportExamples,
    .related = {"push", "pull", "import", "inspect"},
    .uses_repository = true,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<ExportVerb>(); },
};

}  // namespace osb::cli
