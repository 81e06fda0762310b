// osb-oci inspect: describes an image without reading its layers.
#include <algorithm>

#include "base/error.hh"
#include "base/escape.hh"
#include "cli/options/registry_flags.hh"
#include "cli/options/shared_arguments.hh"
#include "cli/options/verb.hh"
#include "cli/output/format.hh"
#include "cli/reports/image_report.hh"
#include "image/sandbox/sandbox_plan.hh"
#include "oci/documents/reference.hh"
#include "oci/transports/image.hh"
#include "ostree/import/fetch_plan.hh"
#include "registry/transports/open_source.hh"
#include "registry/trust/verify_image.hh"

namespace osb::cli {
namespace {

bool is_index(const oci::Document& document) {
    const oci::DocumentKind kind = document.media_type.empty() ? oci::sniff_document_kind(document.raw)
                                                               : oci::document_kind(document.media_type);
    return kind == oci::DocumentKind::index;
}

// True if an index has several entries with platforms and none for this machine, so that the user must
// choose.
bool leaves_choice(const oci::Index& index) {
    const oci::Platform host = oci::Platform::host();
    const auto names_another = [&host](const oci::Descriptor& entry) {
        return entry.platform &&
               (entry.platform->os != host.os || entry.platform->architecture != host.architecture);
    };
    return index.manifests.size() > 1 &&
           std::all_of(index.manifests.begin(), index.manifests.end(), names_another);
}

class InspectVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            image_argument(image_),
            platform_argument(platform_),
            {.name = "--raw", .help = "print the manifest byte for byte", .target = &raw_},
            {.name = "--config",
             .help = "print the image's configuration byte for byte",
             .excludes = {"--raw"},
             .target = &config_},
        });
        arguments.add({
            {.name = "--against",
             .value = "REV",
             .kind = ValueKind::revision,
             .help = "also show what a pull would fetch into the repository, which has this commit",
             .excludes = {"--raw", "--config"},
             .target = &against_},
        });
        registry_.declare(arguments);
    }

    std::optional<SandboxRules> sandbox(const CommonOptions& options, const Io& /*io*/) const override {
        image::SandboxPlan plan;
        plan.read_image(image_);
        if (!against_.empty()) plan.change_repository(options.repo);
        return plan.take();
    }

    void run(Session& session) override {
        const bool json = session.options.json;
        if (json && (raw_ || config_)) {
            throw Error(ErrorKind::usage,
                        "inspect: --json excludes --raw and --config, which are JSON already");
        }
        const oci::Reference reference = oci::Reference::parse(image_);
        std::optional<oci::Platform> platform;
        if (!platform_.empty()) platform = oci::Platform::parse(platform_);
        const registry::RegistryOptions options = registry_.options();
        const std::shared_ptr<oci::ImageSource> source = registry::open_source(reference, platform, options);
        if (!platform && !config_ && inspect_index(session, reference, *source, options)) return;
        oci::Image image = oci::open_image(source, platform);
        image.limits = options.image_limits;
        registry::check_policy(reference, image.manifest.digest, options);
        if (raw_) return print_document(session, image.manifest.raw);
        if (config_) return print_document(session, image.config.raw);
        const auto plan = find_plan(session.options.repo, image);
        session.print(json ? image_document(reference, image, plan) : describe_image(reference, image, plan));
    }

  private:
    std::optional<std::vector<ostree::PlannedWay>> find_plan(const std::string& repo,
                                                             const oci::Image& image) const {
        if (against_.empty()) return std::nullopt;
        const ostree::Repository repository = ostree::Repository::open(repo);
        if (!repository.resolve(against_)) {
            throw ostree::revision_not_found(repository, against_,
                                             concat("the repository has no commit ", osb::quoted(against_)));
        }
        ostree::ImageTables tables(image);
        ostree::ImageDeltas deltas(image);
        return ostree::plan_fetch(repository, image, tables, deltas);
    }

    // Shows an index of images for other machines, and returns true. Returns false for all other names.
    bool inspect_index(const Session& session, const oci::Reference& reference, oci::ImageSource& source,
                       const registry::RegistryOptions& options) const {
        const oci::Document root = source.root();
        if (root.raw.size() > oci::kMaxDocument || !is_index(root)) return false;
        const oci::Index index = oci::Index::parse(root.raw, root.media_type);
        if (!leaves_choice(index)) return false;
        if (root.expected &&
            oci::Digest::of(as_bytes(root.raw), root.expected->algorithm()) != *root.expected) {
            return false;  // open_image() reports the problem
        }
        const HashAlgorithm algorithm = root.expected ? root.expected->algorithm() : HashAlgorithm::sha256;
        registry::check_policy(reference, oci::Digest::of(as_bytes(root.raw), algorithm), options);
        if (raw_) {
            print_document(session, root.raw);
        } else if (session.options.json) {
            session.print(index_document(reference, index));
        } else {
            session.print(describe_index(reference, index));
        }
        return true;
    }

    // A file or program gets the original bytes, whose digest may matter; a terminal gets only printable
    // text.
    static void print_document(const Session& session, const std::string& raw) {
        session.print(session.console.io().out_is_terminal ? printable_lines(raw) + '\n' : raw);
    }

    std::string image_;
    std::string against_;
    std::string platform_;
    RegistryFlags registry_;
    bool raw_ = false;
    bool config_ = false;
};

}  // namespace

constexpr auto kInspectExamples = std::to_array<std::string_view>({
    "osb-oci inspect oci:build/image:v1",
    "osb-oci inspect --json containers-storage:localhost/os:1 | jq .layers",
    "osb-oci inspect --platform linux/arm64 docker://docker.io/library/alpine:3.20",
    "osb-oci inspect --raw oci-archive:image.tar | sha256sum",
    "osb-oci inspect --repo repo --against os/x86_64/main docker://registry.example.com/os:v2",
});

const VerbEntry kInspectVerb{
    .name = "inspect",
    .summary = "Show the manifest, configuration and layers of an image",
    .description =
        "Shows the facts of an image without reading its layers: platform, labels, annotations, layers "
        "and sizes, and the ostree commit if the image holds one. An index that has no image for this "
        "machine is shown as a list of its images. --raw and --config print the document byte for byte. "
        "--against shows what a pull into the repository would fetch.",
    .examples = kInspectExamples,
    .related = {"import", "pull"},
    .uses_repository = true,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<InspectVerb>(); },
};

}  // namespace osb::cli
