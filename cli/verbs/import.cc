// osb-oci import: imports an image as an ostree commit.
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "base/numbers.hh"
#include "cli/options/commit_trust.hh"
#include "cli/options/fetch_flag.hh"
#include "cli/options/registry_flags.hh"
#include "cli/options/shared_arguments.hh"
#include "cli/options/verb.hh"
#include "cli/output/format.hh"
#include "cli/output/json_output.hh"
#include "cli/reports/transfer_report.hh"
#include "image/lint/lint.hh"
#include "image/sandbox/sandbox_plan.hh"
#include "oci/documents/reference.hh"
#include "oci/transports/image.hh"
#include "ostree/import/import.hh"
#include "registry/trust/verify_image.hh"

namespace osb::cli {
namespace {

OrderedJson to_json(const ostree::ImportResult& result) {
    const auto text_or_null = [](const std::string& text) {
        return text.empty() ? OrderedJson(nullptr) : OrderedJson(text);
    };
    return {{"schema", 1},
            {"commit", result.commit},
            {"ref", result.ref},
            {"parent", json_text(result.parent)},
            {"base", json_text(result.base)},
            {"unchanged", result.unchanged},
            {"signatures_added", result.signatures_added},
            {"manifest_digest", result.manifest_digest},
            {"version", text_or_null(result.version)},
            {"kernel", text_or_null(result.kernel)},
            {"layers", result.layers},
            {"layers_reused", result.layers_reused},
            {"bytes_read", result.bytes_read},
            {"transfer", transfer_to_json(result.transfer)},
            {"objects_written", result.objects_written},
            {"bytes_written", result.bytes_written},
            {"notes", result.notes}};
}

std::string summary(const ostree::ImportResult& result) {
    const std::string signatures =
        result.signatures_added > 0 ? concat("; added ", format_count(result.signatures_added, "signature"))
                                    : std::string();
    if (result.unchanged) {
        return concat("ref ", result.ref, " already holds this image",
                      signatures.empty() ? ": nothing was added" : signatures);
    }
    return concat("ref ", result.ref, ": ", format_count(result.layers, "layer"), " (", result.layers_reused,
                  " known already), ", describe_transfer(result.transfer), "; wrote ",
                  format_count(result.objects_written, "object"), ", ", format_bytes(result.bytes_written),
                  signatures);
}

// Reports the number of findings of `lint`, without those of which import has warned. The import is complete,
// so no failure here may end it.
void note_lint(const Session& session, const ostree::Repository& repository,
               const ostree::ImportResult& result) {
    try {
        std::vector<image::Finding> findings = image::lint_commit(repository, result.commit, {}).findings;
        std::erase_if(findings, [](const image::Finding& finding) { return finding.import_warns_of_it; });
        if (findings.empty()) return;
        session.note(concat("lint: ", image::count_findings(findings), ": 'osb-oci lint ", result.ref,
                            findings.size() == 1 ? "' shows it" : "' shows them"));
    } catch (const Interrupted&) {
        log_debug("lint was interrupted");
    } catch (const std::exception& error) {
        log_debug(concat("lint failed: ", error.what()));
    }
}

class ImportVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            image_argument(image_),
            ref_argument(ref_),
            {.name = "--layout",
             .value = "LAYOUT",
             .help = "bootable: the layout that ostree deploys; plain: the tree as it is in the image",
             .default_shown = "bootable",
             .allowed = {"bootable", "plain"},
             .target = &layout_},
            platform_argument(platform_),
            {.name = "--parent",
             .value = "COMMIT",
             .kind = ValueKind::revision,
             .help = "auto: the commit that the image is built on, else the ref's current commit; none; or a "
                     "commit",
             .default_shown = "auto",
             .offered = {"auto", "none"},
             .target = &parent_},
            {.name = "--subject",
             .value = "TEXT",
             .help = "subject of the commit",
             .target = &options_.subject},
            commit_remote_argument(remote_),
            jobs_argument(options_.jobs),
        });
        sign_.declare(arguments);
        fetch_.declare(arguments);
        registry_.declare(arguments);
    }

    std::optional<SandboxRules> sandbox(const CommonOptions& options, const Io& /*io*/) const override {
        image::SandboxPlan plan;
        plan.read_image(image_);
        plan.make_repository(options.repo);
        plan.verify_commits(options.repo, remote_);
        plan.sign_commits({.keys = {}, .gpg_keys = sign_.gpg_keys, .gpg_homedir = sign_.gpg_homedir});
        return plan.take();
    }

    void run(Session& session) override {
        const oci::Reference reference = oci::Reference::parse(image_);
        std::optional<oci::Platform> platform;
        if (!platform_.empty()) platform = oci::Platform::parse(platform_);
        if (!ref_.empty()) options_.ref = ostree::RefName::parse(ref_);
        options_.name = reference.short_name();
        options_.layout = layout_ == "plain" ? ostree::Layout::plain : ostree::Layout::bootable;
        options_.fetch = fetch_.way();
        set_parent();
        options_.signers = sign_.signers();

        // Open the image first, so that a mistyped name creates no repository.
        const oci::Image image = registry::open_trusted_image(reference, platform, registry_.options());
        ostree::Repository repository = open_repository(session.options.repo, remote_);
        const std::optional<ostree::Encapsulated> verified = verified_commit(repository, remote_, image);
        if (verified) options_.required_commit = verified->commit;
        const ostree::ImportResult result =
            ostree::import_image(repository, image, options_, session.progress);
        store_verified(repository, verified);
        session.progress.end();
        for (const std::string& note : result.notes) session.note(note);
        session.note(summary(result));
        session.print(session.options.json ? to_document(to_json(result)) : concat(result.commit, '\n'));
        const bool is_new_system = options_.layout == ostree::Layout::bootable && !result.unchanged;
        if (is_new_system && !session.options.quiet) note_lint(session, repository, result);
    }

  private:
    void set_parent() {
        options_.parent = ostree::Parent::automatic;
        if (parent_ == "none") options_.parent = ostree::Parent::none;
        if (parent_ == "none" || parent_ == "auto") return;
        if (parent_.empty()) throw Error(ErrorKind::usage, "import: --parent is empty");
        options_.parent = ostree::Parent::commit;
        options_.parent_commit = parent_;
    }

    std::string image_;
    std::string ref_;
    std::string layout_ = "bootable";
    std::string platform_;
    std::string remote_;
    SignFlags sign_;
    FetchFlag fetch_;
    RegistryFlags registry_;
    std::string parent_ = "auto";
    ostree::ImportOptions options_;
};

}  // namespace

