// osb-oci union: joins package trees onto a base, as a commit.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/numbers.hh"
#include "cli/options/registry_flags.hh"
#include "cli/options/shared_arguments.hh"
#include "cli/options/verb.hh"
#include "cli/output/format.hh"
#include "cli/output/json_output.hh"
#include "image/sandbox/sandbox_plan.hh"
#include "oci/documents/reference.hh"
#include "oci/transports/image.hh"
#include "ostree/union/union.hh"
#include "registry/trust/verify_image.hh"

namespace osb::cli {
namespace {

constexpr std::size_t kShownConflicts = 20;

OrderedJson to_json(const ostree::UnionResult& result) {
    OrderedJson trees = OrderedJson::array();
    for (const ostree::UnionInputCommit& tree : result.trees) {
        trees.push_back({{"name", json_text(tree.name)}, {"commit", tree.commit}});
    }
    OrderedJson packages = OrderedJson::array();
    for (const ostree::UnionPackage& package : result.report.packages) {
        packages.push_back({{"name", json_text(package.name)},
                            {"version", json_text(package.version)},
                            {"earlier_version", json_text(package.earlier_version)}});
    }
    OrderedJson conflicts = OrderedJson::array();
    for (const ostree::UnionConflict& conflict : result.report.conflicts) {
        conflicts.push_back({{"path", json_text(conflict.path)},
                             {"tree", json_text(conflict.tree)},
                             {"package", json_text(conflict.package)},
                             {"earlier_package", json_text(conflict.earlier_package)}});
    }
    return {{"schema", 1},
            {"commit", result.commit},
            {"ref", result.ref},
            {"parent", json_text(result.parent)},
            {"unchanged", result.unchanged},
            {"kernel", json_text(result.kernel)},
            {"trees", std::move(trees)},
            {"packages", std::move(packages)},
            {"files_removed", result.report.files_removed},
            {"conflict_count", result.report.conflict_count},
            {"conflicts", std::move(conflicts)},
            {"objects_written", result.objects_written},
            {"bytes_written", result.bytes_written},
            {"notes", result.notes}};
}

std::string owner_text(const std::string& package) {
    return package.empty() ? "no package" : concat("the package ", quoted(package));
}

void warn_of_conflicts(const ostree::UnionReport& report) {
    const std::size_t shown = std::min(report.conflicts.size(), kShownConflicts);
    for (std::size_t i = 0; i < shown; ++i) {
        const ostree::UnionConflict& conflict = report.conflicts[i];
        log_warning(concat(quoted(conflict.path), " differs: ", quoted(conflict.tree), " (",
                           owner_text(conflict.package), ") replaces that of ",
                           owner_text(conflict.earlier_package)));
    }
    if (report.conflict_count > shown) {
        log_warning(
            concat(format_count(report.conflict_count - shown, "more path"), " differ; --json lists them"));
    }
}

std::string summary(const ostree::UnionResult& result) {
    if (result.unchanged) return concat("ref ", result.ref, " already holds this union: nothing was added");
    return concat("ref ", result.ref, ": ", format_count(result.trees.size(), "tree"), ", ",
                  format_count(result.report.packages.size(), "package"), " added or replaced, ",
                  format_count(result.report.conflict_count, "conflict"), ", wrote ",
                  format_count(result.objects_written, "object"), ", ", format_bytes(result.bytes_written));
}

class UnionVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            {.name = "BASE",
             .kind = ValueKind::tree,
             .help = "image, ref or commit of a root filesystem",
             .required = true,
             .target = &base_},
            {.name = "ADDON",
             .kind = ValueKind::tree,
             .help = "image, ref or commit of a package tree to join, in order",
             .required = true,
             .target = &addons_},
            ref_argument(ref_),
            {.name = "--layout",
             .value = "LAYOUT",
             .help = "bootable: the layout that ostree deploys; plain: the tree as it is in the images; "
                     "a commit as BASE keeps its layout if none is given",
             .default_shown = "bootable",
             .allowed = {"bootable", "plain"},
             .target = &layout_},
            platform_argument(platform_),
            {.name = "--subject",
             .value = "TEXT",
             .help = "subject of the commit",
             .target = &options_.subject},
            jobs_argument(options_.jobs),
        });
        registry_.declare(arguments);
    }

    std::optional<SandboxRules> sandbox(const CommonOptions& options, const Io& /*io*/) const override {
        image::SandboxPlan plan;
        plan.read_image(base_);
        for (const std::string& addon : addons_) plan.read_image(addon);
        plan.make_repository(options.repo);
        return plan.take();
    }

    void run(Session& session) override {
        if (!platform_.empty()) wanted_ = oci::Platform::parse(platform_);
        if (!ref_.empty()) options_.ref = ostree::RefName::parse(ref_);
        if (!layout_.empty()) {
            options_.layout = layout_ == "plain" ? ostree::Layout::plain : ostree::Layout::bootable;
        }
        const registry::RegistryOptions access = registry_.options();
        // Open the images first, so that a mistyped name creates no repository.
        std::vector<ostree::UnionInput> inputs{open_input(base_, access)};
        for (const std::string& addon : addons_) inputs.push_back(open_input(addon, access));
        if (inputs.front().image) options_.base_name = oci::Reference::parse(base_).short_name();
        ostree::Repository repository = ostree::Repository::open_or_create(session.options.repo);
        for (ostree::UnionInput& input : inputs) find_commit(repository, input);
        const ostree::UnionResult result =
            ostree::join_onto_base(repository, inputs, options_, session.progress);
        session.progress.end();
        warn_of_conflicts(result.report);
        for (const std::string& note : result.notes) session.note(note);
        session.note(summary(result));
        session.print(session.options.json ? to_document(to_json(result)) : concat(result.commit, '\n'));
    }

  private:
    // Opens an image. Any other name is a revision, which find_commit() looks up.
    ostree::UnionInput open_input(const std::string& name, const registry::RegistryOptions& access) const {
        if (!oci::Reference::looks_like_image(name))
            return {.name = name, .image = {}, .commit = {}, .platform = {}};
        const oci::Reference reference = oci::Reference::parse(name);
        oci::Image image = registry::open_trusted_image(reference, wanted_, access);
        // An archive of files has no platform: import assumes that of this machine.
        const bool has_platform = wanted_ || reference.transport != oci::Transport::tarball;
        std::optional<oci::Platform> platform;
        if (has_platform) platform = image.config.platform;
        return {.name = name, .image = std::move(image), .commit = {}, .platform = std::move(platform)};
    }

    static void find_commit(const ostree::Repository& repository, ostree::UnionInput& input) {
        if (input.image) return;
        input.commit = repository.resolve(input.name);
        if (input.commit) return;
        // A ref has no ':' but behind the name of a remote: this is probably a mistyped transport.
        if (input.name.find(':') != std::string::npos) static_cast<void>(oci::Reference::parse(input.name));
        throw ostree::revision_not_found(repository, input.name,
                                         concat("the repository has no commit ", quoted(input.name)));
    }

    std::string base_;
    std::vector<std::string> addons_;
    std::string ref_;
    std::string layout_;
    std::string platform_;
    std::optional<oci::Platform> wanted_;
    RegistryFlags registry_;
    ostree::UnionOptions options_;
};

}  // namespace

constexpr auto kUnionExamples = std::to_array<std::string_view>({
    "osb-oci union --ref os/x86_64/main tarball:alpine-minirootfs-3.20.3-x86_64.tar.gz oci:packages:v1",
    "osb-oci union --ref os/x86_64/web os/x86_64/main tarball:nginx.tar.zst tarball:settings.tar",
    "osb-oci union --json --ref os/x86_64/web os/x86_64/main addon/nginx | jq .conflicts",
});

const VerbEntry kUnionVerb{
    .name = "union",
    .summary = "Join package trees onto a base, as a commit",
    .description =
        "Joins root filesystems that apk installed separately: a base, and trees with more packages. BASE "
        "and each ADDON are an image of any transport, or a ref or commit of the repository. A later tree "
        "replaces files and packages of an earlier one. apk's database, scripts, triggers and world are "
        "joined, so that apk finds all packages in the result. Paths with different content that no "
        "package may replace are warnings. The commit's checksum goes to standard output.",
    .examples = kUnionExamples,
    .related = {"import", "export", "install-to-disk"},
    .uses_repository = true,
    .makes_repository = true,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<UnionVerb>(); },
};

}  // namespace osb::cli
