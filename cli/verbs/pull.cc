// osb-oci pull: extracts the identical commit from an encapsulated image.
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/numbers.hh"
#include "cli/options/commit_trust.hh"
#include "cli/options/fetch_flag.hh"
#include "cli/options/registry_flags.hh"
#include "cli/options/shared_arguments.hh"
#include "cli/options/verb.hh"
#include "cli/output/format.hh"
#include "cli/output/json_output.hh"
#include "cli/reports/transfer_report.hh"
#include "image/sandbox/sandbox_plan.hh"
#include "oci/documents/reference.hh"
#include "oci/transports/image.hh"
#include "ostree/import/pull.hh"
#include "registry/trust/verify_image.hh"

namespace osb::cli {
namespace {

OrderedJson to_json(const ostree::PullResult& result) {
    return {{"schema", 1},
            {"commit", result.commit},
            {"ref", *result.ref},
            {"manifest_digest", result.manifest_digest},
            {"layers", result.layers},
            {"bytes_read", result.bytes_read},
            {"transfer", transfer_to_json(result.transfer)},
            {"objects_written", result.objects_written},
            {"bytes_written", result.bytes_written}};
}

class PullVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            image_argument(image_),
            ref_argument(ref_),
            platform_argument(platform_),
            commit_remote_argument(remote_),
            jobs_argument(options_.jobs),
        });
        fetch_.declare(arguments);
        registry_.declare(arguments);
    }

    std::optional<SandboxRules> sandbox(const CommonOptions& options, const Io& /*io*/) const override {
        image::SandboxPlan plan;
        plan.read_image(image_);
        plan.make_repository(options.repo);
        plan.verify_commits(options.repo, remote_);
        return plan.take();
    }

    void run(Session& session) override {
        const oci::Reference reference = oci::Reference::parse(image_);
        std::optional<oci::Platform> platform;
        if (!platform_.empty()) platform = oci::Platform::parse(platform_);
        if (!ref_.empty()) options_.ref = ostree::RefName::parse(ref_);
        const oci::Image image = registry::open_trusted_image(reference, platform, registry_.options());
        if (!options_.ref) {
            options_.ref = ostree::RefName::parse(
                concat("os/", oci::machine_name(image.config.platform), '/', reference.short_name()));
        }
        options_.fetch = fetch_.way();
        // Check this before a repository is created.
        if (remote_.empty()) ostree::check_pullable(image);
        ostree::Repository repository = open_repository(session.options.repo, remote_);
        const std::optional<ostree::Encapsulated> verified = verified_commit(repository, remote_, image);
        if (verified) options_.required_commit = verified->commit;
        const ostree::PullResult result = ostree::pull_image(repository, image, options_, session.progress);
        store_verified(repository, verified);
        session.progress.end();
        session.note(concat("ref ", *result.ref, ": ", describe_transfer(result.transfer), "; wrote ",
                            format_count(result.objects_written, "object"), ", ",
                            format_bytes(result.bytes_written)));
        session.print(session.options.json ? to_document(to_json(result)) : concat(result.commit, '\n'));
    }

  private:
    std::string image_;
    std::string platform_;
    std::string ref_;
    std::string remote_;
    FetchFlag fetch_;
    RegistryFlags registry_;
    ostree::PullOptions options_;
};

}  // namespace

constexpr auto kPullExamples = std::to_array<std::string_view>({
    "osb-oci pull --repo repo --ref os/x86_64/main docker://registry.example.com/os:v2",
    "osb-oci pull --repo repo --remote vendor docker://registry.example.com/os:v2",
    "osb-oci pull oci:out:v1",
});

const VerbEntry kPullVerb{
    .name = "pull",
    .summary = "Pull the ostree commit that an image holds",
    .description =
        "Restores the commit inside an image that 'osb-oci export' or 'osb-oci push' wrote. The commit "
        "is identical to the original, signatures included, and every object is checked against its "
        "checksum. By a delta, the signatures are those that the delta carries. With --remote, the commit "
        "must be signed as the configuration of that remote requires, and nothing is stored otherwise; the "
        "signatures of the image are then stored in any case. The commit's checksum goes to standard output. "
        "Ordinary images do "
        "not hold a commit "
        "and are refused: use 'osb-oci import' for them.",
    .examples = kPullExamples,
    .related = {"import", "export", "push", "inspect"},
    .uses_repository = true,
    .makes_repository = true,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<PullVerb>(); },
};

}  // namespace osb::cli