constexpr auto kImportExamples = std::to_array<std::string_view>({
    "podman build -t localhost/os:1 .",
    "osb-oci import --repo repo --ref os/x86_64/main containers-storage:localhost/os:1",
    "osb-oci import oci:build/image:v1",
    "osb-oci import --ref os/x86_64/main --sign site.key oci:build/image:v1",
    "podman save --format oci-archive localhost/os:1 | osb-oci import --ref os/x86_64/main oci-archive:-",
    "osb-oci import --platform linux/arm64 --layout plain docker://docker.io/library/alpine:3.20",
});

const VerbEntry kImportVerb{
    .name = "import",
    .summary = "Import a container image as an ostree commit",
    .description =
        "Reads the layers of an image and writes them to the repository as one commit. The commit's "
        "checksum goes to standard output. The same image always gives the same commit, and layers that "
        "were imported before are not read again. By default the tree gets the layout that ostree "
        "deploys: /etc moves to /usr/etc, and the kernel to /usr/lib/modules. --sign signs the commit. "
        "Archive repositories need "
        "no privileges; bare repositories need root.",
    .examples = kImportExamples,
    .related = {"pull", "export", "inspect", "lint", "install-to-disk"},
    .uses_repository = true,
    .makes_repository = true,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<ImportVerb>(); },
};

}  // namespace osb::cli
